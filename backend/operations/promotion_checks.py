"""A check run on each version's commit that says what stands between it and production, as the page and the CLI do.

```
two workers at once        one takes the right to tell, the other finds it taken and looks again later
died after GitHub made it  the right ends after CLAIM; the next one finds the check run by its name and our id
GitHub away                the right is given back and the look ends; nothing else waits for it
GitHub refuses one         said once; asked again when there is something else to say
```
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from backend.domain.clock import Clock
from backend.domain.endpoints import Endpoint
from backend.domain.people import WORKER
from backend.domain.registry import ModelVersion
from backend.domain.value import Value
from backend.errors import BackendError, NotFound, RemoteRejected
from backend.gateways.github.checks import Checks, Report
from backend.operations.decision import Live, decide
from backend.operations.promotion_report import finished, report_of
from backend.settings_project import Project
from backend.store import Store

LATEST = 20
"""Versions that are told of; an older one is told of once more, that it no longer is."""
CLAIM = timedelta(minutes=2)
"""Longer than the network timeouts of the three calls that tell of one version."""
MARKS = "promotion check/"

_log = logging.getLogger(__name__)


class Told(Value):
    """What is known of one version's check run: its id at GitHub (0: none), what it says, and who is just writing it.

    `about` is set where nothing is left to decide: what would have to change before it is looked at again. `open` says
    that it is looked at however many versions are newer.
    """

    check: int = 0
    digest: str = ""
    about: str = ""
    open: bool = True
    busy_until: datetime | None = None


class PromotionChecks:
    """Converges: whatever was missed or told twice, the next look makes right."""

    def __init__(
        self,
        store: Store,
        checks: Checks,
        serving: Callable[[], Endpoint | None],
        project: Project,
        console: str,
        clock: Clock,
    ) -> None:
        """`serving` reads the production endpoint, `console` is the console's public address."""
        self._store = store
        self._checks = checks
        self._serving = serving
        self._project = project
        self._console = console
        self._clock = clock
        self._refused: dict[str, str] = {}

    def look(self, versions: tuple[ModelVersion, ...]) -> None:
        """Tell of every version about which there is something new to say. Raises what the services raise."""
        marks = self._store.marks.below(MARKS)
        newest = sorted((v for v in versions if v.lineage.commit), key=lambda v: v.created_at, reverse=True)
        stable = self._store.promotions.stable(self._project.endpoint)
        production = stable.id if stable is not None else ""
        # One reading for all: two would cost twice, and the list of one version is no better known than another's.
        endpoint: list[Endpoint | None] = []

        def serving() -> Endpoint | None:
            if not endpoint:
                endpoint.append(self._serving())
            return endpoint[0]

        for place, version in enumerate(newest):
            text = marks.get(_mark(version), "")
            told = _read(text)
            left = place >= LATEST
            if left and not (text and told.open):
                continue
            about = self._about(version, production)
            if told.about != about:
                self._look_at(version, text, about, serving, left=left)

    def _look_at(
        self, version: ModelVersion, text: str, about: str, serving: Callable[[], Endpoint | None], *, left: bool
    ) -> None:
        told = _read(text)
        decision = decide(self._store, self._project, WORKER, version, Live(serving()), self._clock())
        serves = decision.serves
        over, left = finished(decision), left and not serves
        report = report_of(decision, self._console, left=left)
        settled = over or left or serves
        now = Told(check=told.check, digest=_digest(report), about=about if settled else "", open=not (over or left))
        if self._refused.get(version.version) == now.digest:
            return
        if told.digest == now.digest:
            if told != now:
                self._replace(version, text, now)
            return
        claimed = self._claim(version, text, told)
        if claimed is None:
            return
        free = told.model_copy(update={"busy_until": None})
        try:
            check = self._write(version, report, told.check, claimed, begin=not (over or left))
        except (RemoteRejected, NotFound) as error:
            self._replace(version, _text(claimed), free)
            self._refused[version.version] = now.digest
            _log.warning("the check run %s is not written: %s", report.name, error)
            return
        except BackendError:
            self._replace(version, _text(claimed), free)
            raise
        if check is not None:
            self._replace(version, _text(claimed), now.model_copy(update={"check": check}))

    def _write(self, version: ModelVersion, report: Report, known: int, claimed: Told, *, begin: bool) -> int | None:
        """The id of the check run that now says this; 0 where there is none and none is to begin, None if not done."""
        if known:
            try:
                self._checks.change(known, report)
            except NotFound:
                # The repository was made anew, or GitHub has cleared it away.
                known = 0
        known = known or self._found(version, report)
        if known or not begin:
            return known
        if claimed.busy_until is None or self._clock() >= claimed.busy_until:
            # A process that slept so long may no longer be the only one: the next look finds what the other made.
            return None
        return self._checks.publish(version.lineage.commit, report)

    def _found(self, version: ModelVersion, report: Report) -> int:
        found = self._checks.find(version.lineage.commit, report.name, report.external_id)
        if found is None:
            return 0
        self._checks.change(found, report)
        return found

    def _about(self, version: ModelVersion, production: str) -> str:
        """What a version about which nothing is left to decide depends on: our records of it, and production."""
        rows = self._store.audit.entries(limit=1, subject=f"model/{version.name}:{version.version}")
        return f"{rows[0].sequence if rows else 0}/{version.archived}/{production}"

    def _claim(self, version: ModelVersion, text: str, told: Told) -> Told | None:
        """The right to tell of this version; None while another has it, or has told of it meanwhile."""
        now = self._clock()
        if told.busy_until is not None and now < told.busy_until:
            return None
        claimed = told.model_copy(update={"busy_until": now + CLAIM})
        return claimed if self._replace(version, text, claimed) else None

    def _replace(self, version: ModelVersion, before: str, after: Told) -> bool:
        """False, and nothing is changed, where another worker has written meanwhile."""
        with self._store.writing() as transaction:
            if self._store.marks.value(_mark(version), transaction) != before:
                return False
            self._store.marks.set(_mark(version), _text(after), transaction)
            return True


def _mark(version: ModelVersion) -> str:
    return f"{MARKS}{version.name}:{version.version}"


def _read(text: str) -> Told:
    return Told.model_validate_json(text) if text else Told()


def _text(told: Told) -> str:
    return told.model_dump_json()


def _digest(report: Report) -> str:
    said = "\n".join((report.name, report.external_id, report.conclusion, report.title, report.summary, report.url))
    return hashlib.sha256(said.encode()).hexdigest()
