"""The real training commands, as processes in the environment that jobs have."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.recovery

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = os.environ.get("MLOPS_RUNTIME_PYTHON") or str(ROOT / ".venv" / "runtime" / "bin" / "python")
PARAMS = (ROOT / "training" / "params.toml").read_text()
FIGURES = {"roc.png", "precision_recall.png", "calibration.png", "age_bands.png"}


def _run(module, *arguments, folder=ROOT, **variables):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "AZUREML_"))}
    environment["PYTHONPATH"] = str(ROOT)
    command = [RUNTIME, "-m", f"training.{module}", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment | variables, capture_output=True, text=True, timeout=120, check=False
    )


def _train(folder, csv, parameters=PARAMS, **variables):
    folder.mkdir()
    (folder / "params.toml").write_text(parameters)
    places = (
        "--params",
        folder / "params.toml",
        "--model-dir",
        folder / "model",
        "--evidence-dir",
        folder / "evidence",
    )
    # MLflow keeps artefacts below the working folder where the tracking address is a database.
    done = _run("train", "--data", csv, *places, folder=folder, **variables)
    assert done.returncode == 0, done.stderr
    return done


def _read(path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "cohort.csv"
    done = _run("cohort", "--rows", 3000, "--seed", 3, "--out", path)
    assert done.returncode == 0, done.stderr
    assert "no real patient" in done.stdout
    return path


@pytest.fixture(scope="module")
def runs(csv, tmp_path_factory):
    """Three runs: the reference twice, the second one recorded in MLflow, and boosting."""
    home = tmp_path_factory.mktemp("runs")
    _train(home / "first", csv)
    _train(home / "again", csv, MLFLOW_TRACKING_URI=f"sqlite:///{home / 'mlflow.db'}", MLFLOW_EXPERIMENT_NAME="tests")
    _train(home / "boosting", csv, re.sub(r'model = "\w+"', 'model = "hist_gradient_boosting"', PARAMS))
    return home


def test_the_same_command_twice_gives_the_same_figures(runs):
    for name in ("metrics.json", "curves.json", "bands.json", "dataset.json", "params.json", "predictions.parquet"):
        first, again = ((runs / run / "evidence" / name).read_bytes() for run in ("first", "again"))
        assert first == again, name
    models = [(runs / run / "model" / "model.skops").stat().st_size for run in ("first", "again")]
    assert models[0] == models[1]


def test_the_evidence_is_whole_and_agrees_with_the_model_folder(runs):
    evidence = runs / "boosting" / "evidence"
    assert {path.name for path in (evidence / "figures").iterdir()} == FIGURES
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (evidence / "figures").iterdir())
    metrics = _read(evidence / "metrics.json")
    assert all(isinstance(value, float) for value in metrics.values())
    assert metrics["shared_groups"] == 0
    assert metrics["auc"] > 0.95
    model = _read(evidence / "model.json")
    assert model["kind"] == "hist_gradient_boosting"
    line = "from training.digest import folder_digest; from pathlib import Path; import sys; "
    line += "print(folder_digest(Path(sys.argv[1])))"
    found = subprocess.run(
        [RUNTIME, "-c", line, str(runs / "boosting" / "model")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == model["digest"]


def test_no_patient_leaves_the_run(csv, runs):
    patients = {line.split(",")[0] for line in csv.read_text().splitlines()[1:]}
    text = "".join(
        path.read_text()
        for folder in (runs / "first", runs / "boosting")
        for path in folder.rglob("*")
        if path.suffix in {".json", ".yaml", ".txt"} or path.name == "MLmodel"
    )
    assert "PatientID" not in text
    assert not patients & set(re.findall(r"(?<![\d.])\d{7}(?![\d.])", text))


def test_a_run_is_recorded_in_mlflow_with_its_evidence(runs):
    line = (
        "import json, mlflow; client = mlflow.MlflowClient(); "
        "run, = client.search_runs([client.get_experiment_by_name('tests').experiment_id]); "
        "files = [f.path for f in client.list_artifacts(run.info.run_id, 'evidence')]; "
        "print(json.dumps([run.info.status, run.data.params, run.data.metrics, run.data.tags, files]))"
    )
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{runs / 'mlflow.db'}", "DO_NOT_TRACK": "true"}
    done = subprocess.run(
        [RUNTIME, "-c", line],
        cwd=runs,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    status, params, metrics, tags, files = json.loads(done.stdout.splitlines()[-1])
    assert status == "FINISHED"
    assert params["reg_rate"] == "0.01"
    assert metrics == _read(runs / "again" / "evidence" / "metrics.json")
    assert tags["digest"] == _read(runs / "again" / "evidence" / "model.json")["digest"]
    assert {"evidence/metrics.json", "evidence/predictions.parquet", "evidence/figures"} <= set(files)


def test_two_models_are_compared_on_one_holdout(csv, runs, tmp_path):
    sides = ("--champion", runs / "first" / "model", "--challenger", runs / "boosting")
    done = _run("evaluate", "--data", csv, *sides, "--evidence-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = _read(tmp_path / "metrics.json")
    trained = _read(runs / "first" / "evidence" / "metrics.json")
    assert metrics["champion"]["auc"] == pytest.approx(trained["auc"], abs=1e-12)
    assert metrics["challenger"]["auc"] > metrics["champion"]["auc"]
    assert metrics["rows_holdout"] == trained["rows_holdout"]
    assert _read(tmp_path / "dataset.json") == _read(runs / "first" / "evidence" / "dataset.json")
    line = "import sys; from pyarrow import parquet; print(parquet.read_schema(sys.argv[1]).names)"
    columns = subprocess.run(
        [RUNTIME, "-c", line, str(tmp_path / "paired.parquet")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert columns.stdout.strip() == (
        "['row', 'group', 'outcome', 'champion', 'challenger', 'band_age', 'band_pregnancies', 'band_bmi']"
    )


def _broken(csv, case):
    lines = csv.read_text().splitlines()
    first = lines[1].split(",")
    return {
        "empty": "",
        "header only": lines[0],
        "few rows": "\n".join(lines[:51]),
        "one class": "\n".join([lines[0], *(line[:-1] + "0" for line in lines[1:])]),
        "unknown column": "\n".join([lines[0] + ",Name", *(line + ",x" for line in lines[1:])]),
        "missing column": "\n".join(line.rpartition(",")[0] for line in lines),
        "text": "\n".join([lines[0], ",".join([*first[:6], "thirty", *first[7:]]), *lines[2:]]),
        "absurd": "\n".join([lines[0], ",".join([*first[:6], "9000", *first[7:]]), *lines[2:]]),
        "broken": lines[0] + '\n1,"2',
    }[case]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("empty", "is empty"),
        ("header only", "has 0 rows"),
        ("few rows", "has 50 rows; at least 200 are needed"),
        ("one class", "column Diabetic: every row is 0"),
        ("unknown column", "unknown column 'Name'"),
        ("missing column", "missing column 'Diabetic'"),
        ("text", "row 1, column BMI: 'thirty' is not a number"),
        ("absurd", "row 1, column BMI: 9000 is outside 10 to 90"),
        ("broken", "not a CSV"),
    ],
)
def test_bad_data_ends_with_2_and_one_line(csv, tmp_path, case, words):
    path = tmp_path / "bad.csv"
    path.write_text(_broken(csv, case))
    done = _run("train", "--data", path, "--model-dir", tmp_path / "m", "--evidence-dir", tmp_path / "e")
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "m").exists()
    assert not (tmp_path / "e").exists()


def test_a_model_that_does_not_load_is_named(csv, tmp_path):
    for side in ("champion", "challenger"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "MLmodel").write_text("flavors: {}")
        (tmp_path / side / "model.skops").write_bytes(b"not a zip")
    sides = ("--champion", tmp_path / "champion", "--challenger", tmp_path / "challenger")
    done = _run("evaluate", "--data", csv, *sides, "--evidence-dir", tmp_path / "e")
    assert done.returncode == 2
    assert "model.skops does not load" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_used_model_folder_is_left_alone(csv, runs, tmp_path):
    before = sorted(path.stat().st_mtime_ns for path in (runs / "first" / "model").iterdir())
    done = _run("train", "--data", csv, "--model-dir", runs / "first" / "model", "--evidence-dir", tmp_path / "e")
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert before == sorted(path.stat().st_mtime_ns for path in (runs / "first" / "model").iterdir())


@pytest.mark.parametrize(("model", "evidence"), [("file/m", "e"), ("file", "e"), ("m", "file/e")])
def test_a_place_that_cannot_be_written_is_named(csv, tmp_path, model, evidence):
    (tmp_path / "file").write_text("")
    done = _run("train", "--data", csv, "--model-dir", tmp_path / model, "--evidence-dir", tmp_path / evidence)
    assert done.returncode == 2, done.stderr
    assert f"error: cannot write {tmp_path}/file" in done.stderr
