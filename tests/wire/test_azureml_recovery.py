"""A sandbox that is killed while a job runs finds it again, and says so honestly when it cannot."""

from __future__ import annotations

import signal

import psutil
import pytest

from tests.wire.azureml_lab import NOISE, enter, open_lab, wait_for

pytestmark = [pytest.mark.recovery, *(pytest.mark.filterwarnings(line) for line in NOISE)]

STEPS = """\
import pathlib
import time

import mlflow

with mlflow.start_run():
    print("begun", flush=True)
    go = pathlib.Path(__file__).parent / "go"
    while not go.exists():
        time.sleep(0.1)
    mlflow.log_metric("auc", 0.9)
print("done")
"""
WAIT = "import time\ntime.sleep(600)\n"


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory):
    world = make_sandbox("--poll-after-ms", "50")
    with open_lab(world, tmp_path_factory.mktemp("lab"), "azureml-recovery") as made:
        yield made


@pytest.fixture
def running(lab):
    """A job that waits for a file `go` in its folder."""
    enter(lab.sandbox)
    job = lab.submit(STEPS)
    wait_for(lambda: lab.status(job.name) == "Running" and "begun" in lab.log(job.name), 60, "the start of the job")
    return job.name


def test_job_outlives_a_killed_sandbox_and_ends_as_it_would_have(lab, running):
    before = _wrapper(running)
    lab.sandbox.kill()
    assert before.is_running()
    lab.sandbox.restart()
    assert lab.status(running) == "Running"
    assert _wrapper(running) == before
    _go(lab, running)
    assert lab.ended(running) == "Completed", lab.log(running)
    assert lab.log(running).rstrip().endswith("done")

    def finished():
        run = _run(lab, running)
        return run if run["info"]["status"] == "FINISHED" else None

    run = wait_for(finished, 20, "the end of the run")
    assert [(metric["key"], metric["value"]) for metric in run["data"]["metrics"]] == [("auc", 0.9)]


def test_job_that_ended_while_nobody_watched_keeps_its_exit_code(lab, running):
    wrapper = _wrapper(running)
    lab.sandbox.kill()
    for child in wrapper.children(recursive=True):
        child.send_signal(signal.SIGKILL)
    psutil.wait_procs([wrapper], timeout=10)
    lab.sandbox.restart()
    assert lab.ended(running) == "Failed"
    assert "exited with code 137" in lab.details(running)["error"]["error"]["message"]


def test_job_whose_processes_vanished_is_reported_as_lost(lab, running):
    wrapper = _wrapper(running)
    lab.sandbox.kill()
    for process in [wrapper, *wrapper.children(recursive=True)]:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs([wrapper], timeout=10)
    lab.sandbox.restart()
    assert lab.ended(running) == "Failed"
    assert "The job was lost" in lab.details(running)["error"]["error"]["message"]
    assert "The job was lost" in lab.log(running)


def test_stopped_sandbox_ends_its_jobs_and_keeps_the_queue(lab, running):
    waiting = [lab.submit(WAIT).name for _ in range(2)]
    wrapper = _wrapper(running)
    assert lab.sandbox.stop() == 0
    assert not wrapper.is_running()
    lab.sandbox.restart()
    assert lab.status(running) == "Failed"
    assert "was stopped while this job ran" in lab.details(running)["error"]["error"]["message"]
    wait_for(lambda: lab.status(waiting[1]) == "Running", 30, "the start of the queued job")
    wait_for(lambda: _run(lab, running)["info"]["status"] == "FAILED", 20, "the end of the run")
    for name in waiting:
        if lab.status(name) == "Running":
            lab.ml.jobs.begin_cancel(name).result(30)


def test_nothing_of_the_sandbox_listens_beyond_loopback(lab):
    servers = [psutil.Process(lab.sandbox.pid), *_mlflow(lab)]
    assert len(servers) > 1
    listening = {
        connection.laddr.ip
        for server in servers
        for connection in server.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::1"}


def _wrapper(name):
    found = [
        process for process in psutil.process_iter() if any(w.endswith(f"/{name}/exit") for w in _words(process)[:4])
    ]
    assert len(found) == 1, found
    return found[0]


def _words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _go(lab, name):
    (lab.sandbox.home / "jobs" / lab.workspace / name / "code" / "go").touch()


def _run(lab, name):
    path = f"/mlflow/v2.0{lab.workspace_id}/api/2.0/mlflow/runs/get"
    return lab.http.get(path, params={"run_id": name}).raise_for_status().json()["run"]


def _mlflow(lab):
    """The shell that leads the server's session is told where to write its exit code; the server is its child."""
    exit_file = str(lab.sandbox.home / "mlflow" / "server.exit")
    wait_for(lambda: lab.http.get("/discovery").status_code == 200, 10, "the sandbox")
    leaders = [process for process in psutil.process_iter() if exit_file in _words(process)]
    return [child for leader in leaders for child in [leader, *leader.children(recursive=True)]]
