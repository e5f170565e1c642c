"""The state machine: named cases for its rules, and a machine of Hypothesis that tries to break its promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backend.domain.promotions import (
    Errored,
    Failed,
    Kind,
    Phase,
    Request,
    Skipped,
    StepKind,
    StepState,
    Succeeded,
    Target,
    Waiting,
)
from backend.errors import Invalid
from backend.promotion import transitions, wording
from backend.promotion.plan import promote_plan, read_rollout, roll_back_plan, stage_plan
from backend.promotion.transitions import LONGEST_BACKOFF, MAX_ATTEMPTS, backoff
from tests.recovery.cloud import ROLLOUT

NOW = datetime(2026, 3, 3, 14, 5, tzinfo=UTC)
PLANS = {
    "promote": (Kind.PROMOTE, promote_plan(read_rollout(ROLLOUT, "c0ffee"), has_stable=True)),
    "first": (Kind.PROMOTE, promote_plan(read_rollout(ROLLOUT, "c0ffee"), has_stable=False)),
    "roll back": (Kind.ROLL_BACK, roll_back_plan(None)),
    "stage": (Kind.STAGE, stage_plan()),
}
TARGET = Target(
    endpoint="e", model="m", version="2", digest="sha256:2", threshold=0.5, environment="env", deployment="v2-abcd"
)
DONE = Succeeded(output={"traffic": json.dumps({"v1-0000": 100}), "stable": "v1-0000"})


def begin(name="promote"):
    kind, plan = PLANS[name]
    return transitions.begin("click", kind, TARGET, plan, by="lead", reason="agreed", now=NOW)


def at(kind, name="promote", weight=None):
    """A promotion that has come to this step without trouble."""
    promotion = begin(name)
    while promotion.current.step.kind is not kind or (weight and promotion.current.step.weight != weight):
        promotion = transitions.advance(promotion, DONE, NOW)
    return promotion


def later(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_ends_in_success_when_nothing_goes_wrong(name):
    promotion = begin(name)
    for _ in promotion.plan:
        assert not promotion.phase.final
        promotion = transitions.advance(promotion, DONE, NOW)
    assert (promotion.phase, promotion.finished_at) == (Phase.SUCCEEDED, NOW)
    assert all(record.state is StepState.SUCCEEDED for record in promotion.steps)


def test_the_first_outcome_freezes_the_snapshot():
    promotion = transitions.advance(begin(), DONE, NOW)
    assert promotion.snapshot.model_dump() == {"traffic": {"v1-0000": 100}, "stable": "v1-0000"}


def test_skipping_moves_on_and_says_so():
    promotion = transitions.advance(at(StepKind.OBSERVE), Skipped(reason="nothing to compare with"), NOW)
    assert promotion.steps[promotion.position - 1].state is StepState.SKIPPED


def test_waiting_looks_again_later_and_keeps_its_figures():
    promotion = transitions.advance(
        at(StepKind.OBSERVE), Waiting(reason="12 of 30", retry_after=2, output={"n": 12}), NOW
    )
    assert (promotion.phase, promotion.reason, promotion.next_at) == (Phase.WAITING, "12 of 30", later(2))
    assert promotion.current.output == {"n": 12}


def test_a_long_wait_is_looked_at_less_often_and_its_end_is_seen_a_tenth_later_at_most():
    promotion, now, looks = at(StepKind.CREATE_DEPLOYMENT), NOW, 0
    while now < later(600):
        promotion = transitions.advance(promotion, Waiting(reason="creating", retry_after=1), now)
        pause = (promotion.next_at - now).total_seconds()
        assert pause == pytest.approx(max(1, min(10, (now - NOW).total_seconds() / 10)), abs=1e-5)
        now, looks = promotion.next_at, looks + 1
    assert looks < 90


@pytest.mark.parametrize("held", [True, False])
def test_what_paces_itself_is_not_slowed_down(held):
    kind = StepKind.SHIFT_TRAFFIC if held else StepKind.OBSERVE
    waiting = Waiting(reason="12 of 30", retry_after=2, held=held)
    promotion = transitions.advance(at(kind), waiting, NOW)
    assert transitions.advance(promotion, waiting, later(60)).next_at == later(62)


@pytest.mark.parametrize(
    ("kind", "phase"),
    [
        (StepKind.SNAPSHOT, Phase.FAILED),
        (StepKind.CREATE_DEPLOYMENT, Phase.ROLLING_BACK),
        (StepKind.SMOKE_TEST, Phase.ROLLING_BACK),
        (StepKind.SHIFT_TRAFFIC, Phase.ROLLING_BACK),
        (StepKind.OBSERVE, Phase.ROLLING_BACK),
    ],
)
def test_a_failed_step_goes_back_once_something_was_begun(kind, phase):
    promotion = transitions.advance(at(kind), Failed(reason="no"), NOW)
    assert (promotion.phase, promotion.reason) == (phase, "no")
    going_back = [r.step.kind for r in promotion.steps[len(promotion.plan) :]]
    expected = [StepKind.RESTORE_TRAFFIC, StepKind.REMOVE_CANDIDATE] if phase is Phase.ROLLING_BACK else []
    assert going_back == expected


@pytest.mark.parametrize("kind", [StepKind.CREATE_DEPLOYMENT, StepKind.SMOKE_TEST, StepKind.COLLECT_EVIDENCE])
def test_a_failed_test_ends_at_once_and_leaves_its_remains(kind):
    promotion = transitions.advance(at(kind, "stage"), Failed(reason="no"), NOW)
    assert (promotion.phase, promotion.finished_at) == (Phase.FAILED, NOW)


def test_a_rollback_goes_back_by_itself_only_before_it_moved_traffic():
    before = transitions.advance(at(StepKind.CREATE_DEPLOYMENT, "roll back"), Failed(reason="no"), NOW)
    after = transitions.advance(at(StepKind.OBSERVE, "roll back"), Failed(reason="no"), NOW)
    assert (before.phase, after.phase) == (Phase.ROLLING_BACK, Phase.NEEDS_ATTENTION)


def test_transient_errors_are_retried_with_a_growing_capped_pause_and_then_end():
    promotion, now, pauses = at(StepKind.VERIFY_DIGEST), NOW, []
    for _ in range(MAX_ATTEMPTS - 1):
        promotion = transitions.advance(promotion, Errored(reason="gone", transient=True), now)
        assert promotion.phase is Phase.WAITING
        pauses.append((promotion.next_at - now).total_seconds())
        now = promotion.next_at
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    promotion = transitions.advance(promotion, Errored(reason="gone", transient=True), now)
    assert promotion.phase is Phase.ROLLING_BACK
    assert promotion.steps[2].state is StepState.ERRORED
    assert promotion.steps[2].attempts == MAX_ATTEMPTS


def test_the_service_may_ask_for_a_longer_pause():
    promotion = transitions.advance(
        at(StepKind.VERIFY_DIGEST), Errored(reason="throttled", transient=True, retry_after=60), NOW
    )
    assert promotion.next_at == later(60)
    assert backoff(1000) == LONGEST_BACKOFF


def test_attempts_are_counted_in_a_row():
    promotion = at(StepKind.CREATE_DEPLOYMENT)
    for _ in range(3 * MAX_ATTEMPTS):
        promotion = transitions.advance(promotion, Errored(reason="gone", transient=True), NOW)
        promotion = transitions.advance(promotion, Waiting(reason="starting", retry_after=1), NOW)
    assert promotion.phase is Phase.WAITING


def test_a_permanent_error_is_not_retried():
    promotion = transitions.advance(at(StepKind.SMOKE_TEST), Errored(reason="forbidden", transient=False), NOW)
    assert promotion.phase is Phase.ROLLING_BACK


def test_an_error_on_the_way_back_calls_a_person_and_can_be_tried_again():
    promotion = transitions.advance(at(StepKind.OBSERVE), Failed(reason="errors 5 %"), NOW)
    stuck = transitions.advance(promotion, Errored(reason="locked", transient=False), NOW)
    assert (stuck.phase, stuck.finished_at) == (Phase.NEEDS_ATTENTION, None)
    again = transitions.resume(stuck, "operator", "lock removed", later(60))
    assert again.phase is Phase.ROLLING_BACK
    for _ in range(2):
        again = transitions.advance(again, Succeeded(), later(61))
    assert (again.phase, again.reason) == (Phase.ROLLED_BACK, "Resumed by operator: lock removed")


@pytest.mark.parametrize(
    ("kind", "phase"),
    [(StepKind.CREATE_DEPLOYMENT, Phase.ROLLING_BACK), (StepKind.OBSERVE, Phase.PAUSED)],
)
def test_deadlines_fail_a_step_but_make_an_observation_inconclusive(kind, phase):
    promotion = at(kind)
    deadline = promotion.current.step.deadline_seconds
    waiting = Waiting(reason="not yet", retry_after=1)
    assert transitions.advance(promotion, waiting, later(deadline - 1)).phase is Phase.WAITING
    late = transitions.advance(promotion, waiting, later(deadline))
    assert late.phase is phase
    assert f"not done within {deadline:g} s: not yet" in late.reason


def test_missing_telemetry_is_no_evidence_against_a_candidate():
    promotion = at(StepKind.OBSERVE)
    for second in range(100):
        promotion = transitions.advance(promotion, Errored(reason="no answer", transient=True), later(second))
        assert promotion.phase is Phase.WAITING
    promotion = transitions.advance(promotion, Errored(reason="no answer", transient=True), later(120))
    assert (promotion.phase, promotion.reason) == (Phase.PAUSED, "Inconclusive: no answer Resume or abort.")
    refused = transitions.advance(at(StepKind.OBSERVE), Errored(reason="bad query", transient=False), NOW)
    assert refused.phase is Phase.PAUSED


def test_resuming_an_inconclusive_observation_gives_it_its_time_again():
    late = transitions.advance(at(StepKind.OBSERVE), Waiting(reason="3 of 30", retry_after=1), later(120))
    again = transitions.resume(late, "lead", "the ward opens now", later(500))
    waiting = transitions.advance(again, Waiting(reason="9 of 30", retry_after=1), later(600))
    assert waiting.phase is Phase.WAITING
    assert transitions.advance(waiting, Waiting(reason="9 of 30", retry_after=1), later(620)).phase is Phase.PAUSED


def test_a_pause_is_honoured_between_steps_and_keeps_no_name_behind():
    asked = transitions.ask(at(StepKind.SMOKE_TEST), Request.PAUSE, "lead", "ward round", NOW)
    passed = transitions.advance(asked, Succeeded(), NOW)
    assert (passed.phase, passed.request) == (Phase.RUNNING, Request.PAUSE)
    paused = transitions.honour(passed, NOW)
    assert (paused.phase, paused.reason) == (Phase.PAUSED, "Paused by lead: ward round")
    assert (paused.request, paused.request_by) == (Request.NONE, "")


def test_under_a_pause_an_observation_may_fail_but_not_pass():
    paused = transitions.honour(transitions.ask(at(StepKind.OBSERVE), Request.PAUSE, "lead", "why", NOW), NOW)
    for outcome in (
        Succeeded(output={"n": 99}),
        Waiting(reason="w", retry_after=1),
        Errored(reason="e", transient=True),
    ):
        still = transitions.advance(paused, outcome, NOW)
        assert (still.phase, still.position, still.reason) == (Phase.PAUSED, paused.position, paused.reason)
    assert transitions.advance(paused, Failed(reason="errors 5 %"), NOW).phase is Phase.ROLLING_BACK


@pytest.mark.parametrize("kind", [StepKind.CREATE_DEPLOYMENT, StepKind.SHIFT_TRAFFIC, StepKind.OBSERVE])
def test_an_abort_goes_the_way_back_from_anywhere(kind):
    aborted = transitions.honour(transitions.ask(at(kind), Request.ABORT, "lead", "complaints", NOW), NOW)
    assert (aborted.phase, aborted.reason) == (Phase.ROLLING_BACK, "Aborted by lead: complaints")
    assert aborted.current.step.kind is StepKind.RESTORE_TRAFFIC


def test_an_abort_before_anything_happened_ends_at_once():
    aborted = transitions.honour(transitions.ask(begin(), Request.ABORT, "lead", "wrong version", NOW), NOW)
    assert (aborted.phase, aborted.finished_at) == (Phase.ROLLED_BACK, NOW)


def test_wishes_in_each_others_way():
    running = at(StepKind.OBSERVE)
    aborting = transitions.ask(running, Request.ABORT, "lead", "complaints", NOW)
    assert transitions.ask(aborting, Request.ABORT, "deputy", "the same", NOW) == aborting
    with pytest.raises(Invalid, match="goes first"):
        transitions.ask(aborting, Request.PAUSE, "lead", "no, pause", NOW)
    with pytest.raises(Invalid, match="goes first"):
        transitions.resume(aborting, "lead", "no, go on", NOW)
    pausing = transitions.ask(running, Request.PAUSE, "lead", "ward round", NOW)
    assert transitions.resume(pausing, "lead", "it is over already", NOW).request is Request.NONE
    assert transitions.ask(pausing, Request.ABORT, "lead", "worse", NOW).request is Request.ABORT
    going_back = transitions.honour(aborting, NOW)
    with pytest.raises(Invalid, match="on its way back already"):
        transitions.ask(going_back, Request.ABORT, "lead", "again", NOW)
    with pytest.raises(Invalid, match="nothing to resume"):
        transitions.resume(running, "lead", "why not", NOW)


OUTCOMES = ("done", "done", "done", "skipped", "waiting", "failed", "transient", "permanent", "lost answer")


class Life(RuleBasedStateMachine):
    """A promotion and the traffic of one endpoint, under outcomes and wishes in any order."""

    @initialize(name=st.sampled_from(sorted(PLANS)))
    def click(self, name):
        self.promotion = begin(name)
        self.now = NOW
        self.stable = None if name == "first" else "v1-0000"
        self.before = {self.stable: 100} if self.stable else {}
        self.traffic = dict(self.before)
        self.created = False
        self.story = [(None, "pending")]

    def move(self, after):
        before, self.promotion = self.promotion, after
        told = (before.phase, before.position, before.request) != (after.phase, after.position, after.request)
        if told:
            assert wording.action(before, after), "a change of state without a name in the ledger"
            self.story.append((before.phase.value, after.phase.value))

    @precondition(lambda self: not self.promotion.phase.final and self.looked_at())
    @rule(what=st.sampled_from(OUTCOMES))
    def tick(self, what):
        promotion = self.promotion
        if promotion.request is not Request.NONE:
            self.move(transitions.honour(promotion, self.now))
            return
        if what in {"done", "lost answer"}:
            self.effect(promotion)
        self.move(transitions.advance(promotion, self.outcome(what), self.now))

    def looked_at(self):
        if self.promotion.request is not Request.NONE:
            return True
        observing = self.promotion.current and self.promotion.current.step.kind is StepKind.OBSERVE
        return self.promotion.phase is not Phase.NEEDS_ATTENTION and (
            self.promotion.phase is not Phase.PAUSED or observing
        )

    def effect(self, promotion):
        step = promotion.current.step
        if step.kind is StepKind.CREATE_DEPLOYMENT:
            self.created = True
        if step.kind is StepKind.SHIFT_TRAFFIC:
            assert self.created, "traffic to what was never created"
            weight = step.weight if self.stable else 100
            self.traffic = {TARGET.deployment: weight}
            if weight < 100:
                self.traffic[self.stable] = 100 - weight
        if step.kind is StepKind.RESTORE_TRAFFIC:
            assert promotion.snapshot is not None
            self.traffic = dict(promotion.snapshot.traffic)
        if step.kind is StepKind.REMOVE_CANDIDATE:
            assert TARGET.deployment not in self.traffic, "removed what has traffic"
            self.created = False

    def outcome(self, what):
        if what == "done":
            return Succeeded(output={"traffic": json.dumps(self.before), "stable": self.stable or ""})
        if what == "skipped":
            skippable = self.promotion.current.step.kind in {StepKind.OBSERVE, StepKind.COLLECT_EVIDENCE}
            return Skipped(reason="skipped") if skippable else Waiting(reason="wait", retry_after=1)
        return {
            "waiting": Waiting(reason="wait", retry_after=1),
            "failed": Failed(reason="failed"),
            "transient": Errored(reason="gone", transient=True),
            "lost answer": Errored(reason="gone", transient=True),
            "permanent": Errored(reason="forbidden", transient=False),
        }[what]

    @rule(request=st.sampled_from([Request.PAUSE, Request.ABORT]))
    def ask(self, request):
        try:
            self.move(transitions.ask(self.promotion, request, "lead", "why", self.now))
        except Invalid:
            going_back = transitions.rolling_back(self.promotion)
            stopped = self.promotion.phase is Phase.NEEDS_ATTENTION or self.promotion.request is Request.ABORT
            assert self.promotion.phase.final or going_back or stopped

    @rule()
    def resume(self):
        try:
            self.move(transitions.resume(self.promotion, "lead", "why", self.now))
        except Invalid:
            waiting = self.promotion.phase in {Phase.PAUSED, Phase.NEEDS_ATTENTION}
            assert not waiting or self.promotion.request is Request.ABORT

    @rule(seconds=st.sampled_from([0.5, 3.0, 130.0, 2000.0]))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @invariant()
    def traffic_is_whole(self):
        assert sum(self.traffic.values()) in {0, 100}

    @invariant()
    def the_end_is_one_of_two(self):
        promotion = self.promotion
        assert promotion.phase.final == (promotion.finished_at is not None)
        if promotion.kind is Kind.STAGE or not promotion.phase.final:
            return
        if promotion.phase is Phase.SUCCEEDED:
            assert self.traffic == {TARGET.deployment: 100}
        else:
            assert self.traffic == self.before
            assert not self.created

    @invariant()
    def steps_tell_where_it_stands(self):
        promotion = self.promotion
        assert 0 <= promotion.position <= len(promotion.steps)
        if not transitions.rolling_back(promotion):
            assert all(record.finished_at is not None for record in promotion.steps[: promotion.position])
        assert [record.ordinal for record in promotion.steps] == list(range(len(promotion.steps)))

    @invariant()
    def the_story_has_no_holes(self):
        for (_, ended), (began, _) in pairwise(self.story):
            assert ended == began
        assert self.story[-1][1] == self.promotion.phase.value


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
