"""Online endpoints and deployments. Every change begins here and is waited for elsewhere."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from backend.domain.endpoints import Change, Deployment, Endpoint, ProvisioningState, Served
from backend.domain.key_rotation import Keys, Which
from backend.domain.promotions import Target
from backend.errors import NotFound
from backend.gateways.azureml.arm import ArmResources
from backend.gateways.azureml.client import Workspace, leave_alone, service_word, version_in
from backend.gateways.azureml.collected import COLLECTION
from backend.gateways.azureml.errors import azureml
from backend.gateways.azureml.scoring import Answer, Scoring

ENDPOINTS_VERSION = "2024-10-01"
REGENERATE = "/onlineendpoints/regeneratekeys/action"
SCORING_SCRIPT = "training/score.py"
ERROR_LINE = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b")
SERVERS_OWN = re.compile(r"^azureml_inference_server_http\.[\w.]*Exception\b", re.MULTILINE)


class Endpoints:
    """The endpoints of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._scoring = Scoring(workspace)
        self._arm = ArmResources(workspace)

    def get(self, endpoint: str) -> Endpoint | None:
        """The endpoint with its deployments, or None if there is none of that name."""
        ml = self._workspace.ml()
        try:
            with azureml("read an endpoint"):
                entity = ml.online_endpoints.get(endpoint)
                entities = list(ml.online_deployments.list(endpoint))
        except NotFound:
            return None
        return as_endpoint(entity, tuple(self._deployment(endpoint, item) for item in entities))

    def create_deployment(
        self,
        target: Target,
        *,
        code: str,
        instance_type: str,
        instance_count: int,
        tags: Mapping[str, str],
        collect_percent: float = 0.0,
    ) -> None:
        """Begin the PUT of the target's deployment at 0 % traffic; the same target is the same PUT.

        `code` is the ARM id of the training run's code asset, `target.environment` the environment's ARM id. Of what it
        is asked and answers, `collect_percent` is kept; for that the SDK registers a data asset before the PUT.
        """
        from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

        deployment = ManagedOnlineDeployment(
            name=target.deployment,
            endpoint_name=target.endpoint,
            model=self._workspace.model_id(target.model, target.version),
            environment=target.environment,
            code_configuration=CodeConfiguration(code=code, scoring_script=SCORING_SCRIPT),
            environment_variables={
                "MLOPS_THRESHOLD": repr(target.threshold),
                "MLOPS_MODEL_VERSION": target.version,
                # A call brings a few rows: a second OpenMP thread spins longer than it works.
                "OMP_NUM_THREADS": "1",
            },
            instance_type=instance_type,
            instance_count=instance_count,
            tags=dict(tags),
            data_collector=_data_collector(collect_percent),
        )
        with azureml("create a deployment"):
            leave_alone(self._workspace.ml().online_deployments.begin_create_or_update(deployment))

    def set_traffic(self, endpoint: str, weights: Mapping[str, int]) -> None:
        """Begin setting the percentages; deployments not named get none. Mirrored traffic stays as it is."""
        ml = self._workspace.ml()
        with azureml("set traffic"):
            entity = ml.online_endpoints.get(endpoint)
            entity.traffic = {name: weight for name, weight in weights.items() if weight > 0}
            leave_alone(ml.online_endpoints.begin_create_or_update(entity))

    def set_mirror(self, endpoint: str, weights: Mapping[str, int]) -> None:
        """Begin setting the percentage of calls copied to one deployment; live traffic stays as it is."""
        ml = self._workspace.ml()
        with azureml("set mirrored traffic"):
            entity = ml.online_endpoints.get(endpoint)
            entity.mirror_traffic = {name: weight for name, weight in weights.items() if weight > 0}
            leave_alone(ml.online_endpoints.begin_create_or_update(entity))

    def delete_deployment(self, endpoint: str, deployment: str) -> None:
        """Begin removing a deployment; one that is gone already is no error."""
        try:
            with azureml("delete a deployment"):
                leave_alone(self._workspace.ml().online_deployments.begin_delete(deployment, endpoint))
        except NotFound:
            return

    def score(
        self, endpoint: str, rows: Sequence[Mapping[str, Any]], deployment: str = "", *, probe: bool = True
    ) -> Served:
        """Score rows and answer what the deployment said of itself and of the first row.

        An empty `deployment` follows the traffic split. Raises RemoteRejected with the model's own message.
        """
        return self._scoring.score(endpoint, rows, deployment, probe=probe)

    def raw_score(self, endpoint: str, body: bytes, deployment: str = "", *, probe: bool = True) -> Answer:
        """The scoring front's answer to these bytes as it came: (status, headers, body)."""
        return self._scoring.send(endpoint, body, deployment, probe=probe)

    def keys(self, endpoint: str) -> Keys:
        """Both keys, for somebody who may have them."""
        with azureml("read an endpoint's key"):
            found = self._workspace.ml().online_endpoints.get_keys(endpoint)
        return Keys(primary=str(getattr(found, "primary_key", "")), secondary=str(getattr(found, "secondary_key", "")))

    def regenerate_key(self, endpoint: str, which: Which) -> None:
        """Begin replacing one key by a new one; the other stays as it is."""
        with azureml("replace an endpoint's key"):
            leave_alone(self._workspace.ml().online_endpoints.begin_regenerate_keys(endpoint, key_type=which.value))

    def key_prints(self, endpoint: str, salt: bytes) -> tuple[str, str]:
        """A salted digest of the primary and of the secondary key: the same while the key is, and no way back to it."""
        with azureml("read an endpoint's key"):
            keys = self._workspace.ml().online_endpoints.get_keys(endpoint)
        primary, secondary = (
            hmac.new(salt, str(getattr(keys, name, "")).encode(), "sha256").hexdigest()
            for name in ("primary_key", "secondary_key")
        )
        return primary, secondary

    def last_change(self, endpoint: str, deployment: str = "") -> Change:
        """Who wrote the endpoint or the deployment last and when, as ARM keeps it in `systemData`; "" where it is gone.

        Regenerating a key writes neither: `key_change` tells of it.
        """
        place = self._workspace.endpoint_id(endpoint)
        found = self._arm.get(f"{place}/deployments/{deployment}" if deployment else place, ENDPOINTS_VERSION)
        data = (found or {}).get("systemData") or {}
        at = data.get("lastModifiedAt")
        moment = datetime.fromisoformat(at).astimezone(UTC) if at else None
        return Change(by=str(data.get("lastModifiedBy") or ""), at=moment)

    def key_change(self, endpoint: str, start: datetime, end: datetime) -> Change:
        """Who regenerated a key last within the window, by Azure's activity log; "" where it has no entry (yet)."""
        for event in self._arm.activity(self._workspace.endpoint_id(endpoint), start, end):
            if str((event.get("operationName") or {}).get("value", "")).lower().endswith(REGENERATE):
                at = datetime.fromisoformat(str(event["eventTimestamp"])).astimezone(UTC)
                return Change(by=str(event.get("caller") or ""), at=at)
        return Change()

    def deployment_log(self, endpoint: str, deployment: str, lines: int) -> str:
        """The last lines of the deployment's container log."""
        with azureml("read a deployment's log"):
            return str(self._workspace.ml().online_deployments.get_logs(deployment, endpoint, lines))

    def _deployment(self, endpoint: str, entity: Any) -> Deployment:
        """A deployment; for a failed one its log is asked for the reason, which ARM's resource does not carry."""
        deployment = as_deployment(endpoint, entity)
        if deployment.state is not ProvisioningState.FAILED:
            return deployment
        return deployment.model_copy(
            update={"problem": as_problem(self.deployment_log(endpoint, deployment.name, 200))}
        )


