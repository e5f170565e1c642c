"""How the model that serves behaves, for people: the newest look, its history, and proposed retrainings."""

from __future__ import annotations

from backend.domain.behaviour import Behaviour
from backend.domain.clock import Clock
from backend.domain.data_profile import DataProfile
from backend.domain.people import Actor, Right
from backend.domain.retraining import Proposal, ProposalState, Rules
from backend.domain.signals import Signal
from backend.operations.authorise import refusal, require, require_reason
from backend.settings_project import Project
from backend.store import Store

HISTORY = 200


def rules_of(project: Project) -> Rules:
    """What the settings say about proposing a retraining."""
    return Rules(
        cool_down_days=project.retrain_cool_down_days,
        every_days=project.retrain_every_days,
        hold=project.retrain_hold,
    )


class ModelBehaviour:
    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def newest(self, endpoint: str) -> Behaviour | None:
        """The newest look at the endpoint; None before the first."""
        return next(iter(self._store.behaviour.newest(endpoint)), None)

    def history(self, endpoint: str, most: int = HISTORY) -> tuple[Behaviour, ...]:
        """The newest looks, the oldest of them first."""
        return tuple(reversed(self._store.behaviour.newest(endpoint, most)))

    def signals(self, endpoint: str) -> tuple[Signal, ...]:
        """What the newest look says, rule by rule, and whether the monitor itself still looks."""
        from backend.policy.behaviour import signals

        found = self.newest(endpoint)
        return () if found is None else signals(found, self._clock())

    def monitor_problem(self, endpoint: str) -> str:
        """Why the monitor is not to be trusted now; "" while it looks as often as it should."""
        from backend.policy.behaviour import overdue

        found = self.newest(endpoint)
        return overdue(found.at if found else None, self._project.watch_every_minutes, self._clock())

    def profile(self, version: str) -> DataProfile | None:
        """What a version was trained on; None where its run described nothing, or the worker has not read it."""
        known = self._store.behaviour.profile(self._project.model, version)
        return None if known is None else known[1]

    def proposals(self, endpoint: str) -> tuple[Proposal, ...]:
        """Retrainings that were proposed, the newest first."""
        return self._store.retrainings.newest(endpoint)

    def holds_back(self, endpoint: str) -> str:
        """Why none is proposed at present, in a sentence; "" where a reason would be enough."""
        from backend.policy.retraining import waits_for

        return waits_for(self._store.retrainings.newest(endpoint), rules_of(self._project), self._clock())

    def accept(self, actor: Actor, proposal_id: str, reason: str) -> Proposal:
        """Have the worker start the training workflow; what it registers is tested and decided about as any version."""
        require(actor, Right.MANAGE_RUNS)
        return self._store.retrainings.decide(proposal_id, actor, ProposalState.ACCEPTED, require_reason(reason))

    def dismiss(self, actor: Actor, proposal_id: str, reason: str) -> Proposal:
        """Say no; the next one is proposed after the cool-down at the earliest."""
        require(actor, Right.MANAGE_RUNS)
        return self._store.retrainings.decide(proposal_id, actor, ProposalState.DISMISSED, require_reason(reason))

    def refusal(self, actor: Actor) -> str:
        """Why the actor may decide about none, for a disabled button; "" where they may."""
        return refusal(actor, Right.MANAGE_RUNS)
