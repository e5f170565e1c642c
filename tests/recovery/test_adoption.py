"""An endpoint that served before: a deployment named blue, a champion without digest or run, and what follows."""

from __future__ import annotations

import pytest

from backend.domain.endpoints import ProvisioningState
from backend.domain.people import WORKER
from backend.domain.promotions import Kind, Phase, Target
from backend.domain.proofs import ProofState
from backend.domain.registry import Lineage, ModelVersion
from backend.errors import Conflict, NotFound, NotPermitted
from backend.operations.adopting import Adopting
from backend.operations.auditing import Auditing
from backend.operations.history import History
from backend.operations.proving import Proving
from tests.recovery.cloud import ENVIRONMENT, MODEL, PRODUCTION, digest_of, model_files
from tests.recovery.cloud_state import Machine
from tests.recovery.hospital import LEAD, PROJECT, VIEWER, WHY, Hospital


@pytest.fixture
def hospital(tmp_path):
    """A world that somebody else made: blue serves v1, which was registered by hand."""
    made = Hospital(tmp_path)
    files = made.cloud.folders.setdefault("1", model_files("1"))
    bare = ModelVersion(
        name=MODEL, version="1", digest="", created_at=made.clock(), threshold=0.5, lineage=Lineage(), metrics={}
    )
    made.cloud.registered["1"] = bare
    blue = Target(
        endpoint=PRODUCTION, model=MODEL, version="1", digest=digest_of(files), threshold=0.5,
        environment=ENVIRONMENT, deployment="blue",
    )  # fmt: skip
    place = made.cloud.places[PRODUCTION]
    place.machines["blue"] = Machine(blue, {}, ProvisioningState.SUCCEEDED, made.clock())
    place.traffic = {"blue": 100}
    made.clock.pass_(1)
    yield made
    report = made.store.audit.verify()
    made.close()
    assert report.whole, report.problem


def adopting(hospital):
    reach = hospital.cloud.reach()
    return Adopting(hospital.store, PROJECT, reach.endpoints, reach.models, hospital.clock)


def proven(hospital):
    reach = hospital.cloud.reach()
    proving = Proving(hospital.store, reach.endpoints, reach.models, PROJECT, hospital.clock, every=1.0)
    hospital.clock.pass_(5)
    proving.look()
    return hospital.store.proofs.of(PRODUCTION)


def test_what_serves_becomes_the_champion_once_and_is_unproven(hospital):
    first = adopting(hospital).adopt(LEAD, WHY)
    assert adopting(hospital).adopt(LEAD, WHY) == first
    assert (first.kind, first.phase, first.target.deployment) == (Kind.ADOPT, Phase.SUCCEEDED, "blue")
    assert first.target.digest == digest_of(model_files("1"))
    assert hospital.promotions.stable() == "blue"
    assert [entry.action for entry in hospital.store.audit.entries(limit=9)] == ["promotion.adopted"]
    assert hospital.cloud.effects == []


@pytest.mark.recovery
def test_blue_is_no_stranger_any_more_but_nobody_calls_it_proven(hospital):
    assert proven(hospital).state is ProofState.MISMATCH
    assert hospital.store.unexplained.unexplained() != ()
    adopting(hospital).adopt(LEAD, WHY)
    proof = proven(hospital)
    assert proof.state is ProofState.UNPROVEN
    assert "v1 (blue) was adopted" in proof.reason
    assert all(event.resolved_at is not None for event in hospital.store.unexplained.unexplained())


@pytest.mark.recovery
def test_what_served_at_a_moment_is_told_from_the_adoption_on(hospital):
    adopting(hospital).adopt(LEAD, WHY)
    hospital.clock.pass_(60)
    answers = Auditing(hospital.store, PROJECT, hospital.clock).served(hospital.clock().isoformat())
    assert [share.version for share in answers[0].shares] == ["1"]
    assert "v1 served" in answers[0].sentence
    span, *more = History(hospital.store, PROJECT).serving(hospital.clock(), hospital.clock())
    assert (span.version, span.deployment, span.end, more) == ("1", "blue", None, [])


