"""Real workers in bad luck: killed in the middle of real promotions, and handed a model that does not load.

The database is a server; over a file, the tour in the browser kills a worker and the cloud.
"""

from __future__ import annotations

import pytest

from backend.domain.clock import utc_now
from backend.domain.promotions import Phase, StepKind, StepState
from backend.operations.decision import dossier_of
from console.viewmodels.models import history
from tests.conftest import interpreter
from tests.recovery.hospital import LEAD, WHY
from tests.recovery.world import World

pytestmark = [pytest.mark.recovery, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def world(make_sandbox, tmp_path_factory, cluster, resident):
    home = tmp_path_factory.mktemp("recovery")
    sandbox = make_sandbox("--poll-after-ms", "50", "--ingestion-seconds", "0.2", home=home / "sandbox")
    runtime = interpreter("MLOPS_RUNTIME_PYTHON", "runtime")
    made = World(home, sandbox, runtime, resident, cluster.fresh(home))
    made.set_up()
    yield made
    made.end()


def kill_at(world, promotion_id, kind):
    """Kill the worker as soon as the promotion stands at a step of this kind, and start another one."""

    def there():
        promotion = world.store.promotions.find(promotion_id)
        assert promotion is not None
        current = promotion.current
        return promotion.phase.final or (current is not None and current.step.kind is kind)

    world.wait(f"{promotion_id} at {kind.value}", there)
    world.kill_worker()
    world.start_worker()


def test_a_promotion_outlives_its_worker(world):
    first = world.train("The reference model")
    world.start_worker()
    ended = world.wait_final(world.staged(first).id)
    assert ended.phase is Phase.SUCCEEDED, ended.reason
    world.click(first, "click-1")
    ended = world.wait_final("click-1")
    assert ended.phase is Phase.SUCCEEDED, ended.reason

    params = world.tree / "training" / "params.toml"
    params.write_text(params.read_text().replace('model = "logistic"', 'model = "hist_gradient_boosting"'))
    second = world.train("A gradient-boosting challenger")
    ended = world.wait_final(world.staged(second).id)
    assert ended.phase is Phase.SUCCEEDED, ended.reason

    world.click(second, "click-2")
    kill_at(world, "click-2", StepKind.SHIFT_TRAFFIC)
    ended = world.wait_final("click-2")
    assert ended.phase is Phase.SUCCEEDED, ended.reason
    before = ended.snapshot.stable
    served = world.endpoint()
    assert served["traffic"] == {ended.target.deployment: 100}
    assert sorted(served["deployments"]) == sorted([ended.target.deployment, before])
    assert served["served"]["digest"] == second.digest
    whole(world)


def test_the_cloud_may_die_as_well(world):
    """The sandbox itself is gone in the middle of a rollback, and comes back with what it held."""
    before = world.store.promotions.get("click-2").snapshot.stable
    world.promotions.roll_back(LEAD, world.promotions.stable(), WHY, "back")
    world.wait("begin", lambda: world.store.promotions.get("back").position > 0)
    world.sandbox.kill()
    world.sandbox.restart()
    ended = world.wait_final("back")
    assert ended.phase is Phase.SUCCEEDED, ended.reason
    assert world.endpoint()["traffic"] == {before: 100}
    whole(world)


def test_the_database_may_die_as_well(world, cluster):
    """The server crashes under a running worker in the middle of a rollback: the same worker finishes it."""
    key = roll_back(world, "database")
    world.wait("begin", lambda: world.store.promotions.get(key).position > 0)
    cluster.restart()
    ended = world.wait_final(key)
    assert ended.phase is Phase.SUCCEEDED, ended.reason
    assert world.workers[-1].poll() is None, world.worker_log()
    assert world.endpoint()["traffic"] == {ended.target.deployment: 100}
    whole(world)


def roll_back(world, name):
    """Return to the version that is not serving; the key of the promotion."""
    if world.store.promotions.find("click-2") is None:
        test_a_promotion_outlives_its_worker(world)
    stable = world.store.promotions.stable(world.project.endpoint).target.version
    other = next(p.target.version for p in world.store.promotions.recent() if p.target.version != stable)
    key = f"to-{other}-{name}"
    world.promotions.roll_back(LEAD, world.promotions.stable(), WHY, key, other)
    return key


@pytest.mark.parametrize(
    "kind",
    [
        StepKind.SNAPSHOT,
        StepKind.CREATE_DEPLOYMENT,
        StepKind.VERIFY_DIGEST,
        StepKind.SHIFT_TRAFFIC,
        StepKind.OBSERVE,
        StepKind.SCHEDULE_RETIREMENT,
    ],
)
def test_a_worker_dies_at_every_step_of_a_rollback(world, kind):
    key = roll_back(world, kind.value)
    kill_at(world, key, kind)
    ended = world.wait_final(key)
    assert ended.phase is Phase.SUCCEEDED, ended.reason
    assert world.endpoint()["traffic"] == {ended.target.deployment: 100}
    whole(world)


BROKEN = {
    "a missing file": (
        "training/train.py",
        "        digest = folder_digest(model_dir)\n",
        '        (model_dir / "model.skops").unlink()\n        digest = folder_digest(model_dir)\n',
        "model.skops does not load: FileNotFoundError",
    ),
    "a type that nobody trusts": (
        "training/artefact.py",
        "load_skops(path, trusted=TRUSTED_TYPES)",
        "load_skops(path, trusted=[])",
        "model.skops does not load: UntrustedTypesFoundException",
    ),
}
"""File, text and its replacement before training, and what the model server then says of the registered folder."""


@pytest.mark.parametrize("case", BROKEN)
def test_a_version_that_does_not_load_fails_its_test_and_changes_nothing(world, case):
    if world.store.promotions.find("click-2") is None:
        test_a_promotion_outlives_its_worker(world)
    path, text, replacement, words = BROKEN[case]
    source = world.tree / path
    good = source.read_text()
    assert good.count(text) == 1
    before = world.endpoints()
    source.write_text(good.replace(text, replacement))
    try:
        version = world.train(f"A model with {case}")
    finally:
        source.write_text(good)
    assert version.digest
    assert version.lineage.run

    ended = world.wait_final(world.staged(version).id)
    assert ended.phase is Phase.FAILED, ended.reason
    assert ended.reason.startswith(f"{ended.target.deployment} did not start: ")
    assert words in ended.reason
    assert [r.step.kind for r in ended.steps if r.state is StepState.FAILED] == [StepKind.CREATE_DEPLOYMENT]
    shown = world.mlops("models", "show", version.version)
    assert f"v{version.version}: test failed" in shown
    assert words in shown
    [(_, _, why)] = history(dossier_of(world.store, world.project, version, utc_now()), utc_now())
    assert words in why.one_line()

    (production, test), (production_before, test_before) = world.endpoints(), before
    assert production["deployments"] == production_before["deployments"]
    for found, held in ((production, production_before), (test, test_before)):
        assert found["traffic"] == held["traffic"]
        assert found["served"]["digest"] == held["served"]["digest"]
    whole(world)


def test_the_next_good_version_takes_the_place_of_the_broken_one(world):
    version = world.train("The challenger, saved whole")
    ended = world.wait_final(world.staged(version).id)
    assert ended.phase is Phase.SUCCEEDED, ended.reason
    _, test = world.endpoints()
    assert (test["traffic"], test["deployments"]) == ({ended.target.deployment: 100}, [ended.target.deployment])
    assert test["served"]["digest"] == version.digest
    whole(world)


def whole(world):
    report = world.store.audit.verify()
    assert report.whole, report.problem
