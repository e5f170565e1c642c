"""Our Azure ML and Monitor gateways against the wire: declared, trained, registered, deployed, scored, measured."""

from __future__ import annotations

import gc
import json
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azureml_lab import NOISE, wait_for
from gateways_world import PROJECT, settings_of

from backend.bootstrap import connect, setup_sides
from backend.domain.clock import utc_now
from backend.domain.endpoints import ProvisioningState
from backend.domain.run_requests import RequestKind, RequestState, RunRequest
from backend.domain.runs import RunState
from backend.errors import CredentialsRejected, NotFound, RemoteRejected
from backend.gateways.azureml.assets import Assets
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.azureml.jobs import JobRequest, Jobs
from backend.gateways.azureml.models import Models
from backend.gateways.azureml.run_files import RunFiles
from backend.gateways.azureml.run_index import shared
from backend.gateways.azureml.runs import Runs
from backend.gateways.github.contents import Contents
from backend.operations.decision import target_on
from backend.operations.endpoints import EXAMPLE
from backend.operations.run_comparisons import RunComparisons
from backend.operations.runs import Runs as KnownRuns
from backend.operations.submitting_runs import Place, SubmittingRuns
from backend.operations.training import Subject, Training
from backend.setup.resource import apply, plan
from backend.setup.whole import azure_resources
from tests.journal import requests_of
from tests.recovery.hospital import fresh_store
from training.cohort import write

pytestmark = [pytest.mark.filterwarnings(line) for line in NOISE]
ROOT = Path(__file__).resolve().parents[2]
SUBJECT = Subject(purpose="champion", commit="c" * 40, pull_request="", branch="main", author="scientist")
NAME = PROJECT.endpoint


