"""Our database: migrations, idempotency, leases, and what many threads do to it at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backend.domain.endpoints import deployment_name
from backend.domain.evidence import SmokeResult
from backend.domain.promotions import (
    Hold,
    Intent,
    IntentKind,
    IntentState,
    Kind,
    Phase,
    Request,
    RetirementState,
    StepState,
    Succeeded,
    Target,
    Waiting,
)
from backend.errors import Conflict, CorruptState, NotFound
from backend.promotion import transitions, wording
from backend.promotion.engine import told
from backend.promotion.plan import stage_plan
from backend.store.audit import Note
from backend.store.promotions import Superseded
from tests.recovery.cloud import PRODUCTION, Clock
from tests.recovery.hospital import fresh_store


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock, databases):
    made = fresh_store(tmp_path, clock, databases)
    yield made
    made.close()


def target(version="2", endpoint=PRODUCTION):
    digest = f"sha256:{version}"
    return Target(
        endpoint=endpoint,
        model="m",
        version=version,
        digest=digest,
        threshold=0.5,
        environment="e",
        deployment=deployment_name(version, digest, 0.5, "e"),
    )


def promotion(clock, key="click", version="2", reason="agreed in the review", endpoint=PRODUCTION):
    wanted = target(version, endpoint)
    return transitions.begin(key, Kind.PROMOTE, wanted, stage_plan(), by="lead", reason=reason, now=clock())


def note(wanted, action="promotion.promote_requested"):
    subject = f"promotion/{wanted.id}"
    detail = wording.detail(wanted)
    return Note("lead", "console", action, subject, wanted.requested_reason, "", wanted.phase.value, detail)


def submit(store, wanted):
    return store.promotions.submit(wanted, note(wanted))


def advance(store, clock, claimed, outcome):
    def move(row):
        return transitions.advance(row, outcome, clock())

    return store.promotions.change(claimed.id, move, told, fence=claimed.fence)


def test_twenty_threads_with_the_same_click_make_one_promotion(store, clock):
    wanted = promotion(clock)
    ready = threading.Barrier(20)

    def click(_):
        ready.wait()
        return submit(store, wanted)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(click, range(20)))
    assert answers == [wanted] * 20
    assert len(store.promotions.recent()) == 1
    assert store.audit.verify().entries == 1


def test_twenty_leads_at_once_get_one_promotion_and_nineteen_are_told_who_was_first(store, clock):
    ready = threading.Barrier(20)

    def click(number):
        wanted = promotion(clock, key=f"click-{number}", version=str(number))
        ready.wait()
        try:
            return submit(store, wanted)
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(click, range(20)))
    accepted = [answer for answer in answers if not isinstance(answer, Conflict)]
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert (len(accepted), len(refused)) == (1, 19)
    assert {conflict.actual for conflict in refused} == {accepted[0].id}
    assert f"v{accepted[0].target.version} by lead" in str(refused[0])


def test_the_same_key_for_something_else_is_refused(store, clock):
    submit(store, promotion(clock))
    with pytest.raises(Conflict, match="another requested reason"):
        submit(store, promotion(clock, reason="quite another reason"))
    with pytest.raises(Conflict, match="another target"):
        submit(store, promotion(clock, version="3"))


def test_other_endpoints_are_not_held(store, clock):
    submit(store, promotion(clock))
    submit(store, promotion(clock, key="other", endpoint="diabetes-test"))
    assert {p.target.endpoint for p in store.promotions.recent()} == {PRODUCTION, "diabetes-test"}


def test_a_promotion_comes_back_as_it_went_in(store, clock):
    wanted = submit(store, promotion(clock))
    assert store.promotions.get("click") == wanted
    assert store.promotions.active(PRODUCTION) == wanted
    assert store.promotions.find("unknown") is None
    with pytest.raises(NotFound, match="no promotion 'unknown'"):
        store.promotions.get("unknown")


def came_to_serve(store, clock, key, version, endpoint=PRODUCTION):
    """A promotion that ran to its end."""
    made = submit(store, promotion(clock, key, version, endpoint=endpoint))
    while not made.phase.final:
        made = store.promotions.change(key, lambda row: transitions.advance(row, Succeeded(), clock()), told)
    clock.pass_(60)
    return made


def test_what_has_served_is_listed_latest_first_and_found_by_version(store, clock):
    for number, version in enumerate(("1", "2", "1", "3")):
        came_to_serve(store, clock, f"click-{number}", version)
    came_to_serve(store, clock, "elsewhere", "9", "other-endpoint")
    submit(store, promotion(clock, "running", "4"))
    served = store.promotions.successes(PRODUCTION)
    assert [(success.kind, success.target.version) for success in served] == [
        (Kind.PROMOTE, version) for version in ("3", "1", "2", "1")
    ]
    assert served[:2] == store.promotions.successes(PRODUCTION, 2)
    assert [success.target for success in store.promotions.successes(PRODUCTION, version="2")] == [target("2")]
    assert store.promotions.successes(PRODUCTION, version="4") == ()


def test_the_latest_target_of_a_model_is_found_by_its_digest(store, clock):
    came_to_serve(store, clock, "click-1", "1")
    came_to_serve(store, clock, "click-2", "12")
    assert store.promotions.latest_target(PRODUCTION, "m", target("1").digest) == target("1")
    assert store.promotions.latest_target(PRODUCTION, "m", target("3").digest) is None
    assert store.promotions.latest_target(PRODUCTION, "m", target("12").digest) == target("12")
    assert store.promotions.latest_target("other-endpoint", "m", target("12").digest) is None


def test_a_window_begins_with_what_served_when_it_began(store, clock):
    first, second = (came_to_serve(store, clock, f"click-{version}", version) for version in ("1", "2"))
    running = submit(store, promotion(clock, "running", "3"))
    ids = [found.id for found in store.promotions.since_success(PRODUCTION, second.finished_at)]
    assert ids == [second.id, running.id]
    early = store.promotions.since_success(PRODUCTION, first.created_at - timedelta(hours=1))
    assert [found.id for found in early] == [first.id, second.id, running.id]


def test_one_worker_claims_and_the_others_find_nothing(store, clock):
    submit(store, promotion(clock))
    ready = threading.Barrier(8)

    def claim(number):
        ready.wait()
        return store.promotions.claim(f"worker-{number}", 30)

    with ThreadPoolExecutor(8) as pool:
        claims = [c for c in pool.map(claim, range(8)) if c is not None]
    assert [c.fence for c in claims] == [1]


def test_a_lease_that_runs_out_goes_to_another_worker_and_fences_the_first(store, clock):
    submit(store, promotion(clock))
    first = store.promotions.claim("first", 30)
    clock.pass_(29)
    assert store.promotions.claim("second", 30) is None
    clock.pass_(2)
    second = store.promotions.claim("second", 30)
    assert (first.fence, second.fence) == (1, 2)
    assert not store.promotions.renew(first, 30)
    assert store.promotions.renew(second, 30)
    with pytest.raises(Superseded):
        advance(store, clock, first, Succeeded())
    after = advance(store, clock, second, Succeeded())
    assert after.position == 1
    assert store.audit.verify().entries == 2


def test_a_renewed_lease_is_kept(store, clock):
    submit(store, promotion(clock))
    mine = store.promotions.claim("first", 30)
    for _ in range(4):
        clock.pass_(20)
        assert store.promotions.renew(mine, 30)
    assert store.promotions.claim("second", 30) is None


def test_waiting_promotions_are_claimed_when_they_are_due(store, clock):
    submit(store, promotion(clock))
    mine = store.promotions.claim("first", 30)
    advance(store, clock, mine, Waiting(reason="starting", retry_after=5))
    assert store.promotions.claim("second", 30) is None
    clock.pass_(5)
    assert store.promotions.claim("second", 30).steps[0].state is StepState.WAITING


def test_a_wish_during_a_step_survives_the_commit_and_is_looked_at_at_once(store, clock):
    submit(store, promotion(clock))
    mine = store.promotions.claim("first", 30)

    def pause(row):
        return transitions.ask(row, Request.PAUSE, "lead", "ward round first", clock())

    def asked(_, after):
        return note(after, "promotion.pause_requested")

    store.promotions.change("click", pause, asked)
    advance(store, clock, mine, Waiting(reason="starting", retry_after=500))
    again = store.promotions.claim("first", 30)
    assert again.request is Request.PAUSE
    paused = store.promotions.change("click", lambda row: transitions.honour(row, clock()), told, fence=again.fence)
    assert paused.phase is Phase.PAUSED
    assert store.promotions.claim("first", 30) is None


def test_a_change_of_state_without_a_ledger_row_is_refused(store, clock):
    submit(store, promotion(clock))
    mine = store.promotions.claim("first", 30)
    with pytest.raises(CorruptState, match="without a ledger row"):
        store.promotions.change(
            "click", lambda row: transitions.advance(row, Succeeded(), clock()), lambda *_: None, fence=mine.fence
        )
    assert store.promotions.get("click").position == 0


def test_a_change_and_its_ledger_row_stand_or_fall_together(store, clock):
    submit(store, promotion(clock))
    mine = store.promotions.claim("first", 30)

    def broken_note(*_):
        raise RuntimeError("the power failed here")

    with pytest.raises(RuntimeError):
        store.promotions.change(
            "click", lambda row: transitions.advance(row, Succeeded(), clock()), broken_note, fence=mine.fence
        )
    assert store.promotions.get("click").position == 0
    assert store.audit.verify().whole


def test_retirements_wait_for_their_time_and_for_a_free_endpoint(store, clock):
    due = clock() + timedelta(seconds=60)
    first = store.retirements.schedule(PRODUCTION, "v1", "p1", due)
    again = store.retirements.schedule(PRODUCTION, "v1", "p1", due + timedelta(days=1))
    assert first == again
    told = [entry.reason for entry in store.audit.entries() if entry.action == "retirement.scheduled"]
    assert told == [f"v1 on {PRODUCTION} stays until {due:%Y-%m-%d %H:%M} UTC"]
    assert store.retirements.claim_due() == ()
    submit(store, promotion(clock))
    clock.pass_(61)
    assert store.retirements.claim_due() == ()
    store.retirements.cancel(PRODUCTION, "v1", "it serves again")
    assert store.retirements.open(PRODUCTION) == ()


def test_a_retirement_that_began_is_found_again_after_a_crash(store, clock):
    store.retirements.schedule(PRODUCTION, "v1", "p1", clock())
    (begun,) = store.retirements.claim_due()
    assert begun.state is RetirementState.REMOVING
    assert store.retirements.claim_due() == (begun,)
    assert store.retirements.removing(PRODUCTION, "v1")
    store.retirements.settle(begun, RetirementState.REMOVED, "gone")
    store.retirements.settle(begun, RetirementState.CANCELLED, "too late")
    assert store.retirements.claim_due() == ()
    actions = [entry.action for entry in store.audit.entries()]
    assert actions == ["retirement.removed", "retirement.removing", "retirement.scheduled"]


def test_holds_are_set_replaced_and_released(store, clock):
    for reason in ("the first reason", "the second reason"):
        hold = Hold(endpoint=PRODUCTION, promotion="p", reason=reason, set_by="lead", set_at=clock())
        store.holds.set(hold, "console")
    assert store.holds.on(PRODUCTION).reason == "the second reason"
    store.holds.release(PRODUCTION, "deputy", "console", "cause found and mended")
    assert store.holds.on(PRODUCTION) is None
    with pytest.raises(NotFound, match="not on hold"):
        store.holds.release(PRODUCTION, "deputy", "console", "cause found and mended")


def test_evidence_is_frozen_and_tampering_is_noticed(store):
    smoke = SmokeResult(requests=20, passed=20, failures=(), model_version="2", digest="sha256:2", p95_ms=9.5)
    frozen = store.evidence.freeze("p-smoke", smoke, target(), "p")
    assert store.evidence.freeze("p-smoke", smoke.model_copy(update={"passed": 1}), target(), "p") == frozen
    assert store.evidence.of_version("m", "2") == (frozen,)
    with store.database.writing() as connection:
        connection.exec_driver_sql("""UPDATE evidence SET body = replace(body, '"passed":20', '"passed":19')""")
    with pytest.raises(CorruptState, match="changed after it was frozen"):
        store.evidence.of_version("m", "2")


def intent(clock, key="wish", kind=IntentKind.APPROVE, actor="lead", sha="a" * 40):
    return Intent(
        id=key,
        kind=kind,
        pull_request=7,
        head_sha=sha,
        actor=actor,
        reason="read and understood",
        state=IntentState.PENDING,
        outcome="",
        created_at=clock(),
    )


def test_wishes_are_idempotent_and_one_at_a_time(store, clock):
    first = store.intents.record(intent(clock), "console")
    assert store.intents.record(intent(clock), "console") == first
    with pytest.raises(Conflict, match="another head sha"):
        store.intents.record(intent(clock, sha="b" * 40), "console")
    with pytest.raises(Conflict, match="already being performed on #7"):
        store.intents.record(intent(clock, key="second"), "console")
    store.intents.record(intent(clock, key="third", actor="deputy"), "console")
    assert {wish.id for wish in store.intents.of_pull_request(7)} == {"wish", "third"}


def test_wishes_are_leased_postponed_and_finished_once(store, clock):
    store.intents.record(intent(clock), "console")
    stale = store.intents.claim(30)
    assert store.intents.claim(30) is None
    clock.pass_(31)
    claimed = store.intents.claim(30)
    store.intents.finish(stale, IntentState.FAILED, "from a worker that lost its lease")
    assert store.intents.get("wish").state is IntentState.PENDING
    store.intents.postpone(claimed, 4, "GitHub could not be reached.")
    assert store.intents.get("wish").outcome == "GitHub could not be reached."
    assert store.intents.claim(30) is None
    clock.pass_(5)
    again = store.intents.claim(30)
    assert again.attempt == 1
    store.intents.finish(again, IntentState.SUCCEEDED, "Approved as lead.")
    assert store.intents.get("wish").finished_at == clock()
    assert store.intents.claim(30) is None


def test_heartbeats_tell_the_latest_worker(store, clock):
    assert store.heartbeats.latest() is None
    store.heartbeats.beat("a")
    clock.pass_(5)
    store.heartbeats.beat("b")
    assert store.heartbeats.latest() == clock()
