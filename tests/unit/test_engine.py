"""Whole promotions through the real engine, database and operations, over a cloud in memory."""

from __future__ import annotations

import threading

import pytest

from backend.domain.clock import utc_now
from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Kind, Phase, Request, StepKind, StepState
from backend.domain.unexplained import EventKind
from backend.errors import RemoteRejected, RemoteUnavailable
from backend.promotion.engine import Engine
from backend.store import Store
from tests.databases import chosen
from tests.recovery.cloud import PRODUCTION, TEST
from tests.recovery.hospital import LEAD, PROJECT, Hospital


def kept(hospital):
    """The hospital, whose ledger must be whole in the end."""
    yield hospital
    report = hospital.store.audit.verify()
    hospital.close()
    assert report.whole, report.problem


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.recovery)])
def databases(request):
    """The long run plays all of it on a server too; the stores of both are compared in test_store_databases.py."""
    yield from chosen(request)


@pytest.fixture
def empty(tmp_path, databases):
    yield from kept(Hospital(tmp_path, databases=databases))


@pytest.fixture
def ready(tmp_path, databases):
    """v1 serves, v2 has been tested."""
    yield from kept(Hospital.after(tmp_path, "1", staged="2", databases=databases))


@pytest.fixture
def second(tmp_path, databases):
    """v2 serves, v1 is warm."""
    yield from kept(Hospital.after(tmp_path, "1", "2", databases=databases))


def unavailable(**fields):
    return RemoteUnavailable("Azure ML could not be reached.", service="Azure ML", operation="look", **fields)


def test_the_first_version_goes_to_all_traffic_at_once(empty):
    version = empty.staged("1")
    assert empty.kinds() == [(Kind.STAGE, Phase.SUCCEEDED)]
    promotion = empty.promote(version)
    assert promotion.phase is Phase.SUCCEEDED
    assert empty.traffic == {promotion.target.deployment: 100}
    assert [r.step.kind for r in promotion.steps][-1] is StepKind.SHIFT_TRAFFIC
    assert empty.store.retirements.open(PRODUCTION) == ()


def test_a_promotion_goes_in_steps_and_keeps_the_previous_one_warm(second):
    promotion = second.store.promotions.get("click-2")
    deployment, before = promotion.target.deployment, promotion.snapshot.stable
    shifts = [e for e in second.cloud.effects if e.startswith("traffic") and deployment in e and before in e]
    assert shifts == [f"traffic {before}=90,{deployment}=10", f"traffic {before}=50,{deployment}=50"]
    assert second.traffic == {deployment: 100}
    assert second.cloud.places[PRODUCTION].machines[before].state is ProvisioningState.SUCCEEDED
    observed = [r for r in promotion.steps if r.step.kind is StepKind.OBSERVE]
    assert [r.step.weight for r in observed] == [10, 50, 100]
    assert all(r.output["calls"] >= 30 and r.output["seconds"] >= 10 for r in observed)
    second.clock.pass_(700)
    second.settle(5)
    assert list(second.cloud.places[PRODUCTION].machines) == [deployment]


def test_staging_compares_with_what_serves_and_clears_the_test_endpoint(empty):
    empty.serving("1")
    second = empty.staged("2")
    dossier = empty.models.dossier(second)
    comparison = next(e.comparison for e in dossier.evidence if e.comparison)
    assert comparison.champion.version == "1"
    assert comparison.on("auc").verdict.value == "better"
    assert (comparison.champion.threshold, comparison.challenger.threshold) == (0.5, second.threshold)
    assert comparison.consequence.missed.high < 0
    assert [band.band for band in comparison.subgroups.bands] == ["under 45", "45 and over"]
    assert comparison.predictions[0].startswith("sha256:")
    assert dossier.rollout.steps[0].weight == 10
    assert next(e.smoke for e in dossier.evidence if e.smoke).requests == 20
    assert list(empty.cloud.places[TEST].machines) == [dossier.staging.target.deployment]


def test_a_version_compared_with_an_older_champion_is_tested_again(empty):
    empty.serving("1")
    second, third = empty.cloud.register("2"), empty.cloud.register("3")
    empty.run()
    empty.promote(second)
    empty.run()
    champions = [e.comparison.champion.version for e in empty.models.dossier(third).evidence if e.comparison]
    assert champions == ["2", "1"]


def test_a_deployment_that_does_not_start_fails_the_test_with_its_reason(empty):
    empty.cloud.broken.add("1")
    version = empty.staged("1")
    staging = empty.models.dossier(version).staging
    assert staging.phase is Phase.FAILED
    assert "ModuleNotFoundError: skops" in staging.reason


def test_a_model_that_is_not_the_registered_one_never_gets_traffic(empty):
    empty.cloud.impostors.add("1")
    empty.staged("1")
    assert not any(effect.startswith("traffic") for effect in empty.cloud.effects)
    assert "digest sha256:other" in empty.store.promotions.recent()[0].reason


def test_a_model_that_accepts_bad_requests_fails_the_smoke_test(empty):
    empty.cloud.careless.add("1")
    version = empty.staged("1")
    staging = empty.models.dossier(version).staging
    assert staging.phase is Phase.FAILED
    assert "12 of 20" in staging.reason