@pytest.fixture(scope="module")
def settings(sandbox, tmp_path_factory):
    """Ends after everything that was made with it; only the garbage collector closes the connections of the SDKs."""
    yield settings_of(sandbox, tmp_path_factory.mktemp("ours"), PROJECT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def gateways(settings, tmp_path_factory):
    """Both workspaces as setup declares them, each with patients of its own."""
    made = connect(settings)
    folder = tmp_path_factory.mktemp("patients")
    files = [folder / "dev.csv", folder / "prod.csv"]
    for seed, file in enumerate(files):
        write(file, 1500, seed)
    resources = azure_resources(setup_sides(settings, made, *files))
    left = []
    assert apply(resources, lambda done: left.append(done) if not done.done else None), left
    assert plan(resources).pending == ()
    return made


@pytest.fixture(scope="module")
def trained(gateways):
    jobs = Jobs(gateways.prod)
    training = Training(PROJECT, PROJECT.prod_data, jobs, Assets(gateways.prod), Models(gateways.prod))
    data = training.data()
    name = training.train(ROOT, SUBJECT, data)
    assert training.train(ROOT, SUBJECT, data) == name
    training.wait(name, 120, lambda *_: None)
    return training, name, data


@pytest.fixture(scope="module")
def version(trained):
    training, name, data = trained
    made = training.register(name, SUBJECT, data)
    assert training.register(name, SUBJECT, data) == made
    return made


@pytest.fixture(scope="module")
def deployed(gateways, version):
    """Version 1 on the endpoint at 0 %."""
    endpoints, target = Endpoints(gateways.prod), target_on(NAME, version)
    code = Jobs(gateways.prod).code_id(version.lineage.run)
    for _ in range(2):
        endpoints.create_deployment(
            target, code=code, instance_type="Standard_DS3_v2", instance_count=1, tags={"promotion": "p-1"}
        )
    return endpoints, wait_for(lambda: ready(endpoints, target.deployment), 90, "the deployment")


def ready(endpoints, name):
    found = endpoints.get(NAME).deployment(name)
    assert found is None or found.state is not ProvisioningState.FAILED, found.problem
    return found if found and found.state is ProvisioningState.SUCCEEDED else None


def test_what_is_begun_is_left_alone_by_the_sdk(sandbox, deployed):
    """Each of the two PUTs was looked at once or twice; nobody went on asking for as long as the container took."""
    _, deployment = deployed
    begun = answered(sandbox, f"/deployments/{deployment.name}", "PUT")
    looks = answered(sandbox, "/mfeOperationsStatus/", "GET")
    assert len(begun) == 2
    assert 0 < sum(number > min(begun) for number in looks) <= 4


def test_a_job_that_is_cancelled_ends_as_cancelled(gateways, trained):
    training, jobs = trained[0], Jobs(gateways.prod)
    name = training.train(ROOT, replace(SUBJECT, commit="d" * 40), training.data())
    jobs.cancel(name)
    assert wait_for(lambda: jobs.state(name).ended and jobs.state(name), 60, "the end") is RunState.CANCELLED


def answered(sandbox, contains, method):
    return [request["number"] for request in requests_of(sandbox, contains=contains) if request["method"] == method]


def test_data_of_the_two_workspaces_differs(gateways):
    dev, prod = Assets(gateways.dev).data(PROJECT.dev_data), Assets(gateways.prod).data(PROJECT.prod_data)
    assert dev.digest.startswith("sha256:")
    assert dev.digest != prod.digest
    assert Assets(gateways.dev).data("nothing") is None


def test_a_run_tells_who_submitted_it_and_a_program_is_no_person(gateways, trained):
    _, name, _ = trained
    submitter = Jobs(gateways.prod).submitter(name)
    assert submitter is not None
    assert submitter.name.startswith("mlops-")
    assert not submitter.person
    with pytest.raises(NotFound):
        Jobs(gateways.prod).submitter("nothing")


def test_a_job_tells_what_it_was_made_of_with_whole_ids(gateways, trained):
    _, name, data = trained
    origin = Jobs(gateways.prod).origin(name)
    assert (origin.inputs, origin.outputs) == ({"data": data.id}, ("model",))
    assert origin.code == Jobs(gateways.prod).code_id(name)
    assert origin.environment == Jobs(gateways.prod).environment_id(name)
    assert origin.tags["commit"] == SUBJECT.commit


def test_a_trained_run_can_be_read(gateways, trained):
    _, name, data = trained
    runs = Runs(gateways.prod)

    def ended():
        # The tracking server hears of a job's end a moment after the job has ended.
        (found,) = [run for run in runs.page(None, 100)[0] if run.id == name]
        return found if found.state is not RunState.RUNNING else None

    run = wait_for(ended, 10, "the end of the run")
    assert (run.state, run.author, run.commit, run.experiment) == (
        RunState.COMPLETED,
        "scientist",
        SUBJECT.commit,
        "diabetes",
    )
    assert run.tags["data_digest"] == data.digest
    assert 0.5 < run.metrics["auc"] <= 1
    detail = runs.detail(name)
    assert {curve.kind for curve in detail.curves} == {"roc", "precision_recall", "calibration"}
    assert detail.bands[0]["n"] > 0
    assert "auc" in detail.log_tail
    assert detail.error == ""
    assert runs.metrics(name)["shared_groups"] == 0
    assert runs.predictions(name)[:4] == b"PAR1"
    with pytest.raises(NotFound):
        runs.get("no-such-run")
    with pytest.raises(NotFound):
        Jobs(gateways.prod).artefact(name, "evidence/nothing.json")


def test_two_workspaces_in_one_process_read_their_own(gateways, trained):
    """azureml-mlflow looks at a process-wide address; reading both at once must not mix them."""
    _, name, _ = trained
    prod, dev = Runs(gateways.prod), Runs(gateways.dev)
    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(prod.metrics, name) for _ in range(4)]
        misses = [pool.submit(dev.metrics, name) for _ in range(4)]
        assert {read.result()["auc"] for read in reads} == {prod.metrics(name)["auc"]}
        for miss in misses:
            with pytest.raises(NotFound):
                miss.result()


@pytest.fixture(scope="module")
def broken(gateways, trained):
    """A job that has failed."""
    jobs = Jobs(gateways.prod)
    _, name, _ = trained
    request = JobRequest(
        name="broken-1",
        display_name="broken",
        experiment="broken",
        command="python -c \"print('reading'); raise SystemExit('error: the data has one class only')\"",
        code=jobs.code_id(name),
        environment=jobs.environment_id(name),
        compute=PROJECT.compute,
    )
    assert jobs.submit(request) == "broken-1"
    wait_for(lambda: jobs.state("broken-1") is RunState.FAILED, 60, "the failure")
    return "broken-1"


def test_a_job_that_fails_says_why(gateways, broken):
    jobs = Jobs(gateways.prod)
    assert jobs.log_tail(broken, 20).splitlines() == ["reading", "error: the data has one class only"]
    assert jobs.failure(broken) == "the data has one class only"
    with pytest.raises(NotFound):
        jobs.state("never-submitted")


