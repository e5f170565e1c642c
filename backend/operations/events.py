"""What happened outside the console: who looks into it, and what it was."""

from __future__ import annotations

from backend.domain.people import Actor, Right
from backend.domain.proofs import Proof
from backend.domain.unexplained import UnexplainedEvent
from backend.operations.authorise import refusal, require, require_reason
from backend.settings_project import Project
from backend.store import Store


class Events:
    def __init__(self, store: Store, project: Project) -> None:
        self._store = store
        self._project = project

    def unexplained(self) -> tuple[UnexplainedEvent, ...]:
        """Those without an explanation, newest first."""
        return self._store.unexplained.unexplained()

    def list(self, actor: Actor, limit: int = 100) -> tuple[UnexplainedEvent, ...]:
        """All of them, explained ones included, newest first."""
        require(actor, Right.READ)
        return self._store.unexplained.recent(max(1, min(limit, 1000)))

    def take(self, actor: Actor, event_id: str, reason: str) -> UnexplainedEvent:
        """Become the one who looks into it. Taking it again changes nothing; somebody else's is taken over.

        Raises NotPermitted, Invalid for a reason that says nothing, NotFound.
        """
        require(actor, Right.CONTROL)
        return self._store.unexplained.take(event_id, actor, require_reason(reason))

    def explain(self, actor: Actor, event_id: str, reason: str) -> UnexplainedEvent:
        """Say what it was, which closes it; the first explanation stands. Raises as `take` does."""
        require(actor, Right.CONTROL)
        return self._store.unexplained.explain(event_id, actor, require_reason(reason))

    def refusal(self, actor: Actor) -> str:
        """Why the actor may neither take nor explain one, in a sentence for the disabled button; "" where they may."""
        return refusal(actor, Right.CONTROL)

    def proof(self, endpoint: str) -> Proof | None:
        """The latest proof of an endpoint."""
        return self._store.proofs.of(endpoint)

    def proofs(self) -> tuple[Proof, ...]:
        """The latest proof of the production endpoint and of the test endpoint, as far as there is one."""
        names = (self._project.endpoint, self._project.test_endpoint)
        return tuple(found for name in names if (found := self.proof(name)) is not None)
