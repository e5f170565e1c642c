"""Planning and applying setup; each applied resource is in the ledger with who did it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from backend.domain.people import Actor, Right
from backend.domain.setup import (
    AppliedResource,
    Change,
    FindingState,
    MonthlyCost,
    PlannedResource,
    SetupFinding,
    SetupPlan,
)
from backend.errors import Invalid
from backend.operations.authorise import refusal, require, require_reason
from backend.operations.setup_watch import known, remember
from backend.policy.setup_watch import declaration_of
from backend.setup.resource import Resource, apply, plan
from backend.store import Store
from backend.store.audit import Note


class Setup:
    """`resources` is called anew each time: data files and settings are arguments of a call, not of a process."""

    def __init__(
        self, store: Store, resources: Callable[[], Sequence[Resource]], cost: MonthlyCost | None = None
    ) -> None:
        self._store = store
        self._resources = resources
        self._cost = cost

    def plan(self) -> SetupPlan:
        """What `apply` would do now."""
        return plan(self._resources()).model_copy(update={"cost": self._cost})

    def apply(self, actor: Actor, report: Callable[[AppliedResource], None]) -> bool:
        """Make the world as declared, in order; True if nothing is left. Repeating does only what is missing."""
        require(actor, Right.SETUP)
        made: dict[str, str] = {}

        def record(applied: AppliedResource) -> None:
            if applied.resource.change is not Change.NONE:
                self._store.audit.append(_note(actor, applied))
            if applied.done:
                made[applied.resource.key] = declaration_of(applied.resource)
            report(applied)

        try:
            return apply(self._resources(), record)
        finally:
            # From now on a difference is drift, though the worker may not have looked yet.
            with self._store.writing() as transaction:
                remember(self._store, transaction, {**known(self._store, transaction), **made})

    def findings(self) -> tuple[SetupFinding, ...]:
        """What the worker has found not to be as declared, or could not see; the oldest first."""
        return self._store.setup_findings.open()

    def take(self, actor: Actor, finding_id: str, reason: str) -> SetupFinding:
        """Become the one who looks after a finding. Raises NotPermitted, Invalid for an empty reason, NotFound."""
        require(actor, Right.SETUP)
        return self._store.setup_findings.take(finding_id, actor, require_reason(reason))

    def fix(self, actor: Actor, finding_id: str, reason: str) -> SetupFinding:
        """Ask the worker to make it as declared; asked twice, it is asked once. Raises as `take` does, and Conflict.

        What a drill found has no such fix (Invalid): the next drill says whether the control refuses again.
        """
        require(actor, Right.SETUP)
        said = require_reason(reason)
        if self._store.setup_findings.get(finding_id).state is FindingState.NOT_REFUSED:
            raise Invalid("A drill found this: run `mlops setup apply`, or put it right by hand, and drill again.")
        return self._store.setup_findings.ask_fix(finding_id, actor, said)

    def make(self, actor: Actor, resource: PlannedResource, reason: str) -> SetupFinding:
        """Ask the worker to make one declared resource that is not there, or not as declared; asked twice, once.

        The worker looks for itself: what is as declared by then, or is not declared, it leaves. Raises as `take` does.
        """
        require(actor, Right.SETUP)
        return self._store.setup_findings.ask_for(resource, actor, require_reason(reason))

    def refusal(self, actor: Actor) -> str:
        """Why the actor may not change the setup, for a disabled button; "" where they may."""
        return refusal(actor, Right.SETUP)


def _note(actor: Actor, applied: AppliedResource) -> Note:
    resource = applied.resource
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action="applied setup" if applied.done else "could not apply setup",
        subject=f"setup/{resource.kind}/{resource.where}/{resource.name}",
        reason=applied.message,
        before=resource.change.value,
        after="as declared" if applied.done else resource.change.value,
    )
