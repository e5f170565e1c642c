"""The registry watch: which version is tested when, and the worker's other duties over a cloud in memory."""

from __future__ import annotations

import pytest

from backend.domain.promotions import Kind, Phase, RetirementState
from backend.promotion.retirement import retire_due
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import DEPUTY, LEAD, WHY, Hospital


@pytest.fixture
def empty(tmp_path):
    made = Hospital(tmp_path)
    yield made
    made.close()


@pytest.fixture
def ready(tmp_path):
    made = Hospital.after(tmp_path, "1", staged="2")
    yield made
    made.close()


def look(hospital):
    begun = hospital.watch.look(tuple(hospital.cloud.registered.values()))
    return begun.target.version if begun else None


def test_the_first_look_at_an_old_registry_tests_only_the_newest(empty):
    for version in ("1", "2", "3"):
        empty.cloud.register(version)
    assert look(empty) == "3"
    assert look(empty) is None
    empty.run()
    assert look(empty) is None


def test_new_versions_are_tested_one_after_the_other_oldest_first(ready):
    ready.cloud.register("3")
    ready.cloud.register("4")
    assert look(ready) == "3"
    assert look(ready) is None
    ready.run()
    staged = [p.target.version for p in reversed(ready.promotions.recent()) if p.kind is Kind.STAGE]
    assert staged == ["1", "2", "3", "4"]


def test_versions_that_did_not_come_through_the_pipeline_are_left_alone(ready):
    third = ready.cloud.register("3")
    ready.cloud.registered["3"] = third.model_copy(update={"digest": ""})
    fourth = ready.cloud.register("4")
    ready.cloud.registered["4"] = fourth.model_copy(update={"archived": True})
    assert look(ready) is None


def test_two_watches_begin_one_test(empty):
    empty.cloud.register("1")
    assert look(empty) == "1"
    empty.store.promotions.change(empty.promotions.recent()[0].id, lambda row: row, lambda *_: None)
    assert look(empty) is None
    assert len(empty.promotions.recent()) == 1


def test_a_failed_test_is_not_repeated_by_itself(empty):
    empty.cloud.broken.add("1")
    empty.staged("1")
    assert empty.promotions.recent()[0].phase is Phase.FAILED
    assert look(empty) is None


def test_a_rejected_version_is_not_tested_again_when_production_moves(ready):
    ready.models.reject(DEPUTY, ready.version("2"), "the split changed without a word", "no")
    ready.cloud.register("3")
    ready.run()
    ready.models.reject(DEPUTY, ready.version("3"), "the same again, sorry", "no-3")
    ready.models.approve(LEAD, ready.version("2"), WHY, "yes", ready.advisory(ready.version("2")))
    ready.clock.pass_(1)
    ready.click("2")
    ready.run("click-2")
    assert look(ready) is None


def test_a_warm_deployment_goes_when_its_time_has_come_and_not_before(tmp_path):
    hospital = Hospital.after(tmp_path, "1", "2")
    endpoints = hospital.cloud.reach().endpoints
    (retirement,) = hospital.store.retirements.open(PRODUCTION)
    retire_due(hospital.store, endpoints)
    assert retirement.deployment in hospital.cloud.places[PRODUCTION].machines
    hospital.clock.pass_(601)
    retire_due(hospital.store, endpoints)
    hospital.clock.pass_(2)
    retire_due(hospital.store, endpoints)
    assert retirement.deployment not in hospital.cloud.places[PRODUCTION].machines
    assert hospital.store.retirements.open(PRODUCTION) == ()
    hospital.close()


def test_a_deployment_with_traffic_is_never_removed(tmp_path):
    hospital = Hospital.after(tmp_path, "1", "2")
    (retirement,) = hospital.store.retirements.open(PRODUCTION)
    place = hospital.cloud.places[PRODUCTION]
    place.traffic = {retirement.deployment: 100}
    hospital.clock.pass_(601)
    retire_due(hospital.store, hospital.cloud.reach().endpoints)
    assert retirement.deployment in place.machines
    newest = hospital.store.audit.entries(limit=1)[0]
    assert (newest.after, newest.reason) == (RetirementState.CANCELLED.value, f"{retirement.deployment} has traffic")
    hospital.close()
