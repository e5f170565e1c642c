"""Workspaces, clusters, data and environments through the unmodified azure-ai-ml."""

from __future__ import annotations

import uuid

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError

from sandbox.accounts import SUBSCRIPTION
from tests.wire.azureml_lab import CLUSTER, GROUP, NOISE, client, error_of, open_lab, session, unique

pytestmark = [pytest.mark.filterwarnings(line) for line in NOISE]
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
"""The built-in role, as Azure numbers it everywhere."""


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    with open_lab(sandbox, tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture
def csv(tmp_path):
    file = tmp_path / "patients.csv"
    file.write_text("a,b\n1,2\n")
    return file


def test_workspace_made_from_the_template_has_two_datastores_and_a_tracking_address(lab):
    workspace = lab.ml.workspaces.get(lab.workspace)
    assert workspace.location == "westeurope"
    assert workspace.mlflow_tracking_uri == f"azureml://localhost:{lab.sandbox.port}/mlflow/v2.0{lab.workspace_id}"
    assert lab.workspace in {found.name for found in lab.ml.workspaces.list()}
    stores = {store.name: store.container_name for store in lab.ml.datastores.list()}
    assert stores == {"workspaceblobstore": "azureml-blobstore", "workspaceartifactstore": "azureml"}
    assert lab.ml.datastores.get_default().name == "workspaceblobstore"


def test_ids_are_compared_without_case(lab):
    assert lab.http.get(lab.workspace_id.upper().replace("/SUBSCRIPTIONS", "/subscriptions")).status_code == 200
    assert lab.http.get(lab.workspace_id.lower()).json()["name"] == lab.workspace


def test_cluster_is_there_once_its_operation_succeeded(lab):
    cluster = lab.ml.compute.get(CLUSTER)
    assert (cluster.size, cluster.max_instances, cluster.provisioning_state) == ("STANDARD_DS3_V2", 2, "Succeeded")
    assert CLUSTER in {found.name for found in lab.ml.compute.list()}


def test_data_keeps_versions_and_their_bytes(lab, csv):
    from azure.ai.ml.entities import Data

    name = unique("patients")
    first = lab.ml.data.create_or_update(Data(name=name, path=str(csv), type="uri_file", tags={"digest": "one"}))
    csv.write_text("a,b\n3,4\n")
    second = lab.ml.data.create_or_update(Data(name=name, path=str(csv), type="uri_file"))
    assert (first.version, second.version) == ("1", "2")
    assert first.path != second.path
    assert lab.ml.data.get(name, label="latest").version == "2"
    assert lab.ml.data.get(name, "1").tags == {"digest": "one"}
    with pytest.raises((HttpResponseError, ResourceExistsError), match="cannot be changed"):
        lab.ml.data.create_or_update(Data(name=name, version="1", path=str(csv), type="uri_file"))


def test_environment_is_kept_as_it_was_sent(lab):
    from azure.ai.ml.entities import Environment

    conda = {"name": "sk", "dependencies": ["python=3.11"]}
    made = lab.ml.environments.create_or_update(
        Environment(name=unique("sk"), image="mcr.example/sk:1", conda_file=conda)
    )
    found = lab.ml.environments.get(made.name, label="latest")
    assert (found.image, found.conda_file, found.version) == ("mcr.example/sk:1", conda, "1")


@pytest.mark.parametrize("authorization", ["", "Bearer nonsense", "Basic bm9uOnNlbnNl"])
def test_nobody_reads_without_a_token(lab, authorization):
    answer = lab.http.get(lab.workspace_id, headers={"Authorization": authorization})
    assert error_of(answer) == (401, "AuthenticationFailed")


def test_program_of_another_workspace_is_refused_by_name(lab):
    with session(lab.sandbox, "mlops-ci-prod") as http:
        answer = http.get(f"{lab.workspace_id}/models")
        assert error_of(answer) == (403, "AuthorizationFailed")
        assert "mlops-ci-prod" in answer.json()["error"]["message"]
        assert error_of(http.post(f"{lab.workspace_id}/datastores/workspaceblobstore/listSecrets")) == (
            403,
            "AuthorizationFailed",
        )
        listed = http.get(f"{lab.group_id}/providers/Microsoft.MachineLearningServices/workspaces").json()["value"]
    assert lab.workspace not in {found["name"] for found in listed}


def test_workspace_outside_any_group_is_refused(sandbox):
    from azure.ai.ml.entities import Workspace

    ml = client(sandbox, None)
    with pytest.raises(HttpResponseError, match="could not be found"):
        ml.workspaces.begin_create(Workspace(name="nowhere", resource_group="no-such-group", location="westeurope"))
    assert GROUP != "no-such-group"


def test_blobs_need_a_signature_of_their_own_account(lab):
    path = f"/azureml-blobstore/{uuid.uuid4()}"
    assert lab.http.put(path, content=b"x").status_code == 403
    secret = lab.http.post(f"{lab.workspace_id}/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    url = f"{lab.sandbox.url}{path}?{secret}"
    assert lab.http.put(url, content=b"bytes").status_code == 201
    assert lab.http.get(url).content == b"bytes"
    assert lab.http.get(url.replace("azuremllabstore", "otherstore")).status_code == 403
    assert lab.http.get(url.replace("sp=rwdlac", "sp=rwdlacx")).status_code == 403


def test_blob_in_pieces_and_ranges_is_byte_identical(lab, tmp_path):
    from azure.storage.blob import BlobClient

    secret = lab.http.post(f"{lab.workspace_id}/datastores/workspaceblobstore/listSecrets").json()["sasToken"]
    content = bytes(range(256)) * 4096 * 10
    blob = BlobClient.from_blob_url(
        f"https://azuremllabstore.blob.x@localhost:{lab.sandbox.port}/azureml-blobstore/large.bin?{secret}",
        max_single_put_size=1024 * 1024,
        max_block_size=1024 * 1024,
        max_single_get_size=1024 * 1024,
        max_chunk_get_size=1024 * 1024,
        connection_verify=str(lab.sandbox.ca_file),
    )
    blob.upload_blob(content, overwrite=True, metadata={"kind": "test"})
    assert blob.get_blob_properties().metadata == {"kind": "test"}
    assert blob.download_blob(max_concurrency=2).readall() == content
    blob.upload_blob(b"", overwrite=True)
    assert blob.download_blob().readall() == b""


def test_log_analytics_workspace_gets_a_customer_id_that_stays(lab):
    name = f"{lab.group_id}/providers/Microsoft.OperationalInsights/workspaces/{unique('logs')}"
    made = lab.http.put(name, json={"location": "westeurope", "properties": {"retentionInDays": 30}})
    assert made.status_code == 201
    identity = made.json()["properties"]["customerId"]
    assert str(uuid.UUID(identity)) == identity
    again = lab.http.put(name, json={"location": "westeurope", "properties": {"retentionInDays": 60}}).json()
    assert again["properties"] == {"retentionInDays": 60, "customerId": identity, "provisioningState": "Succeeded"}
    assert lab.http.get(name.rpartition("/")[0]).json()["value"] == [again]
    assert [lab.http.delete(name).status_code, lab.http.delete(name).status_code] == [200, 204]
    assert error_of(lab.http.get(name)) == (404, "ResourceNotFound")


def test_role_assignments_belong_to_their_scope(lab):
    base = f"{lab.workspace_id}/providers/Microsoft.Authorization/roleAssignments"
    reader = f"{lab.group_id}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    body = {"properties": {"roleDefinitionId": reader, "principalId": str(uuid.uuid4())}}
    made = lab.http.put(f"{base}/{uuid.uuid4()}", json=body).json()
    assert made["properties"]["scope"] == lab.workspace_id
    assert made in lab.http.get(base).json()["value"]
    assert made in lab.http.get(f"{lab.group_id}/providers/Microsoft.Authorization/roleAssignments").json()["value"]
    beside = f"{lab.workspace_id}-beside/providers/Microsoft.Authorization/roleAssignments"
    assert made not in lab.http.get(beside).json()["value"]


def test_unknown_operation_says_so_in_the_envelope(lab):
    assert error_of(lab.http.post(f"{lab.workspace_id}/diagnose")) == (501, "NotImplemented")


def test_subscription_is_the_groups_own(lab):
    found = lab.http.get("/subscriptions").json()["value"]
    assert [subscription["subscriptionId"] for subscription in found] == [SUBSCRIPTION]
    assert error_of(lab.http.get(f"/subscriptions/{uuid.uuid4()}")) == (404, "SubscriptionNotFound")


def test_transport_is_encrypted_only(lab):
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://localhost:{lab.sandbox.port}{lab.workspace_id}", timeout=5)
