"""A laboratory for the tests of endpoints and their telemetry: one workspace, one endpoint, two tiny deployments.

Made once per sandbox, through the unmodified azure-ai-ml, from a scoring script that loads no library.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import ssl
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from sandbox.accounts import SUBSCRIPTION, TENANT

GROUP = "endpoints-lab"
WORKSPACE = "endpoints-lab"
ENDPOINT = "lab-endpoint"
NO_LIBRARY = "tiny-env"
SCORE = """\
import json
import os
import pathlib
import time

from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

FACTOR = None


def init():
    global FACTOR
    if os.environ.get("LAB_CRASH"):
        raise RuntimeError("the model file is broken: " + os.environ["LAB_CRASH"])
    time.sleep(float(os.environ.get("LAB_SLEEP", "0")))
    found = list(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).rglob("factor.json"))
    FACTOR = json.loads(found[0].read_text())["factor"]
    print("lab model loaded from", os.environ["AZUREML_MODEL_DIR"])


@rawhttp
def run(request):
    body = json.loads(request.get_data())
    if "sleep" in body:
        time.sleep(body["sleep"])
    if "field" in body:
        error = {"code": "InvalidInput", "field": body["field"], "row": 0, "message": "must be a number"}
        return AMLResponse({"error": error}, 400, json_str=True)
    if "raise" in body:
        raise ValueError(body["raise"])
    if "say" in body:
        print(body["say"], flush=True)
    if "echo" in body:
        return AMLResponse({"echo": repr(body["echo"]), "headers": sorted(request.headers.keys())}, 200, json_str=True)
    if "big" in body:
        return AMLResponse("x" * body["big"], 200)
    if "kill" in body:
        os.kill(os.getppid(), 9)
        os.kill(os.getpid(), 9)
    known = {name: value for name, value in os.environ.items() if name.startswith("LAB_")}
    answer = {"product": body.get("x", 1) * FACTOR, "variables": known, "names": sorted(os.environ)}
    return AMLResponse(answer, 200, json_str=True)