def _data_collector(percent: float) -> Any:
    """The SDK's declaration; None, which is no declaration at all, for 0."""
    if percent <= 0:
        return None
    from azure.ai.ml.entities import DataCollector, DeploymentCollection

    kept = {COLLECTION: DeploymentCollection(enabled="true")}
    return DataCollector(collections=kept, rolling_rate="Hour", sampling_rate=percent / 100)


def as_problem(log: str) -> str:
    """The line of a failed container's log that says why: the scoring script's own error, else the last line.

    The inference server chains its own exception to the script's and then says that its worker exits. The script's may
    be the last of a chain itself: that one has the words its author chose.
    """
    own = SERVERS_OWN.split(log, maxsplit=1)[0]
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    errors = [line for line in lines if ERROR_LINE.match(line)]
    return next(reversed(errors or lines), "the container wrote no line before it ended")


def as_endpoint(entity: Any, deployments: tuple[Deployment, ...]) -> Endpoint:
    """An endpoint from the SDK's entity; weights of 0, which the SDK adds itself, are left out."""
    return Endpoint(
        name=entity.name,
        state=_provisioning(entity),
        scoring_uri=entity.scoring_uri or "",
        traffic={name: int(weight) for name, weight in (entity.traffic or {}).items() if weight},
        mirror_traffic={name: int(weight) for name, weight in (entity.mirror_traffic or {}).items() if weight},
        deployments=tuple(sorted(deployments, key=lambda d: d.name)),
    )


def as_deployment(endpoint: str, entity: Any) -> Deployment:
    model, version = version_in(str(entity.model or ""))
    created_at = getattr(getattr(entity, "creation_context", None), "created_at", None)
    return Deployment(
        name=entity.name,
        endpoint=endpoint,
        model=model,
        version=version,
        environment=str(entity.environment or ""),
        state=_provisioning(entity),
        instance_type=entity.instance_type or "",
        instance_count=int(entity.instance_count or 0),
        variables={name: str(value) for name, value in (entity.environment_variables or {}).items()},
        tags={name: str(value) for name, value in (entity.tags or {}).items()},
        created_at=created_at.astimezone(UTC) if isinstance(created_at, datetime) else None,
    )


def _provisioning(entity: Any) -> ProvisioningState:
    """`Scaling` and whatever else the service may say later mean that it is at work."""
    word = service_word(entity.provisioning_state)
    return ProvisioningState(word) if word in set(ProvisioningState) else ProvisioningState.UPDATING
