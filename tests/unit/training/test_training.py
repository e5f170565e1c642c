"""Training as a pure function: parameters, models, repeatability, evidence without patients."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import yaml
from pyarrow import parquet

from training import bands, cohort, data, params
from training.data import DataError
from training.evidence import describe_dataset, describe_environment, write_predictions
from training.train import train

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = """
seed = 0
model = "logistic"
threshold = 0.5
[split]
holdout_fraction = 0.3
minimum_rows = 200
[logistic]
reg_rate = 0.01
solver = "liblinear"
[hist_gradient_boosting]
learning_rate = 0.1
max_iter = 100
max_leaf_nodes = 31
min_samples_leaf = 20
l2_regularization = 0.0
"""
"""Parameters of these tests' own: a pull request that tries other ones must not fail here."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "cohort.csv"
    cohort.write(path, rows=4000, seed=5)
    return data.load(path)


@pytest.fixture(scope="module")
def parameters():
    return params.parse(tomllib.loads(REFERENCE))


@pytest.fixture(scope="module")
def reference(dataset, parameters):
    return train(dataset, parameters)


@pytest.fixture(scope="module")
def boosting(dataset, parameters):
    return train(dataset, replace(parameters, model="hist_gradient_boosting"))


def test_the_same_data_and_seed_give_the_same_metrics(dataset, parameters, reference, boosting):
    for first, kind in ((reference, "logistic"), (boosting, "hist_gradient_boosting")):
        again = train(dataset, replace(parameters, model=kind))
        assert first.metrics == again.metrics
        assert first.probability.tolist() == again.probability.tolist()


def test_another_seed_gives_another_holdout(dataset, parameters, reference):
    assert reference.metrics != train(dataset, replace(parameters, seed=1)).metrics


def test_boosting_is_clearly_better_than_the_reference(reference, boosting):
    assert 0.82 < reference.metrics["auc"] < 0.89
    assert boosting.metrics["auc"] > 0.96


def test_a_tenfold_penalty_changes_nothing_and_an_absurd_one_much(dataset, parameters, reference):
    penalties = [replace(parameters.logistic, reg_rate=rate) for rate in (0.1, 1000)]
    others = [train(dataset, replace(parameters, logistic=penalty)) for penalty in penalties]
    aucs = [trained.metrics["auc"] for trained in (reference, *others)]
    assert aucs[1] == pytest.approx(aucs[0], abs=1e-3)
    assert aucs[2] < aucs[0] - 0.05


def test_training_counts_the_patients_it_shares_and_shares_none(dataset, reference):
    metrics = reference.metrics
    assert metrics["shared_groups"] == 0
    assert metrics["rows_train"] + metrics["rows_holdout"] == len(dataset)


def test_predictions_carry_row_and_group_and_no_patient(dataset, parameters, reference, tmp_path):
    write_predictions(tmp_path / "p.parquet", dataset, reference.split.holdout, {"probability": reference.probability})
    table = parquet.read_table(tmp_path / "p.parquet")
    assert {field.name: str(field.type) for field in table.schema} == {
        "row": "int64",
        "group": "int64",
        "outcome": "int8",
        "probability": "double",
        **{f"band_{axis.name}": "dictionary<values=string, indices=int8, ordered=0>" for axis in bands.AXES},
    }
    patients = set(dataset.patients.tolist())
    assert not patients & {value for column in table.columns for value in column.to_pylist()}
    described = describe_dataset(dataset, reference.split, parameters.seed)
    assert (described["rows"], described["patients"], described["shared_groups"]) == (4000, len(patients), 0)


def test_a_holdout_with_one_outcome_is_refused(dataset, parameters):
    rare = dataset.outcome * 0
    rare[0] = 1
    with pytest.raises(DataError, match="has only one outcome"):
        train(replace(dataset, outcome=rare), parameters)


def test_two_cohorts_differ_and_one_seed_gives_one_cohort():
    assert cohort.draw(500, 1) == cohort.draw(500, 1)
    assert not {row[1:9] for row in cohort.draw(500, 1)} & {row[1:9] for row in cohort.draw(500, 2)}


def test_a_cohort_has_returning_patients_some_with_another_outcome(dataset):
    visits = {}
    for patient, outcome in zip(dataset.patients.tolist(), dataset.outcome.tolist(), strict=True):
        visits.setdefault(patient, []).append(outcome)
    returning = [outcomes for outcomes in visits.values() if len(outcomes) > 1]
    assert len(returning) == round(4000 * cohort.REPEATED_SHARE)
    assert any(len(set(outcomes)) == 2 for outcomes in returning)
    assert 0.29 < dataset.outcome.mean() < 0.38


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("reg_rate = 0.01", "reg_rate = 0", "logistic.reg_rate must be a number"),
        ("reg_rate = 0.01", "regrate = 0.01", "logistic.reg_rate is missing"),
        ("seed = 0", "seed = true", "seed must be a whole number"),
        ("seed = 0", "seed = 0\nspeed = 1", "speed is not a parameter"),
        ('model = "logistic"', 'model = "forest"', "model must be one of logistic, hist_gradient_boosting"),
        ("[split]", "[splits]", r"section \[split\] is missing"),
        ("seed = 0", "seed =", "is not TOML"),
    ],
)
def test_a_bad_parameter_is_named(tmp_path, old, new, message):
    path = tmp_path / "params.toml"
    path.write_text(REFERENCE.replace(old, new))
    with pytest.raises(params.ParamsError, match=message):
        params.load(path)


def test_the_committed_parameters_are_accepted():
    assert params.load(ROOT / "training" / "params.toml").model in params.KINDS


def test_the_rollout_ends_with_all_of_the_traffic():
    rollout = tomllib.loads((ROOT / "training" / "rollout.toml").read_text())
    weights = [step["weight"] for step in rollout["step"]]
    assert weights == sorted(set(weights))
    assert weights[-1] == 100
    assert all(step["min_calls"] > 0 and step["min_seconds"] > 0 for step in rollout["step"])
    assert 0 < rollout["limits"]["max_error_rate"] < 1


def test_the_environment_pins_what_the_runtime_lock_pins():
    environment = yaml.safe_load((ROOT / "training" / "environment.yaml").read_text())
    pins = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    locked = set(
        re.findall(r"^([a-z0-9-]+==[^\s;\\]+)", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE)
    )
    assert [pin for pin in pins if pin not in locked] == []


def test_the_environment_of_a_run_is_all_that_its_pins_resolved_to():
    """A pin names what is asked for; what a flaw is found in later is as often what that asked for in turn."""
    told = describe_environment()
    assert {"python", "platform", "numpy", "scikit-learn"} <= set(told)
    needed = {re.split(r"[^\w.-]", line)[0] for line in requires("scikit-learn") or () if "extra ==" not in line}
    assert {name.lower() for name in needed} <= set(told)
    assert all(name == re.sub(r"[-_.]+", "-", name).lower() for name in told)
    assert told["joblib"] == version("joblib")
