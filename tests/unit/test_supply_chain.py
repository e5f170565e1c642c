"""What a registered model is made of: which files could run code, who made them, and what follows from it."""

from __future__ import annotations

import json
import pickle
import zipfile

import joblib
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io import dump as dump_skops

from backend.domain.promotions import Phase
from backend.domain.supply_chain import EnvironmentDefinition
from backend.errors import PolicyDenied
from backend.gateways.azureml.model_folder import read_folder
from backend.policy.supply_chain import judge_supply, runs_code
from backend.promotion.environment_watch import EnvironmentWatch
from backend.promotion.leftovers import schedule_ends
from tests.recovery.cloud import DEFINITION, TEST, digest_of, model_files
from tests.recovery.hospital import LEAD, PROJECT, WHY, Hospital
from training.digest import folder_digest

MODEL = LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 1, 1])


def written(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return read_folder(folder)


@pytest.fixture
def sound(tmp_path):
    """As training writes it: a model that skops itself has stored."""
    files = model_files("1")
    dump_skops(MODEL, tmp_path / "model.skops")
    return files | {"model.skops": (tmp_path / "model.skops").read_bytes(), "requirements.txt": b"numpy==2.4.6\n"}


def mlmodel(**flavours):
    return json.dumps({"flavors": flavours}).encode()


def archive(path, schema):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("schema.json", schema)
    return path.read_bytes()


def test_a_skops_model_runs_no_code_and_its_types_are_told(sound, tmp_path):
    found = written(tmp_path / "m", sound)
    assert runs_code(found) == ()
    assert "sklearn.linear_model._logistic.LogisticRegression" in {kind.full for kind in found.types}
    assert [file.path for file in found.files] == ["MLmodel", "model.skops", "requirements.txt"]


def test_the_digest_is_the_one_that_training_and_scoring_compute(sound, tmp_path):
    found = written(tmp_path / "m", sound | {"metadata/conda.yaml": b"name: x\n"})
    assert found.digest == folder_digest(tmp_path / "m") == digest_of(sound | {"metadata/conda.yaml": b"name: x\n"})


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def test_every_way_of_running_code_is_named(sound, tmp_path):
    joblib.dump(MODEL, tmp_path / "model.joblib")
    function = {"__class__": "eval", "__module__": "builtins", "__loader__": "FunctionNode"}
    foreign = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
    cases = {
        "model.pkl is a pickle": {"model.pkl": pickle.dumps(Evil())},
        "model.skops is a pickle": {"model.skops": pickle.dumps(Evil())},
        "README.md is a pickle": {"README.md": pickle.dumps(Evil())},
        "old.dat is no file that is read as data": {"old.dat": pickle.dumps(Evil(), protocol=0)},
        "model.joblib is": {"model.joblib": (tmp_path / "model.joblib").read_bytes()},
        "code/hook.py is no file that is read as data": {"code/hook.py": b"import os"},
        "weights.pt is no file that is read as data": {"weights.pt": b"PK\x03\x04"},
        "model.skops is no skops file": {"model.skops": b"PK\x03\x04 and no more"},
        "MLmodel cannot be read": {"MLmodel": b"flavors: [unclosed"},
        "MLmodel names no flavours": {"MLmodel": b"- a list"},
        "MLmodel has the flavour pytorch": {"MLmodel": mlmodel(pytorch={})},
        "MLmodel says serialization cloudpickle": {"MLmodel": mlmodel(sklearn={"serialization_format": "cloudpickle"})},
        "MLmodel names the loader mlflow.pyfunc.model": {
            "MLmodel": mlmodel(python_function={"loader_module": "mlflow.pyfunc.model"})
        },
        "MLmodel brings code of its own: code": {
            "MLmodel": mlmodel(python_function={"loader_module": "mlflow.sklearn", "code": "code"})
        },
        "a skops file asks for builtins.eval": {"model.skops": archive(tmp_path / "a", json.dumps(function))},
        "a skops file asks for os.system": {
            "model.skops": archive(tmp_path / "b", json.dumps({"content": [{"deep": foreign}]}))
        },
        "model.skops is no skops file: ": {"model.skops": archive(tmp_path / "c", "[" * 100_000)},
    }
    for number, (told, change) in enumerate(cases.items()):
        dangers = runs_code(written(tmp_path / f"m{number}", sound | change))
        assert any(danger.startswith(told) for danger in dangers), (told, dangers)


def judged(folder, registered=None, run_digest="", environment=DEFINITION):
    return judge_supply(folder, registered or folder.digest, "train-1", run_digest, environment, {})


def test_a_pickle_is_let_through_only_where_our_run_made_exactly_these_bytes(sound, tmp_path):
    evil = written(tmp_path / "evil", sound | {"model.pkl": pickle.dumps(Evil())})
    assert "no run of ours made it: model.pkl is a pickle" in judged(evil).refusals[0]
    ours = judged(evil, run_digest=evil.digest)
    assert ours.refusals == ()
    assert ours.runs_code == ("model.pkl is a pickle",)
    other = judged(evil, run_digest="sha256:other").refusals
    assert len(other) == 2
    assert "The run train-1 left a model of digest sha256:other" in other[0]


def test_a_lie_about_the_bytes_or_the_run_is_refused_even_for_skops(sound, tmp_path):
    found = written(tmp_path / "m", sound)
    assert judged(found).refusals == ()
    assert "the registry says sha256:told" in judged(found, registered="sha256:told").refusals[0]
    assert "left a model of digest" in judged(found, run_digest="sha256:other").refusals[0]
    assert judged(found, environment=None).refusals == (
        "Its environment does not exist, so what it would run in is not known",
    )


@pytest.fixture
def ready(tmp_path):
    made = Hospital.after(tmp_path, "1", staged="2")
    yield made
    made.close()


def blockers(hospital, version):
    return {b.what: b for b in hospital.promotions.decision(LEAD, version, None).blockers}


def test_a_strangers_pickle_is_refused_before_anything_of_it_runs(ready):
    ready.cloud.folders["3"] = model_files("3") | {"model.pkl": pickle.dumps(Evil())}
    ready.cloud.made["3"] = "sha256:the-models-that-train-3-left"
    before = list(ready.cloud.effects)
    third = ready.staged("3")
    dossier = ready.models.dossier(third)
    assert dossier.staging.phase is Phase.FAILED
    assert "model.pkl is a pickle" in dossier.staging.reason
    assert not any(effect.startswith("create") for effect in ready.cloud.effects[len(before) :])
    blocker = blockers(ready, third)["Supply chain"]
    assert blocker.hard
    assert "no run of ours made it" in blocker.why
    with pytest.raises(PolicyDenied, match="Supply chain"):
        ready.models.approve(LEAD, third, WHY, "key")


def test_a_refused_test_leaves_nothing_that_would_be_missed(ready):
    ready.cloud.folders["3"] = model_files("3") | {"model.pkl": pickle.dumps(Evil())}
    ready.cloud.made["3"] = "sha256:the-models-that-train-3-left"
    ready.staged("3")
    schedule_ends(ready.store, PROJECT)
    assert ready.store.retirements.open(TEST) == ()
    ready.click("2")
    ready.run("click-2")
    schedule_ends(ready.store, PROJECT)
    (end,) = ready.store.retirements.open(TEST)
    assert end.deployment in ready.cloud.places[TEST].machines, "the one that was tested has its end"


def test_what_was_found_is_frozen_once_with_every_file_and_the_environment(ready):
    dossier = ready.models.dossier(ready.version("2"))
    (found,) = [e for e in dossier.evidence if e.kind == "supply_chain"]
    told = found.supply_chain
    assert (told.digest, told.ours, told.refusals) == (dossier.version.digest, True, ())
    assert {file.path for file in told.files} == {"MLmodel", "model.skops"}
    assert told.environment == DEFINITION
    assert told.run_packages["scikit-learn"] == "1.9.1"
    assert told.types == ("sklearn.linear_model.LogisticRegression",)
    assert "Supply chain" not in blockers(ready, ready.version("2"))


def changed():
    return EnvironmentDefinition(asset=DEFINITION.asset, image="x", digest="sha256:environment-2", packages=())


@pytest.mark.parametrize("now", [changed(), None])
def test_an_environment_that_changed_under_its_name_blocks_the_click(ready, now):
    watch = EnvironmentWatch(ready.store, ready.cloud.reach().assets, PROJECT)
    assert watch.look()
    assert not watch.look()
    assert "Environment" not in blockers(ready, ready.version("2"))
    ready.cloud.environment = now
    assert watch.look()
    assert blockers(ready, ready.version("2"))["Environment"].hard
    assert ready.store.audit.entries(limit=1)[0].action == "environment.changed"


def test_an_environment_that_changed_unseen_stops_the_promotion_before_it_creates(ready):
    ready.cloud.environment = changed()
    promotion = ready.promote(ready.version("2"))
    assert promotion.phase in {Phase.FAILED, Phase.ROLLED_BACK}
    assert "is another than the one it was tested in" in promotion.reason
    assert ready.traffic == {ready.models.dossier(ready.version("1")).promotions[0].target.deployment: 100}


def test_the_schema_of_calls_is_read_as_mlflow_declares_it(tmp_path):
    inputs = json.dumps([{"type": "double", "name": "BMI", "required": True}, {"type": "long", "name": "Age"}])
    outputs = json.dumps([{"type": "double", "name": "positive", "required": False}])
    declared = json.dumps({"flavors": {"sklearn": {}}, "signature": {"inputs": inputs, "outputs": outputs}})
    found = written(tmp_path / "m", {"MLmodel": declared.encode()}).signature
    assert [(f.name, f.type, f.required) for f in (*found.inputs, *found.outputs)] == [
        ("BMI", "double", True),
        ("Age", "long", True),
        ("positive", "double", False),
    ]


@pytest.mark.parametrize(
    "signature",
    [None, "text", {}, {"inputs": "[", "outputs": "[]"}, {"inputs": '[{"type": "double"}]', "outputs": "[]"},
     {"inputs": '[{"type": "tensor", "tensor-spec": {}}]', "outputs": "[]"}, {"inputs": "3", "outputs": "[]"}],
)  # fmt: skip
def test_a_schema_without_named_columns_is_none(tmp_path, signature):
    declared = json.dumps({"flavors": {"sklearn": {}}, "signature": signature})
    assert written(tmp_path / "m", {"MLmodel": declared.encode()}).signature is None
