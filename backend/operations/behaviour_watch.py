"""The worker's side of model behaviour: it reads what was asked, finds labels their answers, and looks.

``` no profile yet          the run's own description is read once; without one nothing is compared, and that is a
problem told a collector that fails  told with the endpoint's settings beside it, never taken for a quiet day killed in
between       the look or the hour is read again; neither counts twice ```
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from backend.domain.behaviour import Asked, Behaviour, Watch
from backend.domain.clock import Clock
from backend.domain.data_profile import DataProfile
from backend.domain.production_flips import Collected
from backend.domain.promotions import Target
from backend.domain.quality import HoldoutFigures
from backend.domain.telemetry import LogLine
from backend.errors import BackendError, CorruptState, NotFound, RemoteRejected
from backend.gateways.azureml.collected import CollectedInputs
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.azureml.models import Models
from backend.operations.behaviour import rules_of
from backend.operations.labels import Labels
from backend.policy.behaviour import Served, look
from backend.policy.drift import MOST_ROWS, WITHIN_DAYS
from backend.policy.realised_performance import reach
from backend.policy.refusals import BEFORE, NOW
from backend.policy.retraining import proposal
from backend.settings_project import Project
from backend.store import Store

PROFILE = "evidence/data_profile.json"
MOST_HOURS = 24
"""Hours of collected inputs read in one go; what is left waits for the next."""
SETTLED = timedelta(minutes=10)
"""The collector writes late; an hour is read for the last time so long after its end."""
MOST_DESCRIBED = 3
RECENT = timedelta(hours=1)
COMPLAINTS = ("nothing is collected: ", "not collected: ", "collecting failed", "came too fast to be collected")
"""What training/collection.py logs when rows are lost."""
SILENT = timedelta(hours=24)
NOTHING = Collected(rows=(), digest="", blobs=0)


class BehaviourWatch:
    def __init__(
        self,
        store: Store,
        collected: CollectedInputs,
        jobs: Jobs,
        models: Models,
        labels: Labels,
        console: Callable[[str], tuple[LogLine, ...]],
        asked: Callable[[datetime, datetime, bool], Asked],
        project: Project,
        clock: Clock,
    ) -> None:
        self._store = store
        self._collected = collected
        self._jobs = jobs
        self._models = models
        self._labels = labels
        self._console = console
        self._asked = asked
        self._project = project
        self._clock = clock
        self._tried: set[str] = set()

    def look_if_due(self) -> None:
        """A look, unless this or another worker has made one within `watch_every_minutes`."""
        newest = self._store.behaviour.newest(self._project.endpoint)
        if not newest or self._clock() - newest[0].at >= timedelta(minutes=self._project.watch_every_minutes):
            self.look()

    def look(self) -> Behaviour | None:
        """One look at what serves production, kept; None where nothing serves, or it was never described.

        A retraining is proposed where the look is a reason for one. Raises RemoteError where Azure does not answer.
        """
        stable = self._store.promotions.stable(self._project.endpoint)
        if stable is None:
            return None
        target, now = stable.target, self._clock()
        known = self._profile(target.model, target.version, target.run)
        if known is None:
            return None
        problems = list(self._labels.look_into_folder())
        collected = self._newest(target, now, problems)
        self._listen(target, now, problems)
        asked = self._refused(now, problems)
        since = now - timedelta(days=self._project.keep_collected_days)
        self._match(target.endpoint, since, now, problems)
        outcomes = self._store.labels.outcomes(target.version, since)
        answered, lost, waiting = self._store.labels.counts(target.endpoint, target.version, since)
        watch = Watch(
            looked_at=now,
            every_minutes=self._project.watch_every_minutes,
            newest_row=collected.newest,
            collected_percent=self._project.collect_percent,
            problems=tuple(problems),
        )
        labels = reach(outcomes, answered, lost, waiting)
        found = look(Served(target, *known, self._holdout(target)), collected, outcomes, labels, watch, asked)
        self._store.behaviour.keep(found)
        self._propose(found, target, now)
        self._describe_others()
        return found

    def _newest(self, target: Target, now: datetime, problems: list[str]) -> Collected:
        try:
            found = self._collected.newest(target, now - timedelta(days=WITHIN_DAYS), now, MOST_ROWS)
        except (RemoteRejected, NotFound) as error:
            problems.append(f"Collected inputs cannot be read: {error}")
            return NOTHING
        if not self._project.collect_percent:
            problems.append("Nothing is collected: collect_percent is 0.")
        elif found.newest is None:
            problems.append(f"No row of {target.deployment} was collected in the last {WITHIN_DAYS} days.")
        elif now - found.newest > SILENT:
            hours = (now - found.newest).total_seconds() / 3600
            problems.append(f"The newest collected row is {hours:.0f} h old: does the collector work?")
        return found

    def _listen(self, target: Target, now: datetime, problems: list[str]) -> None:
        """What the scoring script says of the collector, which answers nobody else."""
        try:
            lines = self._console(target.deployment)
        except CorruptState:
            raise
        except BackendError as error:
            problems.append(f"What the collector says cannot be read: {error}")
            return
        said = [one for one in lines if now - one.at < RECENT and any(words in one.message for words in COMPLAINTS)]
        if said:
            problems.append(
                f"The collector complained {len(said)} times in the last hour: {said[-1].message.strip()[:200]}"
            )

    def _refused(self, now: datetime, problems: list[str]) -> tuple[Asked, Asked] | None:
        """The calls of the last day, by field, and those of the week before it, whichever version answered them."""
        try:
            return self._asked(now - NOW, now, True), self._asked(now - NOW - BEFORE, now - NOW, False)
        except CorruptState:
            raise
        except BackendError as error:
            problems.append(f"Refused requests cannot be counted: {error}")
            return None

    def _match(self, endpoint: str, since: datetime, now: datetime, problems: list[str]) -> None:
        """Count hours that are new, and search them for answers that labels wait for, the newest first."""
        try:
            hours = self._collected.hours(endpoint, since)
            read = self._store.labels.hours_read(endpoint)
            wanted = self._store.labels.waiting_since()
            due = [hour for hour in sorted(hours, reverse=True) if _due(hour, read.get(hour), wanted, now)]
            for hour in due[:MOST_HOURS]:
                self._store.labels.match(endpoint, hour, self._collected.answers(hours[hour]))
                if self._store.labels.waiting_since() is None and hour in read:
                    break
            if wanted is not None and len(due) <= MOST_HOURS:
                self._store.labels.searched(wanted)
        except (RemoteRejected, NotFound) as error:
            problems.append(f"Labels could not be matched: {error}")

    def _profile(self, model: str, version: str, run: str) -> tuple[str, DataProfile] | None:
        """Digest and description of what the version was trained on: read once, then ours."""
        known = self._store.behaviour.profile(model, version)
        if known is not None:
            return known
        try:
            content = self._jobs.artefact(run, PROFILE)
            profile = DataProfile.model_validate(json.loads(content))
            registered = self._models.get(model, version).lineage.data_profile
        except (NotFound, ValidationError, ValueError):
            return None
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if registered and registered != digest:
            raise RemoteRejected(
                f"The run {run} describes its data otherwise than when v{version} was registered: {digest}.",
                service="Azure ML",
                operation="read a data profile",
            )
        self._store.behaviour.keep_profile(model, version, digest, profile)
        return digest, profile

    def _describe_others(self) -> None:
        """The data of versions that do not serve too: people compare them before one does. A few at a look."""
        found = self._models.versions(self._project.model)
        untried = [one for one in found if one.version not in self._tried and one.lineage.run]
        for one in untried[:MOST_DESCRIBED]:
            self._tried.add(one.version)
            self._profile(one.name, one.version, one.lineage.run)

    def _holdout(self, target: Target) -> HoldoutFigures | None:
        found = self._store.evidence.newest(target, "holdout")
        return found.holdout if found is not None else None

    def _propose(self, found: Behaviour, target: Target, now: datetime) -> None:
        earlier = self._store.retrainings.newest(target.endpoint)
        trained = self._trained_at(target)
        wanted = proposal(found, trained, earlier, rules_of(self._project), now)
        if wanted is not None:
            self._store.retrainings.propose(wanted)

    def _trained_at(self, target: Target) -> datetime | None:
        if not self._project.retrain_every_days:
            return None
        try:
            return self._models.get(target.model, target.version).created_at
        except CorruptState:
            raise
        except BackendError:
            return None


def _due(hour: datetime, read: datetime | None, wanted: datetime | None, now: datetime) -> bool:
    """Whether an hour has to be read: never read, still growing when it was, or labels came in since."""
    if read is None:
        return True
    grows = read < hour.astimezone(UTC) + timedelta(hours=1) + SETTLED
    return (grows and now - read >= SETTLED) or (wanted is not None and wanted > read)
