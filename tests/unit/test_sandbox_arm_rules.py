"""Who may do what, which paths a URI means, how an operation ends, and how long a job may run."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.accounts import PEOPLE, PROGRAMS
from sandbox.arm import assets, operations, resources, role_rights
from sandbox.arm.authorisation import may, permitted
from sandbox.arm.errors import ArmError
from sandbox.arm.ids import parse, workspace_id
from sandbox.blob.errors import BlobError
from sandbox.blob.files import blob_path
from sandbox.identity.errors import EntraError
from sandbox.identity.federation import AUDIENCE, CREDENTIALS, check_assertion
from sandbox.identity.keys import ACTIONS, signing_key
from sandbox.identity.tokens import Principal, actions_issuer, object_id, program_named, program_principal
from sandbox.runtime.job_command import substituted
from sandbox.runtime.jobs import duration
from sandbox.world import Settings, open_world

DEV, PROD = workspace_id("S", "R", "diabetes-dev"), workspace_id("S", "R", "diabetes-prod")
JOB = "Microsoft.MachineLearningServices/workspaces/jobs"
DEPLOYMENT = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"


def _principal(name):
    for person in PEOPLE:
        if person.login == name:
            return Principal("person", person.login, roles=person.roles)
    return program_principal(next(program for program in PROGRAMS if program.name == name))


@pytest.fixture
def world(tmp_path):
    opened = open_world(Settings(home=tmp_path, runtime_python=Path("python"), runner_python=Path("python")))
    yield opened
    opened.documents.close()
    opened.events.close()


@pytest.mark.parametrize(
    ("name", "action", "scope", "allowed"),
    [
        ("mlops-ci-dev", f"{JOB}/write", f"{DEV}/jobs/j", True),
        ("mlops-ci-dev", f"{JOB}/read", f"{PROD}/jobs/j", False),
        ("mlops-ci-prod", f"{JOB}/write", f"{PROD}/jobs/j", True),
        ("mlops-ci-prod", f"{DEPLOYMENT}/write", f"{PROD}/onlineEndpoints/e/deployments/d", False),
        ("mlops-ci-prod", "Microsoft.Resources/deployments/write", "/subscriptions/S/resourceGroups/R", False),
        ("mlops-console", f"{DEPLOYMENT}/write", f"{PROD}/onlineEndpoints/e/deployments/d", False),
        ("mlops-console", f"{DEPLOYMENT}/read", f"{PROD}/onlineEndpoints/e/deployments/d", True),
        ("mlops-worker", f"{DEPLOYMENT}/delete", f"{PROD}/onlineEndpoints/e/deployments/d", True),
        ("lead", f"{JOB}/write", f"{PROD}/jobs/j", True),
        ("scientist", f"{JOB}/write", f"{DEV}/jobs/j", True),
        ("scientist", f"{DEPLOYMENT}/write", f"{PROD}/onlineEndpoints/e/deployments/d", False),
        ("viewer", f"{JOB}/read", f"{DEV}/jobs/j", True),
        ("viewer", f"{JOB}/cancel/action", f"{DEV}/jobs/j/cancel", False),
    ],
)
def test_rights(name, action, scope, allowed):
    assert permitted(_principal(name), action, parse(scope)) is allowed


def test_job_reaches_its_workspace_and_little_of_it():
    job = Principal("job", "olive_tree", workspaces=("diabetes-dev",))
    runs = "Microsoft.MachineLearningServices/workspaces/experiments/runs/write"
    assert permitted(job, runs, parse(DEV))
    assert not permitted(job, runs, parse(PROD))
    assert not permitted(job, f"{JOB}/write", parse(f"{DEV}/jobs/other"))
    models = "Microsoft.MachineLearningServices/workspaces/models/versions/write"
    assert not permitted(job, models, parse(f"{DEV}/models/m/versions/1"))


def test_uris_lead_to_files(world):
    store = {"properties": {"accountName": "diabetesdevstore", "containerName": "azureml-blobstore"}}
    resources.put(world, f"{DEV}/datastores/workspaceblobstore", store)
    root = world.settings.home / "blobs" / "diabetesdevstore"
    long = assets.datastore_uri(DEV, "workspaceblobstore", "a/b.csv")
    assert assets.uri_path(world, long) == root / "azureml-blobstore" / "a" / "b.csv"
    assert assets.uri_path(world, "azureml://datastores/workspaceblobstore/paths/x/", DEV).name == "x"
    output = assets.uri_path(world, "azureml://jobs/J/outputs/model/paths/sub", DEV)
    assert output == root / "azureml-blobstore" / "azureml" / "J" / "model" / "sub"
    artefacts = assets.uri_path(world, "azureml://jobs/J/outputs/artifacts/paths/model/", DEV)
    assert artefacts == assets.uri_path(world, "runs:/J/model", DEV)
    blob = "https://diabetesdevstore.blob.x@localhost:1/azureml-blobstore/code%20one/src"
    assert assets.uri_path(world, blob) == root / "azureml-blobstore" / "code one" / "src"


@pytest.mark.parametrize("uri", ["", "ftp://x", "azureml://jobs/J", "https://example.org/file"])
def test_other_uris_are_refused(world, uri):
    with pytest.raises(ArmError, match="InvalidAssetUri"):
        assets.uri_path(world, uri, DEV)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", "a\0b"])
def test_blob_never_leaves_its_container(world, name):
    with pytest.raises(BlobError):
        blob_path(world, "account", "azureml", name)


def test_resources_below_a_parent(world):
    for name in ("one", "two"):
        resources.put(world, f"{DEV}/models/{name}", {"properties": {}}, "lead")
        resources.put(world, f"{DEV}/models/{name}/versions/1", {"properties": {}}, "lead")
    assert [body["name"] for body in resources.children(world, DEV.upper(), "models")] == ["one", "two"]
    assert resources.delete(world, f"{DEV}/models/one")
    assert resources.get(world, f"{DEV}/models/one/versions/1") is None
    assert not resources.delete(world, f"{DEV}/models/one")


def test_replacing_a_resource_keeps_when_it_was_made(world):
    first = resources.put(world, f"{DEV}/models/m", {"properties": {"a": 1}}, "lead")
    second = resources.put(world, f"{DEV.lower()}/models/M", {"properties": {"a": 2}}, "scientist")
    assert second["id"] == first["id"]
    assert second["systemData"]["createdBy"] == "lead"
    assert second["systemData"]["lastModifiedBy"] == "scientist"


@pytest.mark.parametrize(
    ("raised", "code"),
    [(ArmError(400, "ImageBuildFailure", "broken"), "ImageBuildFailure"), (ValueError("x"), "InternalServerError")],
)
def test_operation_fails_with_the_reason(world, raised, code):
    def work():
        raise raised

    name = _name(operations.begin(world, DEV, work))
    assert _outcome(world, name)["error"]["code"] == code


def test_interrupted_operation_says_so_after_a_restart(world):
    gate = threading.Event()
    name = _name(operations.begin(world, DEV, lambda: gate.wait(10) and None))
    operations.recover(world)
    assert operations.find(world, name)["error"]["code"] == "OperationInterrupted"
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("operation-"):
            thread.join(timeout=10)  # it still writes into the world, which is closed next


def test_polling_interval_is_sent_only_when_set(world):
    assert operations.interval(world) == {"x-ms-retry-after-ms": "300"}
    settings = Settings(home=world.settings.home, runtime_python=Path("p"), runner_python=Path("p"), poll_after_ms=0)
    silent = open_world(settings)
    assert operations.interval(silent) == {}
    silent.documents.close()
    silent.events.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT90S", timedelta(seconds=90)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P1DT2H", timedelta(hours=26)),
        (None, timedelta(hours=6)),
        ("soon", timedelta(hours=6)),
    ],
)
def test_time_limits(text, expected):
    assert duration(text) == expected


def test_paths_are_quoted_where_the_shell_needs_it_and_literals_never():
    command = "run --data ${{inputs.data}} --rate ${{ inputs.rate }} --out ${{outputs.model}}"
    given = {"data": "/my home/data.csv", "rate": "0.1 0.2"}
    assert substituted(command, given, {"model": "/out"}) == "run --data '/my home/data.csv' --rate 0.1 0.2 --out /out"


def _name(headers):
    return headers["Azure-AsyncOperation"].rpartition("/")[2].partition("?")[0]


def _outcome(world, name):
    import time

    for _ in range(200):
        document = operations.find(world, name)
        if document["status"] != operations.UNFINISHED:
            return document
        time.sleep(0.01)
    raise AssertionError(f"The operation {name} did not end")


CI = program_named("mlops-ci-prod")
ROLE = "/subscriptions/S/resourceGroups/R/providers/Microsoft.Authorization/roleDefinitions/mine"


@pytest.fixture
def assigned(world):
    """mlops-ci-prod reads and writes in production, but no endpoint."""
    permission = {"actions": ["Microsoft.MachineLearningServices/workspaces/*"], "notActions": ["*/onlineEndpoints/*"]}
    resources.put(world, ROLE, {"properties": {"roleName": "mine", "permissions": [permission]}})
    place = f"{PROD}/providers/Microsoft.Authorization/roleAssignments/one"
    held = {"principalId": object_id(CI.name), "roleDefinitionId": ROLE, "scope": PROD}
    resources.put(world, place, {"properties": held})
    role_rights.recompute(world)
    return place


@pytest.mark.parametrize(
    ("action", "scope", "allowed"),
    [
        (f"{JOB}/write", f"{PROD}/jobs/j", True),
        (f"{JOB}/write", f"{DEV}/jobs/j", False),
        (f"{DEPLOYMENT}/write", f"{PROD}/onlineEndpoints/e/deployments/d", False),
        ("Microsoft.Authorization/permissions/read", f"{DEV}", True),
        (f"{JOB}/write", f"{workspace_id('S', 'other', 'diabetes-prod')}/jobs/j", True),
        (f"{JOB}/write", f"{workspace_id('S', 'R2', 'diabetes-dev')}/jobs/j", False),
    ],
)
def test_an_assigned_role_is_all_that_counts_in_its_group(world, assigned, action, scope, allowed):
    assert may(world, program_principal(CI), action, parse(scope)) is allowed


def test_a_role_that_is_taken_away_is_gone_at_once(world, assigned):
    resources.delete(world, assigned)
    role_rights.recompute(world)
    assert role_rights.allowed(world, CI.name, f"{JOB}/write", PROD) is None


@pytest.mark.parametrize(
    ("subject", "trusted"),
    [
        ("repo:hospital@100/diabetes@700001:ref:refs/heads/main", True),
        ("repo:hospital@100/diabetes@700002:ref:refs/heads/main", False),
        ("repo:hospital/diabetes:ref:refs/heads/main", False),
    ],
)
def test_a_declared_credential_is_compared_literally(world, subject, trusted):
    claims = {"iss": actions_issuer(world), "aud": AUDIENCE, "exp": world.now().timestamp() + 60}
    token = signing_key(world, ACTIONS).sign({**claims, "sub": subject})
    check_assertion(world, CI.name, CI.client_id, token)
    declared = {"subject": "repo:hospital@100/diabetes@700001:ref:refs/heads/main", "audiences": [AUDIENCE]}
    world.documents.put(CREDENTIALS, CI.name, {"trusted": [declared]})
    if trusted:
        check_assertion(world, CI.name, CI.client_id, token)
    else:
        with pytest.raises(EntraError):
            check_assertion(world, CI.name, CI.client_id, token)