def test_a_baseline_without_evidence_is_named_beside_every_run(gateways, trained, broken, tmp_path):
    store, (_, name, _) = fresh_store(tmp_path, utc_now), trained
    runs = KnownRuns(gateways.workspaces, store, shared(tmp_path / "cache"))
    runs.refresh(60)
    compared = RunComparisons(gateways.workspaces, runs, RunFiles(tmp_path / "files"), Contents(gateways.github))
    baseline, key = (f"{PROJECT.prod_workspace}/{run}" for run in (broken, name))
    (found,) = compared.differences(baseline, (baseline, key))
    assert (found.key, found.differences) == (key, ())
    assert found.problem == "the baseline failed, and left no evidence; choose another baseline"
    (other,) = compared.differences(key, (baseline, key))
    assert other.problem == "failed, and left no evidence"
    store.close()


def test_a_run_that_failed_is_retried_once_from_the_same_code_and_environment(gateways, broken, tmp_path):
    jobs, store = Jobs(gateways.prod), fresh_store(tmp_path, utc_now)
    here = PROJECT.prod_workspace
    asked = RunRequest(
        id="again-1", click="again", part=1, kind=RequestKind.RETRY, workspace=here, of_run=broken, by="sam",
        channel="console", reason="The data has been mended.", at=utc_now(),
    )  # fmt: skip
    places = {here: Place(jobs, Assets(gateways.prod), PROJECT.prod_data)}
    worker = SubmittingRuns(store, places, Contents(gateways.github), PROJECT)
    store.run_requests.ask([asked])
    assert worker.perform_next()
    (told,) = store.run_requests.of_click("again")
    assert (told.state, told.run) == (RequestState.SUBMITTED, asked.name)
    store.run_requests.ask([asked])
    assert not worker.perform_next()
    wait_for(lambda: jobs.state(asked.name) is RunState.FAILED, 60, "the second failure")
    first, second = jobs.origin(broken), jobs.origin(asked.name)
    assert (second.command, second.code, second.environment) == (first.command, first.code, first.environment)
    assert (second.tags["retry_of"], second.tags["asked_by"]) == (broken, "sam")
    store.close()


def test_a_running_job_can_be_cancelled(gateways, trained):
    jobs = Jobs(gateways.prod)
    _, name, _ = trained
    request = JobRequest(
        name="long-1",
        display_name="long",
        experiment="long",
        command='python -c "import time; time.sleep(300)"',
        code=jobs.code_id(name),
        environment=jobs.environment_id(name),
        compute=PROJECT.compute,
    )
    jobs.submit(request)
    wait_for(lambda: jobs.state("long-1") is RunState.RUNNING, 60, "the start")
    jobs.cancel("long-1")
    wait_for(lambda: jobs.state("long-1") is RunState.CANCELLED, 60, "the cancellation")


def test_a_version_carries_its_lineage_and_downloads(gateways, version, trained, tmp_path):
    _, name, data = trained
    models = Models(gateways.prod)
    assert models.versions(PROJECT.model) == (version,)
    assert models.versions("nothing") == ()
    assert models.get(PROJECT.model, version.version) == version
    assert version.lineage.run == name
    assert version.lineage.data_digest == data.digest
    assert version.lineage.environment == gateways.prod.environment_id(PROJECT.environment, "1")
    folder = models.download(PROJECT.model, version.version, tmp_path)
    assert (folder / "MLmodel").is_file()
    with pytest.raises(NotFound):
        models.get(PROJECT.model, "99")


def test_a_deployment_serves_what_was_registered(deployed, version):
    endpoints, deployment = deployed
    assert deployment.tags == {"promotion": "p-1"}
    assert (deployment.model, deployment.version) == (PROJECT.model, version.version)
    served = endpoints.score(NAME, [EXAMPLE], deployment.name)
    assert (served.deployment, served.model_version, served.digest) == (deployment.name, "1", version.digest)
    assert served.threshold == version.threshold
    with pytest.raises(RemoteRejected, match="BMI"):
        endpoints.score(NAME, [{**EXAMPLE, "BMI": "heavy"}], deployment.name)
    answer = endpoints.raw_score(NAME, b"{", deployment.name)
    assert answer.status == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "400"
    assert "POST /score 200" in endpoints.deployment_log(NAME, deployment.name, 50)
    assert endpoints.get("no-such-endpoint") is None


