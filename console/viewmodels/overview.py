"""What waits for a person, and how far a new world has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.people import Actor, Right
from backend.domain.promotions import Kind, Phase, Promotion
from backend.domain.registry import VersionState
from backend.domain.reviews import CheckState, PullRequest
from backend.domain.setup import Change, SetupPlan
from console.viewmodels.pulls import headline
from console.viewmodels.stages import Surroundings
from console.viewmodels.state import KINDS, VERSIONS, Pill, promotion_pill
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Wait:
    """`kind` names the page, `selects` the query that opens it; `since` is how long it has waited."""

    kind: str
    key: str
    label: Untrusted
    symbol: str
    selects: dict[str, str]
    state: Pill
    since: datetime


def waits(world: Surroundings, actor: Actor, *, may_review: bool, may_promote: bool) -> tuple[Wait, ...]:
    """Oldest first within each kind; a promotion that needs attention goes before everything."""
    found: list[Wait] = []
    active = world.active
    if active is not None and active.phase in {Phase.NEEDS_ATTENTION, Phase.PAUSED} and actor.may(Right.CONTROL):
        label = Untrusted(f"{under_way(active)} has stopped and waits for a person")
        found.append(
            Wait(
                "promotion",
                active.id[:12],
                label,
                "sync",
                {"promotion": active.id},
                promotion_pill(active),
                active.updated_at,
            )
        )
    if may_promote:
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
                )
            )
    if may_review:
        found += [
            _review(pull) for pull in sorted(world.pulls.value or (), key=lambda p: p.created_at) if _mine(pull, actor)
        ]
    found += [_to_mend(pull) for pull in world.pulls.value or () if _failing(pull, actor)]
    return tuple(found)


def under_way(promotion: Promotion) -> str:
    """`Promotion of v2`, `Rollback to v1`."""
    to = "to" if promotion.kind is Kind.ROLL_BACK else "of"
    return f"{KINDS[promotion.kind]} {to} v{promotion.target.version}"


def _failing(pull: PullRequest, actor: Actor) -> bool:
    return pull.author == actor.name and pull.check_state is CheckState.FAILED


def _to_mend(pull: PullRequest) -> Wait:
    label = Untrusted(f"Mend #{pull.number} {pull.title}", 100)
    chosen = {"number": str(pull.number)}
    return Wait("pull request", f"mend_{pull.number}", label, "build", chosen, headline(pull), pull.updated_at)


def _mine(pull: PullRequest, actor: Actor) -> bool:
    """Ready for a reviewer who did not write it and has not approved this commit."""
    approved = any(
        r.author == actor.name and r.commit == pull.head_sha and r.state.lower() == "approved" for r in pull.reviews
    )
    return pull.check_state is CheckState.PASSED and not pull.draft and pull.author != actor.name and not approved


def _review(pull: PullRequest) -> Wait:
    label = Untrusted(f"Review #{pull.number} {pull.title}", 100)
    return Wait(
        "pull request",
        str(pull.number),
        label,
        "rate_review",
        {"number": str(pull.number)},
        headline(pull),
        pull.created_at,
    )


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