"""


@dataclass(frozen=True)
class Lab:
    """`ml` writes as mlops-setup; `http` trusts the sandbox's authority and nothing else."""

    sandbox: Any
    ml: Any
    http: httpx.Client
    folder: Path
    model: Any
    environment: Any

    @property
    def workspace_id(self) -> str:
        return (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}"
        )

    @property
    def endpoint_id(self) -> str:
        return f"{self.workspace_id}/onlineEndpoints/{ENDPOINT}"

    @functools.cached_property
    def key(self) -> str:
        return self.ml.online_endpoints.get_keys(ENDPOINT).primary_key

    @functools.cached_property
    def uri(self) -> str:
        return self.ml.online_endpoints.get(ENDPOINT).scoring_uri

    def deployment(self, name: str, variables: Mapping[str, str] | None = None, **more: Any) -> Any:
        """The SDK's entity of a deployment of the lab's model."""
        from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

        return ManagedOnlineDeployment(
            name=name,
            endpoint_name=more.pop("endpoint_name", ENDPOINT),
            model=self.model,
            environment=self.environment,
            code_configuration=CodeConfiguration(
                code=str(self.folder / more.pop("code", "code")), scoring_script=more.pop("script", "score.py")
            ),
            environment_variables=dict(variables or {}),
            instance_type="Standard_DS2_v2",
            instance_count=1,
            **more,
        )

    def deploy(self, name: str, variables: Mapping[str, str] | None = None, **more: Any) -> Any:
        """Create or replace, and wait for the outcome."""
        return self.ml.online_deployments.begin_create_or_update(self.deployment(name, variables, **more)).result(60)

    def set_traffic(self, traffic: Mapping[str, int], mirror: Mapping[str, int] | None = None) -> None:
        endpoint = self.ml.online_endpoints.get(ENDPOINT)
        endpoint.traffic = dict(traffic)
        endpoint.mirror_traffic = dict(mirror or {})
        self.ml.online_endpoints.begin_create_or_update(endpoint).result(30)

    def servers(self, deployment: str = "") -> list[psutil.Process]:
        """The processes of the scoring servers, found by the folder of this world's deployments."""
        folder = str(self.sandbox.home / "servers" / WORKSPACE / ENDPOINT / deployment)
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd().startswith(folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def rest(self, method: str, path: str, program: str = "mlops-setup", **more: Any) -> httpx.Response:
        """A call to ARM below the lab's workspace, past the SDK's own checks."""
        token = credential(self.sandbox, program).get_token(f"{self.sandbox.url}/.default").token
        url = f"{self.sandbox.url}{self.workspace_id}{path}"
        return self.http.request(
            method, url, params={"api-version": "2023-04-01"}, headers={"Authorization": f"Bearer {token}"}, **more
        )

    def score(self, body: Any, *, deployment: str = "", key: str | None = None, **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.key if key is None else key}", "Content-Type": "application/json"}
        sent |= {"azureml-model-deployment": deployment} if deployment else {}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(self.uri, content=content, headers=sent | headers)


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


def client(sandbox: Any, program: str = "mlops-setup") -> Any:
    """An MLClient of one of the world's programs."""
    speak_to(sandbox)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # azure-ai-ml declares its schemas in ways its own dependencies have deprecated
        from azure.ai.ml import MLClient

    options = {"enable_telemetry": False, "show_progress": False, "retry_total": 0}
    return MLClient(credential(sandbox, program), SUBSCRIPTION, GROUP, WORKSPACE, **options)


def speak_to(sandbox: Any) -> None:
    """Point what the SDK reads from the environment, for the whole process, at this sandbox."""
    metadata = f"{sandbox.url}/metadata/endpoints?api-version=2019-05-01"
    if os.environ.get("ARM_CLOUD_METADATA_URL") != metadata:
        os.environ.pop("AZUREML_CURRENT_CLOUD", None)
    os.environ["ARM_CLOUD_METADATA_URL"] = metadata
    os.environ["REQUESTS_CA_BUNDLE"] = str(sandbox.ca_file)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"


@functools.cache
def _made(url: str) -> dict[str, Lab]:
    return {}


def lab(sandbox: Any, traffic: Mapping[str, int] | None = None) -> Lab:
    """The lab of this sandbox, made by the first test that asks, with a deployment per name in `traffic`."""
    speak_to(sandbox)
    made = _made(sandbox.url)
    if "lab" not in made:
        made["lab"] = _make(sandbox, traffic or {"blue": 90, "green": 10})
    return made["lab"]


def _make(sandbox: Any, traffic: Mapping[str, int]) -> Lab:
    ml = client(sandbox)
    from azure.ai.ml.entities import Environment, ManagedOnlineEndpoint, Model, Workspace

    http = httpx.Client(verify=ssl.create_default_context(cafile=sandbox.ca_file), timeout=30)
    _group(sandbox, http)
    ml.workspaces.begin_create(Workspace(name=WORKSPACE, resource_group=GROUP, location="westeurope")).result(60)
    folder = Path(tempfile.mkdtemp(prefix="endpoints-lab"))
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCORE)
    (folder / "model").mkdir()
    (folder / "model" / "factor.json").write_text(json.dumps({"factor": 3}))
    model = ml.models.create_or_update(Model(name="tiny", path=str(folder / "model"), type="custom_model"))
    environment = ml.environments.create_or_update(
        Environment(name=NO_LIBRARY, version="1", image="mcr.example/tiny:1")
    )
    made = Lab(sandbox, ml, http, folder, model, environment)
    ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=ENDPOINT, auth_mode="key")).result(30)
    for name in traffic:
        made.deploy(name, {"LAB_COLOUR": name})
    made.set_traffic(traffic)
    return made


def _group(sandbox: Any, http: httpx.Client) -> None:
    token = credential(sandbox, "mlops-setup").get_token(f"{sandbox.url}/.default").token
    url = f"{sandbox.url}/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}?api-version=2021-04-01"
    http.put(url, json={"location": "westeurope"}, headers={"Authorization": f"Bearer {token}"}).raise_for_status()


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first truthy value of `condition`; AssertionError naming `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds} s")