def test_concurrent_calls_reach_the_deployment_they_name(deployed):
    """The SDK's own `invoke` sends later calls to the deployment an earlier one named; ours must not."""
    endpoints, deployment = deployed
    wrong = threading.Event()

    def named(_):
        if endpoints.score(NAME, [EXAMPLE], deployment.name).deployment != deployment.name:
            wrong.set()

    def unknown(_):
        with pytest.raises(RemoteRejected):
            endpoints.score(NAME, [EXAMPLE], "unknown")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: (named if index % 2 else unknown)(index), range(20)))
    assert not wrong.is_set()


def test_traffic_is_set_and_guards_the_deployment(deployed):
    endpoints, deployment = deployed
    endpoints.set_traffic(NAME, {deployment.name: 100})
    found = wait_for(lambda: endpoints.get(NAME).traffic and endpoints.get(NAME), 30, "the traffic")
    assert found.traffic == {deployment.name: 100}
    assert found.stable == deployment.name
    assert endpoints.score(NAME, [EXAMPLE]).deployment == deployment.name
    with pytest.raises(RemoteRejected, match="traffic"):
        endpoints.delete_deployment(NAME, deployment.name)
    endpoints.delete_deployment(NAME, "gone-already")


def test_traffic_is_measured_without_our_probes(gateways, deployed):
    endpoints, deployment = deployed
    start = datetime.now(UTC) - timedelta(minutes=10)
    for _ in range(5):
        endpoints.score(NAME, [EXAMPLE], deployment.name, probe=False)
        endpoints.score(NAME, [EXAMPLE], deployment.name)
    endpoints.raw_score(NAME, json.dumps({"rows": [{}]}).encode(), deployment.name, probe=False)

    def measured():
        end = datetime.now(UTC) + timedelta(seconds=5)
        found = gateways.logs.traffic(NAME, start, end, 60)
        # The questions of a batch are answered one after the other, and rows may arrive between them.
        seen = sum(point.requests for point in found.points)
        return found if found.summaries and min(found.summaries[0].requests, seen) >= 6 else None

    found = wait_for(measured, 30, "the log")
    (summary,) = found.summaries
    assert (summary.deployment, summary.requests, summary.errors) == (deployment.name, 6, 1)
    assert 0 < summary.p50_ms <= summary.p95_ms <= summary.p99_ms
    assert sum(point.requests for point in found.points) == 6
    assert {(status.code, status.requests) for status in found.statuses} == {(200, 5), (424, 1)}
    assert [(caller.user_agent, caller.requests) for caller in found.callers] == [("mlops-console/1", 6)]
    assert found.data_until > start
    alone = gateways.logs.summary(NAME, deployment.name, start, datetime.now(UTC))
    assert (alone.requests, alone.errors) == (6, 1)
    assert gateways.logs.summary(NAME, "it's not there", start, datetime.now(UTC)).requests == 0
    endpoint_id = gateways.prod.endpoint_id(NAME)
    assert any(deployment.name == line.deployment for line in gateways.logs.events(endpoint_id, 50))
    lines = gateways.logs.console_log(endpoint_id, deployment.name, 20)
    assert list(lines) == sorted(lines, key=lambda line: line.at)
    assert len(lines) > 5


def test_capacity_comes_from_the_platform(gateways, deployed):
    _, deployment = deployed
    endpoint_id, earlier = gateways.prod.endpoint_id(NAME), datetime.now(UTC) - timedelta(minutes=5)

    def sampled():
        points = gateways.metrics.capacity(endpoint_id, [deployment.name], earlier, datetime.now(UTC))
        return [point for point in points if point.capacity]

    points = wait_for(sampled, 80, "a sample")
    assert points[-1].deployment == deployment.name
    assert points[-1].memory_percent > 0
    assert gateways.metrics.capacity(endpoint_id, [], earlier, datetime.now(UTC)) == ()


def test_a_program_without_the_right_is_told(sandbox, tmp_path, gateways, deployed):
    console = connect(settings_of(sandbox, tmp_path, PROJECT, "mlops-console"))
    _, deployment = deployed
    with pytest.raises(CredentialsRejected, match="lacks the role"):
        Endpoints(console.prod).set_traffic(NAME, {deployment.name: 100})
