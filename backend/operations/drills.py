"""Drills as people ask for them: the worker tries every control, and here is what came of it."""

from __future__ import annotations

from backend.domain.drills import ControlStanding, Drill, DrillResult
from backend.domain.people import Actor, Right
from backend.operations.authorise import refusal, require, require_key
from backend.store import Store


class Drills:
    def __init__(self, store: Store) -> None:
        self._store = store

    def run(self, actor: Actor, key: str) -> Drill:
        """Ask the worker for a drill; while one waits or runs, that one is answered. Raises NotPermitted."""
        require(actor, Right.DRILL)
        return self._store.drills.ask(actor, require_key(key))

    def get(self, drill_id: str) -> Drill:
        return self._store.drills.get(drill_id)

    def latest(self) -> Drill | None:
        """The newest drill, done or not."""
        return self._store.drills.latest()

    def results(self, drill_id: str) -> tuple[DrillResult, ...]:
        """What has come of it so far."""
        return self._store.drills.of_drill(drill_id)

    def standing(self) -> tuple[ControlStanding, ...]:
        """Every control with its latest result, and when it was last refused."""
        return self._store.drills.standing()

    def refusal(self, actor: Actor) -> str:
        """Why the actor may not run one, for a disabled button; "" where they may."""
        return refusal(actor, Right.DRILL)
