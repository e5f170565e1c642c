"""Deploying a version that nobody approved, by every path: none of them may begin.

The version is a made-up one and the endpoint does not exist, so that what a missing check lets through ends there. What
the engine and the registry watch are given lies in a database of the drill's own, which is gone afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.domain.clock import Clock
from backend.domain.drills import MARK, NOWHERE, Control, Outcome, Verdict
from backend.domain.people import Actor, Role
from backend.domain.promotions import Kind, Promotion, Step, StepKind
from backend.domain.registry import Lineage, ModelVersion
from backend.errors import NotPermitted, PolicyDenied, RemoteUnavailable
from backend.operations.drills_branch import asked
from backend.operations.promotions import Promotions
from backend.operations.steering import Steering
from backend.promotion import transitions
from backend.promotion.context import UNAPPROVED, Reach
from backend.promotion.engine import Engine
from backend.promotion.registry_watch import RegistryWatch
from backend.promotion.target import target_on
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

NAME = "mlops-drill"
REASON = f"{MARK} a version that nobody has approved."
MOST_TICKS = 10
COMMAND_SECONDS = 120
REFUSED = 2
"""The exit code of a command that was refused."""
AS_DRILL = "the drill, with a lead's rights"
AS_NOBODY = "a terminal where nobody is signed in"
AS_WORKER = "the worker, on a database of its own"


@dataclass(frozen=True)
class ReleaseDrill:
    """`reach` are the engine's own gateways; `default_project` is the project's name in the settings."""

    store: Store
    reach: Reach
    project: Project
    default_project: str
    clock: Clock
    folder: Path

    def verdicts(self) -> Iterator[Verdict]:
        yield asked(Control.OPERATION, self._operation)
        yield asked(Control.COMMAND, self._command)
        yield asked(Control.ENGINE, self._engine)
        yield asked(Control.WORKER, self._worker)

    @property
    def _nowhere(self) -> Project:
        return self.project.model_copy(update={"endpoint": NOWHERE})

    @property
    def _version(self) -> ModelVersion:
        """None that anybody registered: its number and its digest are nobody's."""
        lineage = Lineage(run=NAME, environment=f"{NAME}:1", commit="0" * 40)
        return ModelVersion(
            name=self.project.model,
            version="0",
            digest=f"sha256:{'0' * 64}",
            created_at=self.clock(),
            threshold=0.5,
            lineage=lineage,
            metrics={},
        )

    def _operation(self) -> Verdict:
        """The verb behind the button, on the records as they are."""
        actor = Actor(name=NAME, roles=frozenset({Role.LEAD}), channel="drill")
        promotions = Promotions(self.store, self._nowhere, self.clock)
        try:
            begun = promotions.promote(actor, self._version, "", REASON, f"{NAME}-{uuid.uuid4()}")
        except PolicyDenied as refusal:
            approval = [said for said in refusal.blockers if said.startswith("Approval")]
            if approval:
                return _verdict(Control.OPERATION, Outcome.REFUSED, f"“{approval[0]}”", AS_DRILL)
            told = f"A missing approval was not among what stood in its way: {refusal}"
            return _verdict(Control.OPERATION, Outcome.NOT_REFUSED, told, AS_DRILL)
        except NotPermitted as refusal:
            return _verdict(Control.OPERATION, Outcome.UNKNOWN, f"Refused before it was judged: {refusal}", AS_DRILL)
        Steering(self.store, self._nowhere, self.clock).abort(actor, begun.id, f"{MARK} it should not have begun.")
        told = f"Promotion {begun.id} began, for an endpoint that does not exist."
        left = f"promotion {begun.id} in the ledger, aborted"
        return _verdict(Control.OPERATION, Outcome.NOT_REFUSED, told, AS_DRILL, left)

    def _command(self) -> Verdict:
        """`mlops promote` as a program that found its way to this machine would call it."""
        profile = f"{NAME}-{uuid.uuid4().hex[:8]}"
        endpoint = f"MLOPS_PROJECTS__{self.default_project.upper()}__ENDPOINT"
        command = [sys.executable, "-m", "backend", "promote", "0", "--reason", REASON]
        env = {**os.environ, "MLOPS_PROFILE": profile, endpoint: NOWHERE}
        try:
            done = subprocess.run(
                command, env=env, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RemoteUnavailable(f"mlops promote: {error}", service="mlops", operation="promote") from error
        said = (done.stderr.strip().splitlines() or [""])[-1]
        if done.returncode == 0:
            return _verdict(Control.COMMAND, Outcome.NOT_REFUSED, "`mlops promote` went through.", AS_NOBODY)
        outcome = Outcome.REFUSED if done.returncode == REFUSED else Outcome.UNKNOWN
        return _verdict(Control.COMMAND, outcome, f"Exit code {done.returncode}: “{said}”", AS_NOBODY)

    def _engine(self) -> Verdict:
        """A promotion that came into the queue by another way than the operation."""
        target = target_on(NOWHERE, self._version)
        create = Step(kind=StepKind.CREATE_DEPLOYMENT)
        with self._records() as records:
            wanted = transitions.begin(
                f"{NAME}-engine", Kind.PROMOTE, target, (create,), by=NAME, reason=REASON, now=self.clock()
            )
            records.promotions.submit(wanted, _note(wanted))
            engine = Engine(records, self.reach, self._nowhere, self.clock, owner=NAME, lease_seconds=COMMAND_SECONDS)
            ended = records.promotions.get(wanted.id)
            for _ in range(MOST_TICKS):
                if ended.finished_at is not None or not engine.tick():
                    break
                ended = records.promotions.get(wanted.id)
        reason = next((record.reason for record in ended.steps if record.reason), ended.reason)
        outcome = Outcome.REFUSED if reason.startswith(UNAPPROVED) else Outcome.NOT_REFUSED
        return _verdict(Control.ENGINE, outcome, f"“{reason}”", AS_WORKER)

    def _worker(self) -> Verdict:
        """What the worker begins by itself for a version that has just been registered."""
        with self._records() as records:
            begun = RegistryWatch(records, self.project, self.clock).look((self._version,))
        if begun is None:
            return _verdict(Control.WORKER, Outcome.REFUSED, "It begins nothing for it.", AS_WORKER)
        tests = begun.kind is Kind.STAGE and begun.target.endpoint == self.project.test_endpoint
        told = f"It begins to test it on {begun.target.endpoint}, and nothing on {self.project.endpoint}."
        if not tests:
            told = f"It begins a {begun.kind.value} on {begun.target.endpoint}."
        return _verdict(Control.WORKER, Outcome.REFUSED if tests else Outcome.NOT_REFUSED, told, AS_WORKER)

    @contextmanager
    def _records(self) -> Iterator[Store]:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            records = Store(f"sqlite:///{Path(folder) / 'drill.db'}", self.clock)
            try:
                records.migrate()
                yield records
            finally:
                records.close()


def _note(promotion: Promotion) -> Note:
    return Note(
        actor=NAME,
        channel="drill",
        action="promotion.promote_requested",
        subject=f"promotion/{promotion.id}",
        reason=REASON,
        after=promotion.phase.value,
    )


def _verdict(control: Control, outcome: Outcome, told: str, tried_as: str, left: str = "") -> Verdict:
    return Verdict(control=control, outcome=outcome, told=told, tried_as=tried_as, left=left)