@pytest.mark.parametrize("weight", [10, 50, 100])
def test_errors_at_any_weight_return_the_traffic_by_themselves(ready, weight):
    before = ready.traffic
    ready.click("2")
    while not _observing(ready, weight):
        ready.tick()
    ready.cloud.error_rates["2"] = 0.5
    ready.run("click-2")
    promotion = ready.store.promotions.get("click-2")
    assert promotion.phase is Phase.ROLLED_BACK
    assert f"At {weight} %: errors" in promotion.reason
    assert ready.traffic == before
    assert promotion.target.deployment not in ready.cloud.places[PRODUCTION].machines
    assert "rolled back" in ready.steering.hold().reason


def _observing(hospital, weight):
    step = hospital.store.promotions.get("click-2").current.step
    return step.kind is StepKind.OBSERVE and step.weight == weight


def test_a_quiet_endpoint_ends_inconclusive_and_waits_for_a_person(ready):
    ready.cloud.calls_per_second = 0.5
    promotion = ready.promote(ready.version("2"))
    assert promotion.phase is Phase.PAUSED
    assert promotion.reason.startswith("Inconclusive, not done within 120 s")
    ready.settle(50)
    assert ready.traffic[promotion.target.deployment] == 10
    ready.cloud.calls_per_second = 20
    ready.steering.resume(LEAD, promotion.id, "the clinic has opened, calls arrive")
    ready.run(promotion.id)
    assert ready.store.promotions.get(promotion.id).phase is Phase.SUCCEEDED


def test_a_pause_changes_nothing_and_its_analysis_goes_on(ready):
    ready.click("2")
    while not _observing(ready, 10):
        ready.tick()
    ready.steering.pause(LEAD, "click-2", "waiting for the ward round")
    ready.run("click-2")
    weights, effects = ready.traffic, len(ready.cloud.effects)
    ready.settle(100)
    paused = ready.store.promotions.get("click-2")
    assert paused.phase is Phase.PAUSED
    assert paused.current.output["calls"] > 100
    assert (ready.traffic, len(ready.cloud.effects)) == (weights, effects)
    ready.cloud.error_rates["2"] = 0.5
    ready.settle(60)
    assert ready.store.promotions.get("click-2").phase is Phase.ROLLED_BACK


def test_an_abort_restores_the_snapshot_and_holds_the_endpoint(ready):
    before = ready.traffic
    ready.click("2")
    while not _observing(ready, 50):
        ready.tick()
    ready.steering.abort(LEAD, "click-2", "complaints from the ward")
    assert ready.store.promotions.get("click-2").request is Request.ABORT
    ready.run("click-2")
    aborted = ready.store.promotions.get("click-2")
    assert aborted.phase is Phase.ROLLED_BACK
    assert aborted.reason == "Aborted by lead: complaints from the ward"
    assert ready.traffic == before
    assert ready.steering.hold().set_by == "lead"


def test_a_rollback_takes_the_warm_deployment_within_seconds(second):
    now = second.promotions.stable()
    started = second.clock()
    second.promotions.roll_back(LEAD, now, "the positive rate has doubled", "back-1")
    while not any(weight == 100 and name.startswith("v1-") for name, weight in second.traffic.items()):
        second.tick()
    assert (second.clock() - started).total_seconds() <= 5
    second.run("back-1")
    promotion = second.store.promotions.get("back-1")
    assert promotion.phase is Phase.SUCCEEDED
    created = next(r for r in promotion.steps if r.step.kind is StepKind.CREATE_DEPLOYMENT)
    assert created.output["adopted"] is True
    assert second.promotions.stable().startswith("v1-")
    assert [r.deployment for r in second.store.retirements.open(PRODUCTION)] == [now]


def test_a_rollback_to_a_removed_deployment_creates_it_again(second):
    second.clock.pass_(700)
    second.settle(5)
    assert len(second.cloud.places[PRODUCTION].machines) == 1
    second.promotions.roll_back(LEAD, second.promotions.stable(), "the positive rate has doubled", "back-1")
    second.run("back-1")
    assert second.store.promotions.get("back-1").phase is Phase.SUCCEEDED
    assert next(iter(second.traffic)).startswith("v1-")


def test_a_rollback_that_does_not_hold_calls_a_person(second):
    second.cloud.error_rates["1"] = 0.9
    second.promotions.roll_back(LEAD, second.promotions.stable(), "the positive rate has doubled", "back-1")
    second.run("back-1")
    stuck = second.store.promotions.get("back-1")
    assert stuck.phase is Phase.NEEDS_ATTENTION
    assert second.store.promotions.active(PRODUCTION).id == "back-1"
    second.cloud.error_rates.clear()
    second.settle(30)
    second.steering.resume(LEAD, "back-1", "the database is up again")
    second.run("back-1")
    assert second.store.promotions.get("back-1").phase in {Phase.SUCCEEDED, Phase.NEEDS_ATTENTION}


