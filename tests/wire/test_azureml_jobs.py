"""Command jobs as real processes, their runs in MLflow, and models made from what they wrote."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from sandbox.runtime.processes import ONE_THREAD
from tests.wire.azureml_lab import NOISE, client, enter, open_lab, session, unique, wait_for

pytestmark = [pytest.mark.filterwarnings(line) for line in NOISE]

TRAIN = """\
import os
import pathlib
import sys

import mlflow

data, model = sys.argv[1], pathlib.Path(sys.argv[2])
print("reading", data)
with mlflow.start_run() as run:
    mlflow.log_param("rows", len(open(data).readlines()) - 1)
    mlflow.log_metric("auc", 0.85)
    mlflow.set_tag("purpose", "pull request")
    evidence = pathlib.Path("evidence")
    evidence.mkdir()
    (evidence / "metrics.json").write_text('{"auc": 0.85}')
    mlflow.log_artifacts(str(evidence), "evidence")
    print("run", run.info.run_id, file=sys.stderr)
(model / "MLmodel").write_text("flavors:\\n  sklearn:\\n    serialization_format: skops\\n")
(model / "data").mkdir()
(model / "data" / "weights.bin").write_bytes(os.urandom(100_000))
"""
FAIL = "import sys\nprint('the column Age is missing')\nsys.exit(3)\n"
SLEEP = (
    "import subprocess, sys, time\nsubprocess.Popen(['sleep', '600'])\nprint('asleep', flush=True)\ntime.sleep(600)\n"
)
ENVIRONMENT = "import os\nprint('\\n'.join(sorted(os.environ)))\n"


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    with open_lab(sandbox, tmp_path_factory.mktemp("lab"), "azureml-jobs") as made:
        yield made


@pytest.fixture(scope="module")
def trained(lab):
    """A job that has read a data asset, logged to MLflow and written a model."""
    from azure.ai.ml import Input, Output
    from azure.ai.ml.entities import Data

    csv = lab.folder / "patients.csv"
    csv.write_text("a,b\n1,2\n3,4\n")
    data = lab.ml.data.create_or_update(Data(name="patients", path=str(csv), type="uri_file"))
    job = lab.submit(
        TRAIN,
        "${{inputs.data}} ${{outputs.model}}",
        inputs={"data": Input(type="uri_file", path=f"azureml:patients:{data.version}")},
        outputs={"model": Output(type="mlflow_model")},
        display_name="challenger",
        tags={"commit": "abc123"},
    )
    assert job.status == "Queued"
    assert lab.ended(job.name) == "Completed", lab.log(job.name)
    return lab.ml.jobs.get(job.name)


@pytest.fixture(scope="module")
def mlflow_client(lab):
    enter(lab.sandbox)
    import mlflow

    mlflow.set_tracking_uri(lab.ml.workspaces.get(lab.workspace).mlflow_tracking_uri)
    return mlflow.MlflowClient()


def test_run_carries_the_name_of_the_job_and_what_it_logged(lab, trained, mlflow_client):
    def finished():
        run = mlflow_client.get_run(trained.name)
        return run if run.info.status == "FINISHED" else None

    run = wait_for(finished, 10, "the end of the run")
    assert run.info.run_name == "challenger"
    assert (run.data.metrics, run.data.params) == ({"auc": 0.85}, {"rows": "2"})
    assert run.data.tags["commit"] == "abc123"
    assert run.data.tags["purpose"] == "pull request"
    assert run.info.end_time >= run.info.start_time > 0
    experiments = [experiment.experiment_id for experiment in mlflow_client.search_experiments()]
    found = mlflow_client.search_runs(experiments, "metrics.auc > 0.8", order_by=["metrics.auc DESC"])
    assert trained.name in {run.info.run_id for run in found}


def test_artefacts_and_logs_lie_in_one_folder(lab, trained, mlflow_client, tmp_path):
    assert {item.path for item in mlflow_client.list_artifacts(trained.name)} == {"evidence", "user_logs"}
    file = mlflow_client.download_artifacts(trained.name, "evidence/metrics.json", str(tmp_path))
    assert Path(file).read_text() == '{"auc": 0.85}'
    lab.ml.jobs.download(trained.name, download_path=str(tmp_path / "job"))
    log = (tmp_path / "job" / "artifacts" / "user_logs" / "std_log.txt").read_text()
    assert f"run {trained.name}" in log
    assert (tmp_path / "job" / "artifacts" / "evidence" / "metrics.json").exists()


def test_workspaces_do_not_see_each_others_runs(lab, trained, tmp_path_factory):
    with open_lab(lab.sandbox, tmp_path_factory.mktemp("other"), "azureml-other") as other:
        path = "/api/2.0/mlflow/runs/get"
        here = other.http.get(f"/mlflow/v2.0{lab.workspace_id}{path}", params={"run_id": trained.name})
        there = other.http.get(f"/mlflow/v2.0{other.workspace_id}{path}", params={"run_id": trained.name})
    assert (here.status_code, there.status_code) == (200, 404)
    with session(lab.sandbox, "mlops-ci-dev") as http:
        assert http.get(f"/mlflow/v2.0{lab.workspace_id}{path}", params={"run_id": trained.name}).status_code == 403


def test_model_of_a_job_is_copied_described_and_downloaded_byte_by_byte(lab, trained, tmp_path):
    from azure.ai.ml.entities import Model

    name = unique("classifier")
    source = f"azureml://jobs/{trained.name}/outputs/model"
    model = lab.ml.models.create_or_update(Model(name=name, path=source, type="mlflow_model", tags={"digest": "x"}))
    assert (model.version, model.job_name) == ("1", trained.name)
    assert model.flavors == {"sklearn": {"serialization_format": "skops"}}
    again = lab.ml.models.create_or_update(Model(name=name, version="1", path=source, type="mlflow_model"))
    assert again.path == model.path
    lab.ml.jobs.download(trained.name, download_path=str(tmp_path / "job"), output_name="model")
    lab.ml.models.download(name, "1", str(tmp_path / "model"))
    written = _digests(tmp_path / "job" / "named-outputs" / "model")
    assert written == _digests(tmp_path / "model" / name / "model")
    assert len(written) == 2


def test_models_are_tagged_archived_and_listed(lab, tmp_path):
    from azure.ai.ml.entities import Model

    name = unique("local")
    file = tmp_path / "weights.bin"
    file.write_bytes(b"one")
    first = lab.ml.models.create_or_update(Model(name=name, path=str(file), type="custom_model"))
    first.tags = {"approved": "lead"}
    assert lab.ml.models.create_or_update(first).tags == {"approved": "lead"}
    file.write_bytes(b"two")
    lab.ml.models.create_or_update(Model(name=name, path=str(file), type="custom_model"))
    assert [model.version for model in lab.ml.models.list(name)] == ["2", "1"]
    assert lab.ml.models.get(name, label="latest").version == "2"
    lab.ml.models.archive(name, version="2")
    assert [model.version for model in lab.ml.models.list(name)] == ["1"]
    assert name in {model.name for model in lab.ml.models.list()}
    with pytest.raises(ResourceNotFoundError):
        lab.ml.models.get(name, "7")


def test_model_from_nothing_is_refused(lab, trained):
    from azure.ai.ml.entities import Model

    source = f"azureml://jobs/{trained.name}/outputs/nothing"
    with pytest.raises(HttpResponseError, match="There are no files"):
        lab.ml.models.create_or_update(Model(name=unique("none"), path=source, type="custom_model"))


def test_same_code_is_uploaded_once(lab, trained):
    second = lab.submit(TRAIN, "a b", tags={"again": "yes"})
    assert lab.ml.jobs.get(second.name).code == trained.code
    assert lab.ended(second.name) == "Failed"


def test_failed_job_says_why(lab):
    job = lab.submit(FAIL)
    assert lab.ended(job.name) == "Failed"
    message = lab.details(job.name)["error"]["error"]["message"]
    assert message.startswith("The command exited with code 3.")
    assert "the column Age is missing" in message


def test_cancelled_job_leaves_no_process_behind(lab):
    job = lab.submit(SLEEP)
    wait_for(lambda: lab.status(job.name) == "Running" and "asleep" in lab.log(job.name), 20, "the start of the job")
    mine = _session_of(lab, job.name)
    assert {process.name() for process in mine} >= {"sleep", "sh"}
    lab.ml.jobs.begin_cancel(job.name).result(30)
    assert lab.status(job.name) == "Canceled"
    assert not [process for process in mine if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    with pytest.raises(HttpResponseError, match="cannot be cancelled any more"):
        lab.ml.jobs.begin_cancel(job.name)


def test_job_that_runs_too_long_is_ended(lab):
    from azure.ai.ml import command

    limited = command(
        code=lab.code(SLEEP), command="python main.py", environment=lab.environment, compute="cpu-cluster"
    )
    limited.set_limits(timeout=1)
    job = lab.ml.jobs.create_or_update(limited)
    assert lab.ended(job.name) == "Failed"
    assert "time limit" in lab.details(job.name)["error"]["error"]["message"]


def test_two_jobs_run_at_once_and_the_third_waits(lab):
    names = [lab.submit(SLEEP).name for _ in range(3)]
    wait_for(lambda: [lab.status(name) for name in names[:2]] == ["Running"] * 2, 20, "two running jobs")
    assert lab.status(names[2]) == "Queued"
    lab.ml.jobs.begin_cancel(names[0]).result(30)
    wait_for(lambda: lab.status(names[2]) == "Running", 20, "the third job")
    for name in names[1:]:
        lab.ml.jobs.begin_cancel(name).result(30)


def test_job_sees_no_variable_of_the_sandbox(lab):
    job = lab.submit(ENVIRONMENT, environment_variables={"GIVEN": "1"})
    assert lab.ended(job.name) == "Completed"
    seen = set(lab.log(job.name).split())
    ours = {"HOME", "PATH", "LANG", "PWD", "SHLVL", "_", "TMPDIR", "OLDPWD", "LC_CTYPE"}
    of_every_job = {"REQUESTS_CA_BUNDLE", "NO_PROXY", "SSL_CERT_FILE", "PYTHONUNBUFFERED", *ONE_THREAD}
    inherited = set(os.environ) - ours - of_every_job
    assert "GIVEN" in seen
    assert not {name for name in seen & inherited if not name.startswith(("MLFLOW_", "AZUREML_"))}


def test_labels_of_a_job_can_be_edited(lab, trained, mlflow_client):
    trained.tags["reviewed"] = "yes"
    assert lab.ml.jobs.create_or_update(trained).tags["reviewed"] == "yes"
    assert mlflow_client.get_run(trained.name).data.tags["reviewed"] == "yes"
    lab.ml.jobs.archive(trained.name)
    assert trained.name not in {job.name for job in lab.ml.jobs.list()}
    lab.ml.jobs.restore(trained.name)
    assert trained.name in {job.name for job in lab.ml.jobs.list()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"compute": "no-cluster"}, "compute"),
        ({"environment": "lab:99"}, "environments|versions"),
        ({"arguments": "${{inputs.nothing}}"}, "nothing"),
    ],
)
def test_job_that_names_what_is_not_there_is_refused(lab, change, message):
    with pytest.raises(Exception, match=message):  # some are refused by the SDK, some by the service
        lab.submit(FAIL, **change)


def test_ended_job_streams_its_reason(lab):
    from azure.ai.ml.exceptions import JobException

    job = lab.submit(FAIL)
    lab.ended(job.name)
    with pytest.raises(JobException, match="the column Age is missing"):
        lab.ml.jobs.stream(job.name)


def test_running_job_streams_its_log(lab, capsys):
    script = "import time\nfor number in range(3):\n    print('line', number, flush=True)\n    time.sleep(1)\n"
    job = lab.submit(script)
    lab.ml.jobs.stream(job.name)
    printed = capsys.readouterr().out
    assert "line 2" in printed, printed


def test_reader_cannot_submit(lab):
    ml = client(lab.sandbox, lab.workspace, "mlops-ci-dev")
    with pytest.raises(HttpResponseError, match="does not have authorization"):
        ml.jobs.get("any")


def _digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _session_of(lab, name):
    """Every process of the job: they share the session of the wrapper that has the exit file on its command line."""
    leaders = [
        process.pid
        for process in psutil.process_iter()
        if any(word.endswith(f"/{name}/exit") for word in _words(process)[:4])
    ]
    return [process for process in psutil.process_iter() if _session(process) in leaders]


def _words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _session(process):
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None
