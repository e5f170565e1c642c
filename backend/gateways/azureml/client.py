"""One connection a workspace: the MLClient, the tracking client, and the ids of what lives there."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

import httpx

from backend.errors import RemoteUnavailable
from backend.gateways.azureml.errors import SERVICE, azureml
from backend.gateways.credentials import ProgramIdentity, ca_bundle, tls_context
from backend.settings import Settings
from backend.settings_project import Project

if TYPE_CHECKING:
    import ssl

    from azure.core.credentials import TokenCredential

_first_use = threading.Lock()
"""MLflow loads its plugins on first use, and two threads at once have been seen to race (mlflow #11283)."""

TIMEOUTS = {"connection_timeout": 5, "read_timeout": 30, "retry_total": 2}


def apply_environment(settings: Settings) -> None:
    """Set what the SDKs read from the environment only. Call once, before any of them is imported.

    The cloud is chosen process-wide (azure-ai-ml, azureml-mlflow and requests all look here), which is why one
    process talks to one cloud.
    """
    cloud = settings.cloud
    if cloud.metadata_url:
        if os.environ.get("ARM_CLOUD_METADATA_URL") != cloud.metadata_url:
            os.environ.pop("AZUREML_CURRENT_CLOUD", None)  # the SDK's memory of the cloud chosen before
        os.environ["ARM_CLOUD_METADATA_URL"] = cloud.metadata_url
    if ca_bundle(cloud):
        os.environ["REQUESTS_CA_BUNDLE"] = cloud.ca_bundle
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "20"
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "2"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"


def _silence_sdk() -> None:
    """Keep the SDK's remarks out of our output: what we print is ours, and what fails is raised.

    Some of its modules give themselves a handler on stderr ("Check: endpoint ... exists", "Instance type ... may be
    too small", experimental classes), and its poller prints a dot to stdout at each look, with no option for either.
    """
    from azure.ai.ml._utils import _azureml_polling

    for name in [name for name in logging.root.manager.loggerDict if name.split(".")[:3] == ["azure", "ai", "ml"]]:
        logging.getLogger(name).setLevel(logging.ERROR)
    vars(_azureml_polling)["print"] = _say_nothing


def _say_nothing(*_words: object, **_options: object) -> None:
    """Takes the place of `print` in the SDK's polling module."""


class Workspace:
    """A workspace by name, shared by all threads. Nothing is connected until it is first used."""

    def __init__(self, settings: Settings, project: Project, name: str, identity: ProgramIdentity) -> None:
        self.name = name
        self.project = project
        self.tenant_id = settings.identity.tenant_id
        self.cloud = settings.cloud
        self._identity = identity
        self._lock = threading.RLock()
        self._ml: Any = None
        self._tracking: Any = None
        self._tls: ssl.SSLContext | None = None

    @property
    def credential(self) -> TokenCredential:
        return self._identity.credential()

    @property
    def arm_id(self) -> str:
        return f"{self.project.group_id}/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"

    @property
    def logs_id(self) -> str:
        """The Log Analytics workspace that setup declares for the project."""
        name = f"{self.project.resource_group}-logs"
        return f"{self.project.group_id}/providers/Microsoft.OperationalInsights/workspaces/{name}"

    def model_id(self, name: str, version: str) -> str:
        return f"{self.arm_id}/models/{name}/versions/{version}"

    def data_id(self, name: str, version: str) -> str:
        return f"{self.arm_id}/data/{name}/versions/{version}"

    def environment_id(self, name: str, version: str) -> str:
        return f"{self.arm_id}/environments/{name}/versions/{version}"

    def endpoint_id(self, name: str) -> str:
        return f"{self.arm_id}/onlineEndpoints/{name}"

    def tls(self) -> ssl.SSLContext:
        """Built once: reading the system's roots takes tens of milliseconds."""
        with self._lock:
            self._tls = self._tls or tls_context(self.cloud)
            return self._tls

    def ml(self) -> Any:
        """The MLClient. Building it asks a private cloud for its addresses."""
        with self._lock:
            if self._ml is None:
                if self.cloud.metadata_url:
                    _choose_cloud(self.cloud.metadata_url, self.tls())
                from azure.ai.ml import MLClient

                options: dict[str, Any] = {"enable_telemetry": False, "show_progress": False, **TIMEOUTS}
                _silence_sdk()
                with azureml("connect"):
                    self._ml = MLClient(
                        self.credential,
                        self.project.subscription_id,
                        self.project.resource_group,
                        self.name,
                        **options,
                    )
            return self._ml

    def tracking(self) -> Any:
        """The MlflowClient on this workspace's runs.

        `workspaces.get` comes first: it hands our credential to azureml-mlflow, which would otherwise build a chain
        of its own that ends in an interactive browser.
        """
        with self._lock:
            if self._tracking is None:
                with azureml("connect to the tracking service"), _first_use:
                    uri = self.ml().workspaces.get(self.name).mlflow_tracking_uri
                    from mlflow import MlflowClient

                    self._tracking = MlflowClient(tracking_uri=uri)
            return self._tracking

    def warm(self) -> None:
        """Import and connect everything now, so that no page waits for it (3-10 s once)."""
        self.tracking()


def _choose_cloud(metadata_url: str, tls: ssl.SSLContext) -> None:
    """Name the private cloud to the SDK, asked of the cloud itself.

    Left to choose alone, azure-ai-ml answers a metadata request that failed with a warning and the *public* cloud, for
    the rest of the process. Raises RemoteUnavailable while the private cloud does not answer.
    """
    with azureml("find its cloud"):
        answer = httpx.get(metadata_url, verify=tls, timeout=10)
        clouds = answer.json() if answer.status_code == 200 else []
    listed = clouds if isinstance(clouds, list) else [clouds]
    name = next((str(cloud["name"]) for cloud in listed if cloud["resourceManager"] in metadata_url), "")
    if not name:
        raise RemoteUnavailable(
            f"Azure ML could not find its cloud: {metadata_url} does not describe one (HTTP {answer.status_code}). "
            "Check cloud.metadata_url.",
            service=SERVICE,
            operation="find its cloud",
            status=answer.status_code,
        )
    os.environ["AZUREML_CURRENT_CLOUD"] = name


def leave_alone(poller: Any) -> None:
    """End the thread in which the SDK asks how a change goes, every few seconds for as long as that takes.

    We look by ourselves, at what is there, and the thread's questions would count against the same limit.
    """
    poller.polling_method().finished = lambda: True


def version_in(asset_id: str) -> tuple[str, str]:
    """Name and version of a model, data or environment id: ARM's, `azureml:name:version` or `name:version`."""
    if "/versions/" in asset_id:
        parts = asset_id.rstrip("/").split("/")
        return parts[-3], parts[-1]
    name, _, version = asset_id.removeprefix("azureml:").rpartition(":")
    return name, version


def service_word(value: object) -> str:
    """A status as the service spells it; the SDK wraps some in enumerations, whose text is another."""
    return str(getattr(value, "value", value) or "")
