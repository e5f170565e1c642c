"""Taking over what somebody else made, on the wire: a deployment named blue, and a version that nobody vouches for."""

from __future__ import annotations

import pytest

from backend.domain.clock import utc_now
from backend.domain.promotions import Phase
from backend.domain.proofs import ProofState
from backend.operations.decision import dossier_of
from tests.conftest import interpreter
from tests.databases import FILES
from tests.recovery.cloud import PRODUCTION
from tests.recovery.world import World

pytestmark = [pytest.mark.recovery, pytest.mark.timeout(1500)]


@pytest.fixture
def world(make_sandbox, tmp_path, resident):
    sandbox = make_sandbox("--poll-after-ms", "50", "--ingestion-seconds", "0.2", home=tmp_path / "sandbox")
    made = World(tmp_path, sandbox, interpreter("MLOPS_RUNTIME_PYTHON", "runtime"), resident, FILES.fresh(tmp_path))
    made.set_up()
    yield made
    made.end()


def test_blue_is_adopted_as_unproven_and_what_was_tested_before_is_evaluated_against_it(world):
    """It answers by another contract, its version has neither digest nor run, and its files are all that is known."""
    theirs = world.prepare("by_hand", str(world.tree), world.push("What the hospital had"))
    params = world.tree / "training" / "params.toml"
    params.write_text(params.read_text().replace('model = "logistic"', 'model = "hist_gradient_boosting"'))
    candidate = world.train("A candidate of ours")
    world.start_worker()
    tested = world.wait_final(world.staged(candidate).id)
    assert tested.phase is Phase.SUCCEEDED, tested.reason
    assert comparisons(world, candidate) == []

    adopted = world.prepare("adopt")
    target = adopted["target"]
    assert (target["version"], target["deployment"], adopted["phase"]) == (theirs, "blue", "succeeded")
    assert target["digest"].startswith("sha256:")
    proof = world.wait("a look at blue", lambda: proven(world, ProofState.UNPROVEN))
    assert f"v{theirs} (blue) was adopted" in proof.reason
    compared = world.wait("the evaluation that makes up for it", lambda: comparisons(world, candidate))
    assert [(one.champion.version, one.champion.digest) for one in compared] == [(theirs, target["digest"])]
    assert all(event.resolved_at is not None for event in world.store.unexplained.unexplained())
    assert {part.deployment: part.weight for part in proof.served} == {"blue": 100}
    assert world.store.audit.verify().whole


def comparisons(world, version):
    found = dossier_of(world.store, world.project, version, utc_now()).evidence
    return [one.comparison for one in found if one.comparison is not None]


def proven(world, state):
    """The latest proof since the adoption, where it says this."""
    found = world.store.proofs.of(PRODUCTION)
    adopted = world.store.promotions.stable(PRODUCTION).finished_at
    return found if found is not None and found.state is state and found.at > adopted else None
