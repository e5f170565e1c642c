"""Rollouts through the real engine, database and operations: load, replay, mirror, analysis, freezes, hurry, ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.analysis import Health, read_checks
from backend.domain.people import Right
from backend.domain.promotions import Phase, RetirementState, StepKind, StepState
from backend.errors import Invalid, NotPermitted, PolicyDenied
from backend.operations.promotions import Promotions
from backend.promotion.engine import Engine
from backend.promotion.leftovers import schedule_ends
from backend.promotion.retirement import retire_due
from backend.settings_project import Freeze
from tests.recovery.cloud import PRODUCTION, ROLLOUT, TEST
from tests.recovery.hospital import LEAD, LEASE, OPERATOR, PROJECT, WHY, Hospital

MIRROR = b"\n[mirror]\npercent = 20\nmin_calls = 40\nmin_seconds = 5\n"
COMPARED = ROLLOUT.replace(
    b"[limits]", b"[stable]\nmax_error_increase = 0.01\nmax_p95_ratio = 2\nmax_positive_shift = 0.2\n[limits]"
)


def world(folder, rollout=ROLLOUT):
    """v1 serves and v2 has been tested under this rollout."""
    made = Hospital.after(folder, "1") if rollout is not ROLLOUT else Hospital.after(folder, "1", staged="2")
    if rollout is not ROLLOUT:
        made.cloud.rollout = rollout
        made.staged("2")
    return made


@pytest.fixture
def ready(tmp_path):
    made = world(tmp_path)
    yield made
    assert made.store.audit.verify().whole
    made.close()


@pytest.fixture
def mirrored(tmp_path):
    made = world(tmp_path, ROLLOUT + MIRROR)
    yield made
    assert made.store.audit.verify().whole
    made.close()


@pytest.fixture
def compared(tmp_path):
    made = world(tmp_path, COMPARED)
    yield made
    made.close()


def freeze(hospital, *freezes):
    """The settings that the next worker and console read."""
    project = PROJECT.model_copy(update={"freeze": freezes})
    hospital.promotions = Promotions(hospital.store, project, hospital.clock)
    reach = hospital.cloud.reach()
    hospital.engine = Engine(hospital.store, reach, project, hospital.clock, owner="w", lease_seconds=LEASE)


def current(hospital):
    return hospital.store.promotions.get("click-2").current.step


def until(hospital, kind, weight=None):
    for _ in range(400):
        step = current(hospital)
        if step.kind is kind and weight in {None, step.weight}:
            return
        hospital.tick()
    raise AssertionError(f"never came to {kind}")


def test_the_test_endpoint_answers_many_at_once_and_the_gate_reads_it(ready):
    dossier = ready.models.dossier(ready.version("2"))
    load = next(e.load for e in dossier.evidence if e.load)
    assert (load.requests, load.errors, load.at_a_time) == (400, 0, 4)
    assert load.p50_ms <= load.p95_ms <= load.p99_ms
    assert load.per_second > 0
    kinds = [r.step.kind for r in dossier.staging.steps]
    assert kinds[:5] == [
        StepKind.CREATE_DEPLOYMENT, StepKind.VERIFY_DIGEST, StepKind.SMOKE_TEST, StepKind.LOAD_TEST, StepKind.REPLAY,
    ]  # fmt: skip
    gate = next(f for f in ready.promotions.decision(LEAD, ready.version("2"), None).findings if f.gate == "latency")
    assert "0 errors in 400 requests, 4 at a time" in gate.sentence


def test_an_answer_that_depends_on_its_batch_fails_the_test(tmp_path):
    hospital = Hospital.after(tmp_path, "1")
    hospital.cloud.moody.add("2")
    staging = hospital.models.dossier(hospital.staged("2")).staging
    assert staging.phase is Phase.FAILED
    assert "alone and" in staging.reason
    hospital.close()


def test_a_mirror_goes_first_and_is_ended_before_the_first_weight(mirrored):
    promotion = mirrored.promote(mirrored.version("2"))
    assert promotion.phase is Phase.SUCCEEDED, promotion.reason
    name = promotion.target.deployment
    told = mirrored.cloud.effects[mirrored.cloud.effects.index(f"mirror {name}=20") :]
    assert told[1] == "mirror none"
    assert told[2].startswith("traffic")
    assert f"{name}=10" in told[2]
    seen = next(r for r in promotion.steps if r.step.kind is StepKind.OBSERVE_MIRROR)
    assert seen.output["calls"] >= 40
    assert seen.reason.startswith("In a mirror of 20 %: errors 0.00 %")


def test_a_candidate_that_fails_on_copies_never_answers_a_patient(mirrored):
    before = mirrored.traffic
    mirrored.cloud.error_rates["2"] = 0.5
    promotion = mirrored.promote(mirrored.version("2"))
    assert promotion.phase is Phase.ROLLED_BACK
    assert promotion.reason.startswith("In a mirror of 20 %: errors 50")
    assert mirrored.traffic == before
    assert mirrored.cloud.places[PRODUCTION].mirror == {}
    name = promotion.target.deployment
    told = mirrored.cloud.effects[mirrored.cloud.effects.index(f"mirror {name}=20") :]
    assert told == [f"mirror {name}=20", "mirror none", f"delete {name}"]
    assert name not in mirrored.cloud.places[PRODUCTION].machines
    assert "rolled back" in mirrored.steering.hold().reason
    with pytest.raises(PolicyDenied, match="on hold"):
        mirrored.click("2", "again")


def test_a_mirror_without_calls_pauses_and_a_person_may_go_on(mirrored):
    mirrored.cloud.calls_per_second = 0.01
    promotion = mirrored.promote(mirrored.version("2"))
    assert promotion.phase is Phase.PAUSED
    assert promotion.reason.startswith("Inconclusive")
    mirrored.cloud.calls_per_second = 20.0
    mirrored.steering.promote_now(LEAD, promotion.id, WHY)
    until(mirrored, StepKind.MIRROR_TRAFFIC, 0)
    mirrored.run(promotion.id)
    assert mirrored.store.promotions.get(promotion.id).phase is Phase.SUCCEEDED


@pytest.mark.parametrize("kind", [StepKind.OBSERVE_MIRROR, StepKind.OBSERVE])
def test_a_mirror_changed_elsewhere_stops_the_rollout(mirrored, kind):
    before = mirrored.traffic
    mirrored.click("2")
    until(mirrored, kind)
    place = mirrored.cloud.places[PRODUCTION]
    place.mirror = {} if kind is StepKind.OBSERVE_MIRROR else {next(iter(before)): 5}
    mirrored.run("click-2")
    promotion = mirrored.store.promotions.get("click-2")
    assert promotion.phase is Phase.ROLLED_BACK
    assert "The mirrored traffic was changed elsewhere" in promotion.reason
    (event,) = mirrored.store.unexplained.unexplained()
    assert ", mirrored to " in event.sentence
    assert (mirrored.traffic, place.mirror) == (before, {})


def test_traffic_changed_elsewhere_under_a_mirror_stops_it(mirrored):
    before = mirrored.traffic
    mirrored.click("2")
    until(mirrored, StepKind.OBSERVE_MIRROR)
    place = mirrored.cloud.places[PRODUCTION]
    place.traffic = {}
    mirrored.run("click-2")
    promotion = mirrored.store.promotions.get("click-2")
    assert promotion.phase is Phase.ROLLED_BACK
    assert "The traffic was changed elsewhere" in promotion.reason
    assert (mirrored.traffic, place.mirror) == (before, {})


def test_production_that_mirrors_already_is_not_begun_with(ready):
    ready.click("2")
    ready.cloud.places[PRODUCTION].mirror = {"v9-ffff": 10}
    ready.run("click-2")
    promotion = ready.store.promotions.get("click-2")
    assert promotion.phase is Phase.FAILED
    assert "which nobody here began" in promotion.reason


def test_no_mirror_of_anybody_stands_in_the_way_of_a_rollback(tmp_path):
    hospital = Hospital.after(tmp_path, "1", "2")
    place = hospital.cloud.places[PRODUCTION]
    place.mirror = {name: 10 for name in place.machines if name.startswith("v1-")}
    hospital.promotions.roll_back(LEAD, hospital.promotions.stable(), WHY, "back")
    hospital.run("back")
    assert hospital.store.promotions.get("back").phase is Phase.SUCCEEDED
    assert next(iter(hospital.traffic)).startswith("v1-")
    hospital.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cloud: cloud.error_rates.update({"2": 0.04}), "errors against stable"),
        (lambda cloud: cloud.p95_ms.update({"2": 150.0}), "p95 150 ms against 40 ms"),
        (lambda cloud: cloud.positive_rates.update({"2": 0.9}), "positives 90.0 % against 30.0 %"),
    ],
)
def test_worse_than_stable_returns_the_traffic_though_within_the_limits(compared, change, words):
    before = compared.traffic
    compared.cloud.calls_per_second = 100.0
    change(compared.cloud)
    promotion = compared.promote(compared.version("2"))
    if promotion.phase is Phase.PAUSED:
        pytest.fail(promotion.reason)
    assert promotion.phase is Phase.ROLLED_BACK
    assert words in promotion.reason
    assert compared.traffic == before


def test_like_stable_passes_and_says_what_was_not_measured(compared):
    promotion = compared.promote(compared.version("2"))
    assert promotion.phase is Phase.SUCCEEDED, promotion.reason
    last = next(r for r in reversed(promotion.steps) if r.step.kind is StepKind.OBSERVE)
    found = {c.measure: c.health for c in read_checks(last.output["checks"])}
    assert found["Errors against stable"] is Health.UNMEASURED
    assert found["Errors"] is Health.GOOD


@pytest.mark.recovery
def test_saturation_fails_after_minutes_not_at_once(tmp_path):
    rollout = ROLLOUT.replace(b"max_p95_ms = 200", b"max_p95_ms = 200\nmax_cpu_percent = 85")
    rollout = rollout.replace(b"min_seconds = 10", b"min_seconds = 240").replace(b"= 120", b"= 900")
    hospital = world(tmp_path, rollout)
    hospital.cloud.cpu_percent["2"] = 97.0
    promotion = hospital.promote(hospital.version("2"))
    assert promotion.phase is Phase.ROLLED_BACK
    assert promotion.reason == "At 10 %: processor 97 %, limit 85 %, 3 minutes."
    hospital.close()


@pytest.mark.recovery
def test_a_frozen_weight_waits_beyond_its_deadline_and_goes_on_by_itself(ready):
    ready.click("2")
    until(ready, StepKind.OBSERVE, 10)
    ends = ready.clock() + timedelta(seconds=900)
    freeze(ready, Freeze(reason="go-live of the ward system", begins=ready.clock() - timedelta(hours=1), ends=ends))
    until(ready, StepKind.SHIFT_TRAFFIC, 50)
    weights = ready.traffic
    ready.settle(600)
    waiting = ready.store.promotions.get("click-2")
    assert (waiting.phase, waiting.current.step.kind) == (Phase.WAITING, StepKind.SHIFT_TRAFFIC)
    assert f"Frozen until {ends:%a %d %b %H:%M} UTC: go-live of the ward system" in waiting.reason
    assert ready.traffic == weights
    ready.run("click-2")
    assert ready.store.promotions.get("click-2").phase is Phase.SUCCEEDED
    assert ready.clock() >= ends


def test_a_freeze_refuses_the_click_and_lets_the_way_back_go(ready):
    ready.click("2")
    until(ready, StepKind.OBSERVE, 50)
    before = ready.store.promotions.get("click-2").snapshot.traffic
    window = Freeze(reason="holidays", begins=ready.clock(), ends=ready.clock() + timedelta(days=9))
    freeze(ready, window)
    ready.steering.abort(LEAD, "click-2", WHY)
    ready.run("click-2")
    assert ready.traffic == before
    ready.steering.release_hold(LEAD, WHY)
    with pytest.raises(PolicyDenied, match="Frozen until"):
        ready.click("2", "again")
    decision = ready.promotions.decision(LEAD, ready.version("2"), None)
    assert next(f for f in decision.findings if f.group == "Window").sentence.endswith("holidays.")
    assert next(b for b in decision.blockers if b.what == "Window").until == window.ends


def test_promote_now_skips_the_rest_of_one_observation_by_its_own_right(ready):
    ready.click("2")
    with pytest.raises(Invalid, match="Nothing is being observed"):
        ready.steering.promote_now(LEAD, "click-2", WHY)
    until(ready, StepKind.OBSERVE, 10)
    with pytest.raises(NotPermitted):
        ready.steering.promote_now(OPERATOR, "click-2", WHY)
    assert not OPERATOR.may(Right.PROMOTE_NOW)
    ready.cloud.calls_per_second = 0.0
    for _ in range(2):
        ready.steering.promote_now(LEAD, "click-2", WHY)
    until(ready, StepKind.OBSERVE, 50)
    ready.cloud.calls_per_second = 20.0
    ready.run("click-2")
    promotion = ready.store.promotions.get("click-2")
    assert promotion.phase is Phase.SUCCEEDED
    skipped = [r for r in promotion.steps if r.state is StepState.SKIPPED]
    assert [(r.step.weight, r.reason) for r in skipped] == [(10, f"Gone on early by lead: {WHY}")]
    told = [e.action for e in ready.store.audit.entries(limit=99, subject="promotion/click-2")]
    assert told.count("promotion.promote_now_requested") == 1
    assert "step.observe.skipped" in told


def test_what_has_failed_cannot_be_gone_on_from(ready):
    ready.click("2")
    until(ready, StepKind.OBSERVE, 10)
    ready.cloud.error_rates["2"] = 0.5
    ready.run("click-2")
    with pytest.raises(Invalid, match="has ended"):
        ready.steering.promote_now(LEAD, "click-2", WHY)


def test_a_pause_under_a_freeze_and_a_hurry_is_not_a_way_around_it(ready):
    ready.click("2")
    until(ready, StepKind.OBSERVE, 10)
    weights = ready.traffic
    freeze(ready, Freeze(reason="holidays", begins=ready.clock(), ends=ready.clock() + timedelta(seconds=300)))
    ready.steering.promote_now(LEAD, "click-2", WHY)
    ready.settle(200)
    assert ready.traffic == weights


def ends(hospital):
    return hospital.store.retirements.open(TEST)


def duty(hospital):
    schedule_ends(hospital.store, PROJECT)
    retire_due(hospital.store, hospital.cloud.reach().endpoints, TEST)


def test_a_test_deployment_stays_while_somebody_is_waited_for(ready):
    ready.clock.pass_(100 * 3600)
    duty(ready)
    assert ends(ready) == ()
    assert len(ready.cloud.places[TEST].machines) == 1


def test_a_rejected_versions_test_deployment_ends_by_itself(ready):
    ready.models.reject(LEAD, ready.version("2"), WHY, "no")
    duty(ready)
    (retirement,) = ends(ready)
    assert retirement.due_at == ready.clock() + timedelta(hours=24)
    ready.clock.pass_(24 * 3600 + 1)
    for _ in range(5):
        duty(ready)
        ready.clock.pass_(2)
        ready.cloud.look()
    assert ready.cloud.places[TEST].machines == {}
    assert ready.cloud.places[TEST].traffic == {}
    assert ends(ready) == ()
    told = [e.action for e in ready.store.audit.entries(limit=99, subject=f"deployment/{TEST}/{retirement.deployment}")]
    assert f"retirement.{RetirementState.REMOVED.value}" in told


def test_a_version_tested_again_keeps_its_deployment(ready):
    version = ready.version("2")
    ready.models.reject(LEAD, version, WHY, "no")
    duty(ready)
    assert len(ends(ready)) == 1
    ready.promotions.stage(LEAD, version, WHY, "test-again")
    ready.run("test-again")
    assert ends(ready) == ()
    duty(ready)
    (again,) = ends(ready)
    assert again.promotion == "test-again"