def test_traffic_changed_elsewhere_ends_the_promotion(ready):
    before = ready.traffic
    ready.click("2")
    while not _observing(ready, 10):
        ready.tick()
    place = ready.cloud.places[PRODUCTION]
    place.traffic = {next(iter(before)): 50, ready.store.promotions.get("click-2").target.deployment: 50}
    ready.run("click-2")
    promotion = ready.store.promotions.get("click-2")
    assert promotion.phase is Phase.ROLLED_BACK
    assert "changed elsewhere" in promotion.reason
    assert ready.traffic == before
    (event,) = ready.store.unexplained.unexplained()
    (stable,) = before
    assert (event.kind, event.subject, event.owner) == (EventKind.TRAFFIC, f"endpoint/{PRODUCTION}", "")
    assert (event.expected, event.actual) == (
        f"{stable} 90 %, {promotion.target.deployment} 10 %",
        f"{stable} 50 %, {promotion.target.deployment} 50 %",
    )


def test_a_split_of_somebodys_is_no_production_to_return_to(tmp_path):
    """The last probe may be 20 seconds old: what a click begins from is what production says then."""
    hospital = Hospital.after(tmp_path, "1", "2", staged="3")
    (stable,) = hospital.traffic
    warm = next(name for name in hospital.cloud.places[PRODUCTION].machines if name != stable)
    hospital.click("3")
    hospital.cloud.places[PRODUCTION].traffic = {stable: 90, warm: 10}
    effects = len(hospital.cloud.effects)
    hospital.run("click-3")
    promotion = hospital.store.promotions.get("click-3")
    assert promotion.phase is Phase.FAILED
    assert f"serves {stable} 90 %, {warm} 10 %, expected {stable} 100 %" in promotion.reason
    assert len(hospital.cloud.effects) == effects
    hospital.close()


def test_production_that_moved_since_the_click_is_left_alone(ready):
    ready.click("2")
    place = ready.cloud.places[PRODUCTION]
    place.traffic = {}
    effects = len(ready.cloud.effects)
    ready.run("click-2")
    promotion = ready.store.promotions.get("click-2")
    assert promotion.phase is Phase.FAILED
    assert "Production has moved since the click" in promotion.reason
    assert len(ready.cloud.effects) == effects


def test_a_short_absence_of_the_service_is_ridden_out(ready):
    ready.cloud.troubles = [unavailable() for _ in range(6)]
    assert ready.promote(ready.version("2")).phase is Phase.SUCCEEDED


def test_an_absence_that_lasts_at_creation_ends_in_the_way_back(ready):
    before = ready.traffic
    ready.click("2")
    while ready.store.promotions.get("click-2").current.step.kind is not StepKind.VERIFY_DIGEST:
        ready.tick()
    ready.cloud.troubles = [unavailable(retry_after=2.0) for _ in range(9)]
    ready.run("click-2")
    promotion = ready.store.promotions.get("click-2")
    assert promotion.phase is Phase.ROLLED_BACK
    broken = next(r for r in promotion.steps if r.state is StepState.ERRORED)
    assert (broken.step.kind, broken.attempts) == (StepKind.VERIFY_DIGEST, 9)
    assert ready.traffic == before


def test_a_refusal_is_not_tried_again(ready):
    ready.click("2")
    ready.cloud.troubles = [RemoteRejected("Quota exceeded.", service="Azure ML", operation="look", status=400)]
    ready.run("click-2")
    assert ready.store.promotions.get("click-2").phase is Phase.ERRORED


def test_a_way_back_that_is_barred_keeps_the_endpoint_and_calls_a_person(ready):
    before = ready.traffic
    ready.click("2")
    while not _observing(ready, 50):
        ready.tick()
    ready.steering.abort(LEAD, "click-2", "complaints from the ward")
    while ready.store.promotions.get("click-2").phase is not Phase.ROLLING_BACK:
        ready.tick()
    ready.cloud.troubles = [RemoteRejected("Locked.", service="Azure ML", operation="look", status=403)]
    ready.run("click-2")
    assert ready.store.promotions.get("click-2").phase is Phase.NEEDS_ATTENTION
    ready.settle(100)
    assert ready.store.promotions.active(PRODUCTION).id == "click-2"
    ready.steering.resume(LEAD, "click-2", "the lock on the resource was removed")
    ready.run("click-2")
    assert ready.store.promotions.get("click-2").phase is Phase.ROLLED_BACK
    assert ready.traffic == before


def test_a_slow_service_does_not_cost_the_lease(tmp_path, databases):
    """In real time: a call that outlasts the lease three times is finished by the worker that began it."""
    hospital = Hospital.after(tmp_path, "1", staged="2", databases=databases)
    store, lease = Store(hospital.url), 0.3
    hospital.click("2")
    look, claims = hospital.cloud.look, []

    def slow_look():
        look()
        pause = threading.Event()
        for _ in range(6):
            pause.wait(lease / 2)
            claims.append(store.promotions.claim("other", lease))

    hospital.cloud.look = slow_look
    engine = Engine(store, hospital.cloud.reach(), PROJECT, utc_now, owner="slow", lease_seconds=lease)
    assert engine.tick()
    assert claims == [None] * 6
    assert store.promotions.get("click-2").position == 1
    store.close()
    hospital.close()
