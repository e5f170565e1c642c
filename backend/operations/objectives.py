"""The objectives of the production endpoint: the worker measures them, everybody reads what it last measured."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import ValidationError

from backend.domain.clock import Clock
from backend.domain.objectives import SLO_PATH, Counted, Slo, Standing
from backend.domain.signals import Signal
from backend.gateways.github.contents import Contents
from backend.gateways.monitor.logs import Logs
from backend.operations.alerting import Alerting
from backend.policy.burning import signals, standing_of
from backend.policy.slo_file import read_slo
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

MARK = "objectives/"
FILE_EVERY = timedelta(minutes=2)
"""Between two looks at the file on the default branch."""
BUDGET_EVERY = timedelta(minutes=10)
"""Four weeks are counted this often: what is left of them hardly moves within minutes."""
SEARCHED = timedelta(days=3)
"""How far back the newest line is looked for."""


class Objectives:
    """What was last measured, from our own database."""

    def __init__(self, store: Store, project: Project) -> None:
        self._store = store
        self._project = project

    def standing(self) -> Standing | None:
        """None where no objectives are declared, or nothing was measured yet."""
        return standing_of_production(self._store, self._project)


def standing_of_production(store: Store, project: Project) -> Standing | None:
    text = store.marks.value(f"{MARK}{project.endpoint}")
    try:
        return Standing.model_validate_json(text) if text else None
    except ValidationError:
        # Written by another release; the worker of this one writes it anew within a minute.
        return None


class ObjectiveWatch:
    """Reads `.github/slo.toml` from the default branch, counts at the source, and hands signals to the alerts."""

    def __init__(self, store: Store, contents: Contents, logs: Logs, project: Project, clock: Clock) -> None:
        self._store = store
        self._contents = contents
        self._logs = logs
        self._project = project
        self._clock = clock
        self._alerting = Alerting(store)
        self._slo: Slo | None = None
        self._looked: datetime | None = None
        self._budget: tuple[datetime, Counted] | None = None

    def look(self) -> tuple[Signal, ...]:
        """Measure once; the signals, none where no objectives are declared. Raises what the services raise, and Invalid
        for a file that is wrong: what was declared before it goes on to be measured.
        """
        self._read_file()
        if self._slo is None:
            return ()
        now = self._clock()
        until = self._logs.data_until(self._project.endpoint, now - SEARCHED, now)
        counted = self._count(self._slo, until, now) if until is not None else {}
        standing = standing_of(self._project.endpoint, self._slo, counted, until, now)
        self._store.marks.set(f"{MARK}{self._project.endpoint}", standing.model_dump_json())
        told = signals(standing, self._served())
        self._alerting.judge(told)
        return told

    def _read_file(self) -> None:
        now = self._clock()
        if self._looked is not None and now - self._looked < FILE_EVERY:
            return
        branch = self._project.default_branch
        content = self._contents.file(SLO_PATH, branch)
        self._looked = now
        if content is None:
            self._slo = None
            self._store.marks.set(f"{MARK}{self._project.endpoint}", "")
            return
        slo = read_slo(content)
        if self._slo is not None and self._slo.digest == slo.digest:
            return
        note = Note(
            actor="worker",
            channel="worker",
            action="objectives.changed",
            subject=f"file/{SLO_PATH}",
            reason=f"{SLO_PATH} on {branch} has changed",
        )
        self._store.watched.saw(SLO_PATH, slo.digest, note)
        self._slo, self._budget = slo, None

    def _count(self, slo: Slo, until: datetime, now: datetime) -> dict[float, Counted]:
        *short, longest = slo.windows
        known = self._budget
        fresh = known is not None and now - known[0] < BUDGET_EVERY
        within = next((one.within_ms for one in slo.objectives if one.within_ms is not None), None)
        wanted = short if fresh else [*short, longest]
        found = self._logs.counted(self._project.endpoint, until, wanted, within or 0.0)
        counted = {one.seconds: one for one in found}
        if known is not None and fresh:
            return {**counted, known[1].seconds: known[1]}
        self._budget = (now, counted[longest.total_seconds()])
        return counted

    def _served(self) -> tuple[str, str]:
        stable = self._store.promotions.stable(self._project.endpoint)
        return (stable.target.version, stable.id) if stable is not None else ("", "")
