"""A laboratory for the tests of Azure ML's control plane: one workspace with a cluster, made by unmodified SDKs."""

from __future__ import annotations

import gc
import json
import os
import ssl
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox.accounts import SUBSCRIPTION, TENANT

GROUP = "azureml-lab"
CLUSTER = "cpu-cluster"
ENDED = {"Completed", "Failed", "Canceled"}
NOISE = (
    "ignore:The use of a 'BlobProperties' instance:DeprecationWarning",
    "ignore:content_as_bytes is deprecated:DeprecationWarning",
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning",
    "ignore:unclosed <ssl.SSLSocket:ResourceWarning",
    "ignore:datetime.datetime.utcnow:DeprecationWarning",
    "ignore::marshmallow.warnings.RemovedInMarshmallow4Warning",
    "ignore::DeprecationWarning:azure.ai.ml",
    "ignore::FutureWarning:mlflow",
)


@dataclass
class Lab:
    """`ml` acts as mlops-setup in `workspace`; `http` carries that program's token."""

    sandbox: Any
    workspace: str
    ml: Any
    http: httpx.Client
    folder: Path
    environment: str = ""
    sources: dict[str, Path] = field(default_factory=dict)

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"

    @property
    def workspace_id(self) -> str:
        return f"{self.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"

    def code(self, script: str) -> str:
        """A folder with `main.py`; the same text gives the same folder, as an unchanged checkout does."""
        if script not in self.sources:
            folder = self.folder / f"code-{len(self.sources)}"
            folder.mkdir(parents=True)
            (folder / "main.py").write_text(script)
            self.sources[script] = folder
        return str(self.sources[script])

    def submit(self, script: str, arguments: str = "", **more: Any) -> Any:
        from azure.ai.ml import command

        options = {"environment": self.environment, "compute": CLUSTER, "experiment_name": "lab", **more}
        job = command(code=self.code(script), command=f"python main.py {arguments}".strip(), **options)
        return self.ml.jobs.create_or_update(job)

    def status(self, name: str) -> str:
        return self.ml.jobs.get(name).status.value

    def ended(self, name: str, seconds: float = 40) -> str:
        """The status a job ends with."""

        def look() -> str:
            status = self.status(name)
            return status if status in ENDED else ""

        return wait_for(look, seconds, f"the end of {name}")

    def log(self, name: str) -> str:
        account = f"{self.workspace.replace('-', '')}store"
        blobs = self.sandbox.home / "blobs" / account / "azureml"
        return (blobs / "ExperimentRun" / f"dcid.{name}" / "user_logs" / "std_log.txt").read_text()

    def details(self, name: str) -> dict[str, Any]:
        return self.http.get(f"/history/v1.0{self.workspace_id}/runs/{name}/details").raise_for_status().json()


def credential(sandbox: Any, program: str) -> Any:
    from azure.identity import ClientSecretCredential

    told = sandbox.secrets[program]
    return ClientSecretCredential(
        TENANT,
        told["client_id"],
        told["secret"],
        authority=sandbox.url,
        disable_instance_discovery=True,
        connection_verify=str(sandbox.ca_file),
    )


def enter(sandbox: Any) -> None:
    """Point this process's Azure SDKs at a sandbox: they select a cloud by environment, one per process at a time."""
    metadata = f"{sandbox.url}/metadata/endpoints?api-version=2019-05-01"
    if os.environ.get("ARM_CLOUD_METADATA_URL") != metadata:
        os.environ.pop("AZUREML_CURRENT_CLOUD", None)
    os.environ["ARM_CLOUD_METADATA_URL"] = metadata
    os.environ["REQUESTS_CA_BUNDLE"] = str(sandbox.ca_file)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
    if known := sys.modules.get("azureml.mlflow._common._cloud.cloud"):
        known.KNOWN_CLOUDS.update(known.get_known_clouds())  # read once, at import, from whatever sandbox came first


def client(sandbox: Any, workspace: str | None, program: str = "mlops-setup") -> Any:
    enter(sandbox)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # azure-ai-ml declares its schemas in ways its own dependencies have deprecated
        import azureml.mlflow  # noqa: F401
        from azure.ai.ml import MLClient

    options = {"enable_telemetry": False, "show_progress": False, "retry_total": 0}
    return MLClient(credential(sandbox, program), SUBSCRIPTION, GROUP, workspace, **options)


def session(sandbox: Any, program: str = "mlops-setup") -> httpx.Client:
    with credential(sandbox, program) as signed_in:
        token = signed_in.get_token(f"{sandbox.url}/.default").token
    return httpx.Client(
        base_url=sandbox.url,
        verify=ssl.create_default_context(cafile=sandbox.ca_file),
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )


@contextmanager
def open_lab(sandbox: Any, folder: Path, workspace: str = "azureml-lab") -> Iterator[Lab]:
    """A lab whose connections are closed at the end; those of azure-ai-ml only its garbage collection closes."""
    made = _make_lab(sandbox, folder, workspace)
    yield made
    made.http.close()
    made.ml = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _make_lab(sandbox: Any, folder: Path, workspace: str) -> Lab:
    ml = client(sandbox, workspace)
    from azure.ai.ml.entities import AmlCompute, Environment, Workspace

    made = Lab(sandbox, workspace, ml, session(sandbox), folder)
    group = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}"
    made.http.put(group, json={"location": "westeurope"}).raise_for_status()
    ml.workspaces.begin_create(Workspace(name=workspace, resource_group=GROUP, location="westeurope")).result(60)
    ml.compute.begin_create_or_update(AmlCompute(name=CLUSTER, size="STANDARD_DS3_V2", max_instances=2)).result(30)
    environment = ml.environments.create_or_update(Environment(name="lab", image="mcr.example/lab:1"))
    made.environment = f"{environment.name}:{environment.version}"
    return made


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first truthy value of `condition`; AssertionError naming `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, json.loads(response.text)["error"]["code"]
