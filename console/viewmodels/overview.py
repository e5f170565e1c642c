"""What waits for a person, and how far a new world has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.people import Actor, Right
from backend.domain.promotions import Kind, Phase, Promotion
from backend.domain.registry import VersionState
from backend.domain.reviews import BlockerKind, PullRequest
from backend.domain.setup import Change, SetupPlan
from console.viewmodels.board import Person, consequence, first, waits_for, waits_for_person
from console.viewmodels.stages import Surroundings
from console.viewmodels.state import KINDS, VERSIONS, Pill, promotion_pill
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Wait:
    """`kind` names the page, `selects` the query that opens it; `since` is how long it has waited.

    `consequence` is what the act leads to, or what goes on until it is done.
    """

    kind: str
    key: str
    label: Untrusted
    symbol: str
    selects: dict[str, str]
    state: Pill
    since: datetime
    consequence: str


_ACTS = {
    None: ("Merge", "merge"),
    BlockerKind.CONFLICT: ("Resolve the conflict of", "call_split"),
    BlockerKind.CHECK_FAILED: ("Mend", "build"),
    BlockerKind.CHANGES: ("Answer the review of", "edit_note"),
    BlockerKind.THREADS: ("Answer the discussion of", "forum"),
    BlockerKind.BEHIND: ("Update", "update"),
    BlockerKind.APPROVAL: ("Review", "rate_review"),
}


def waits(world: Surroundings, actor: Actor, person: Person) -> tuple[Wait, ...]:
    """Oldest first within each kind; a promotion that needs attention goes before everything."""
    found: list[Wait] = []
    active = world.active
    if active is not None and active.phase in {Phase.NEEDS_ATTENTION, Phase.PAUSED} and actor.may(Right.CONTROL):
        found.append(_stopped(active))
    if actor.may(Right.PROMOTE):
        serves = world.endpoint.value is not None and world.endpoint.value.stable is not None
        until = "What serves goes on serving until then." if serves else "Nothing serves until then."
        for dossier in world.waiting:
            version = dossier.version
            label = Untrusted(f"Decide about {version.name} v{version.version}")
            found.append(
                Wait(
                    "version",
                    f"v{version.version}",
                    label,
                    "how_to_reg",
                    {"version": version.version},
                    VERSIONS[dossier.state],
                    version.created_at,
                    until,
                )
            )
    mine = [_pull(pull) for pull in world.pulls.value or () if waits_for_person(pull, person)]
    return (*found, *sorted(mine, key=lambda wait: wait.since))


def _stopped(active: Promotion) -> Wait:
    label = Untrusted(f"{under_way(active)} has stopped and waits for a person")
    chosen = {"promotion": active.id}
    effect = f"{active.target.endpoint} takes no other promotion until then."
    pill = promotion_pill(active)
    return Wait("promotion", active.id[:12], label, "sync", chosen, pill, active.updated_at, effect)


def _pull(pull: PullRequest) -> Wait:
    blocker = first(pull)
    verb, symbol = _ACTS[blocker.kind if blocker else None]
    since = (pull.pushed_at or pull.created_at) if blocker and blocker.kind is BlockerKind.APPROVAL else pull.updated_at
    return Wait(
        "pull request",
        str(pull.number),
        Untrusted(f"{verb} #{pull.number} {pull.title}", 100),
        symbol,
        {"number": str(pull.number)},
        waits_for(pull)[0],
        since,
        consequence(pull),
    )


def under_way(promotion: Promotion) -> str:
    """`Promotion of v2`, `Rollback to v1`."""
    to = "to" if promotion.kind is Kind.ROLL_BACK else "of"
    return f"{KINDS[promotion.kind]} {to} v{promotion.target.version}"


def _missing(plan: SetupPlan) -> bool:
    """Something that setup makes is not there yet. What has drifted since is told elsewhere."""
    return any(resource.change is Change.CREATE and not resource.by_hand for resource in plan.resources)


def making(world: Surroundings) -> tuple[tuple[str, bool], ...]:
    """The milestones of a first start, in order."""
    plan, endpoint = world.plan.value, world.endpoint.value
    untested = {VersionState.REGISTERED, VersionState.TESTING, VersionState.TEST_FAILED}
    tested = any(dossier.state not in untested for dossier in world.dossiers)
    return (
        (
            "Workspaces, data, endpoints and rules are created",
            plan is not None and bool(plan.resources) and not _missing(plan),
        ),
        ("A first model is trained and registered", bool(world.versions.value)),
        ("It is deployed to the test endpoint and tested", tested),
        ("It is approved and serves production", endpoint is not None and endpoint.stable is not None),
        ("Pull requests are open", bool(world.pulls.value)),
    )