@pytest.mark.recovery
def test_the_next_candidate_is_evaluated_against_it_and_takes_its_place(hospital):
    adopting(hospital).adopt(LEAD, WHY)
    version = hospital.staged("2")
    dossier = hospital.models.dossier(version)
    (compared,) = [evidence.comparison for evidence in dossier.evidence if evidence.comparison]
    assert (compared.champion.version, compared.champion.digest) == ("1", digest_of(model_files("1")))
    promotion = hospital.promote(version)
    assert promotion.phase is Phase.SUCCEEDED, promotion.reason
    assert (promotion.snapshot.stable, "blue" in hospital.cloud.places[PRODUCTION].machines) == ("blue", True)
    assert proven(hospital).state is ProofState.PROVEN


@pytest.mark.recovery
def test_a_candidate_that_was_tested_before_is_evaluated_again_against_what_was_adopted(hospital):
    version = hospital.staged("2")
    assert [e for e in hospital.models.dossier(version).evidence if e.comparison] == []
    adopting(hospital).adopt(LEAD, WHY)
    hospital.run()
    compared = [e.comparison for e in hospital.models.dossier(version).evidence if e.comparison]
    assert [one.champion.version for one in compared] == ["1"]


@pytest.mark.recovery
def test_the_way_back_to_blue_needs_it_warm_and_asks_it_nothing(hospital):
    adopting(hospital).adopt(LEAD, WHY)
    promotion = hospital.promote(hospital.staged("2"))
    hospital.cloud.mute.add("blue")
    back = hospital.promotions.roll_back(LEAD, promotion.target.deployment, WHY, "back")
    hospital.run(back.id)
    ended = hospital.store.promotions.get("back")
    assert (ended.phase, hospital.traffic) == (Phase.SUCCEEDED, {"blue": 100}), ended.reason


@pytest.mark.recovery
def test_files_that_are_not_those_that_were_registered_are_not_adopted(hospital):
    known = hospital.cloud.registered["1"]
    hospital.cloud.registered["1"] = known.model_copy(update={"digest": "sha256:other"})
    with pytest.raises(Conflict, match="other files than were registered"):
        adopting(hospital).adopt(LEAD, WHY)


@pytest.mark.recovery
def test_a_split_endpoint_and_an_empty_one_are_refused(hospital):
    place = hospital.cloud.places[PRODUCTION]
    place.machines["green"] = place.machines["blue"]
    place.traffic = {"blue": 90, "green": 10}
    with pytest.raises(Conflict, match=r"split \(blue 90 %, green 10 %\)"):
        adopting(hospital).adopt(LEAD, WHY)
    place.traffic = {}
    with pytest.raises(NotFound, match="Nothing serves"):
        adopting(hospital).adopt(LEAD, WHY)


@pytest.mark.recovery
def test_something_of_ours_is_never_adopted_over(hospital):
    hospital.cloud.places[PRODUCTION].traffic = {}
    hospital.cloud.places[PRODUCTION].machines.clear()
    hospital.promote(hospital.staged("2"))
    place = hospital.cloud.places[PRODUCTION]
    blue = place.machines[next(iter(place.machines))].target.model_copy(update={"deployment": "blue", "run": ""})
    place.machines["blue"] = Machine(blue, {}, ProvisioningState.SUCCEEDED, hospital.clock())
    place.traffic = {"blue": 100}
    with pytest.raises(Conflict, match="unexplained event, and not adopted"):
        adopting(hospital).adopt(LEAD, WHY)


@pytest.mark.recovery
@pytest.mark.parametrize("actor", [VIEWER, WORKER])
def test_who_may_not_promote_may_not_adopt(hospital, actor):
    with pytest.raises(NotPermitted):
        adopting(hospital).adopt(actor, WHY)
