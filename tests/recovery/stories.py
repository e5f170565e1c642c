"""What can happen to a promotion, as a table that is made and not written down: a start, something on the way, an end.

Version 1 serves and version 2 has been tested; or version 2 serves and 1 is warm; or nothing serves yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from backend.domain.promotions import Phase, Promotion, StepKind
from backend.errors import RemoteUnavailable
from backend.promotion.plan import promote_plan, read_rollout
from tests.databases import Databases
from tests.recovery.cloud import PRODUCTION, ROLLOUT
from tests.recovery.hospital import LEAD, WHY, Hospital
from tests.recovery.tellings import CLICK

PAST_THE_WARM_TIME = 601.0
GONE = RemoteUnavailable("no answer", service="Azure ML", operation="look")
Place = tuple[StepKind, int | None]
PLAN = promote_plan(read_rollout(ROLLOUT, "c0ffee"), has_stable=True)
PLACES: tuple[Place, ...] = tuple((step.kind, step.weight) for step in PLAN)
WEIGHTS = tuple(weight for kind, weight in PLACES if kind is StepKind.OBSERVE)


def promote(hospital: Hospital) -> None:
    hospital.click("2", CLICK)


def promote_first(hospital: Hospital) -> None:
    hospital.click("1", CLICK)


def roll_back(hospital: Hospital) -> None:
    hospital.promotions.roll_back(LEAD, hospital.promotions.stable(), WHY, CLICK)


def roll_back_when_due(hospital: Hospital) -> None:
    """The warm deployment may go from now on, and nobody has begun to remove it."""
    hospital.clock.pass_(PAST_THE_WARM_TIME)
    roll_back(hospital)


def roll_back_too_late(hospital: Hospital) -> None:
    """The removal of the warm deployment has begun: it is made again."""
    hospital.clock.pass_(PAST_THE_WARM_TIME)
    assert hospital.store.retirements.claim_due()
    roll_back(hospital)


def nothing(_hospital: Hospital) -> None:
    pass


def abort(hospital: Hospital) -> None:
    hospital.steering.abort(LEAD, CLICK, "complaints from the ward")


def pause(hospital: Hospital) -> None:
    hospital.steering.pause(LEAD, CLICK, "the ward round is under way")


def errors(hospital: Hospital) -> None:
    hospital.cloud.error_rates["2"] = 0.5


def does_not_start(hospital: Hospital) -> None:
    hospital.cloud.broken.add("2")


def takes_anything(hospital: Hospital) -> None:
    hospital.cloud.careless.add("2")


def foreign_change(hospital: Hospital) -> None:
    promotion = hospital.store.promotions.get(CLICK)
    assert promotion.snapshot is not None
    halves = {str(promotion.snapshot.stable): 55, promotion.target.deployment: 45}
    hospital.cloud.places[PRODUCTION].traffic = halves


def outage(answers: int) -> Callable[[Hospital], None]:
    def begin(hospital: Hospital) -> None:
        hospital.cloud.troubles = [GONE] * answers

    return begin


FLAKY, LONG, ENDLESS = 3, 7, 5000
"""Answers that fail in a row: ridden out, ridden out, and more than anybody waits for."""


@dataclass(frozen=True)
class Story:
    """`happens` once the promotion stands at `at` (None: from the start), and a person resumes what stopped."""

    name: str
    ends: Phase
    start: Callable[[Hospital], None] = promote
    served: tuple[str, ...] = ("1",)
    staged: str = "2"
    at: Place | None = None
    happens: Callable[[Hospital], None] = nothing

    def world(self, folder: Path, databases: Databases) -> Hospital:
        return Hospital.after(folder, *self.served, staged=self.staged, databases=databases)

    @property
    def keeps_warm(self) -> bool:
        """Whether a deployment is warm from the start, whose removal may come in between."""
        return len(self.served) > 1

    def has_come(self, promotion: Promotion) -> bool:
        """Whether the promotion stands where something happens; a story without a place happens at once."""
        current = promotion.current
        return self.at is None or (current is not None and (current.step.kind, current.step.weight) == self.at)


HAPPY = Story("promotion", Phase.SUCCEEDED)
_AGAIN = Story("rollback", Phase.SUCCEEDED, start=roll_back, served=("1", "2"), staged="")
_FIRST = Story("first promotion", Phase.SUCCEEDED, start=promote_first, served=(), staged="1")


def _placed(name: str, ends: Phase, happens: Callable[[Hospital], None], places: Iterator[Place]) -> Iterator[Story]:
    for kind, weight in places:
        where = f"{kind.value} {weight}" if weight else kind.value
        yield replace(HAPPY, name=f"{name} at {where}", ends=ends, at=(kind, weight), happens=happens)


def _of(*kinds: StepKind) -> Iterator[Place]:
    return (place for place in PLACES if place[0] in kinds)


def _made() -> Iterator[Story]:
    back, done = Phase.ROLLED_BACK, Phase.SUCCEEDED
    yield from (HAPPY, _AGAIN, _FIRST)
    yield replace(_AGAIN, name="rollback while a retirement is due", start=roll_back_when_due)
    yield replace(_AGAIN, name="rollback while a retirement is under way", start=roll_back_too_late)
    yield replace(_FIRST, name="first promotion aborted", ends=back, at=(StepKind.SHIFT_TRAFFIC, 100), happens=abort)
    yield replace(HAPPY, name="provisioning fails", ends=back, happens=does_not_start)
    yield replace(HAPPY, name="the smoke test fails", ends=back, happens=takes_anything)
    yield from _placed("errors", back, errors, _of(StepKind.OBSERVE))
    yield from _placed("foreign change", back, foreign_change, _of(StepKind.OBSERVE))
    yield from _placed("abort", back, abort, iter(PLACES))
    yield from _placed("pause", done, pause, _of(StepKind.CREATE_DEPLOYMENT, StepKind.OBSERVE))
    yield from _placed("flaky outage", done, outage(FLAKY), _of(StepKind.CREATE_DEPLOYMENT, StepKind.SHIFT_TRAFFIC))
    yield from _placed("long outage", done, outage(LONG), _of(StepKind.VERIFY_DIGEST, StepKind.OBSERVE))
    yield from _placed("endless outage", back, outage(ENDLESS), _of(StepKind.CREATE_DEPLOYMENT))
    at_half: Place = (StepKind.SHIFT_TRAFFIC, 50)
    yield from _placed("endless outage", back, outage(ENDLESS), iter((at_half,)))
    watching: Place = (StepKind.OBSERVE, 50)
    yield from _placed("endless outage", done, outage(ENDLESS), iter((watching,)))


STORIES = tuple(_made())
