"""Platform metrics of deployments: CPU, memory and capacity, a minute at a time."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from backend.domain.telemetry import CapacityPoint
from backend.errors import ConfigurationError
from backend.gateways.credentials import ProgramIdentity
from backend.gateways.monitor.errors import monitor
from backend.gateways.monitor.logs import as_moment
from backend.settings import Settings

NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"

FIELDS = {
    "CpuUtilizationPercentage": "cpu_percent",
    "CpuMemoryUtilizationPercentage": "memory_percent",
    "DeploymentCapacity": "capacity",
}
"""REST metric names (Azure Monitor's supported metrics of online deployments) and our fields."""

MINUTE = timedelta(minutes=1)
RESOURCES_A_CALL = 50
"""The batch API's own limit."""


class Metrics:
    def __init__(self, settings: Settings, identity: ProgramIdentity) -> None:
        self._cloud = settings.cloud
        self._identity = identity
        self._lock = threading.Lock()
        self._client: Any = None

    def capacity(
        self, endpoint_id: str, deployments: Sequence[str], start: datetime, end: datetime
    ) -> tuple[CapacityPoint, ...]:
        """One point per deployment and minute, oldest first; a minute without a sample has None.

        The service answers in the order in which the resources were asked for and does not name them otherwise.
        """
        names = list(deployments)[:RESOURCES_A_CALL]
        if not names:
            return ()
        client = self._connect()
        with monitor("read platform metrics"):
            answers = client.query_resources(
                resource_ids=[f"{endpoint_id}/deployments/{name}" for name in names],
                metric_namespace=NAMESPACE,
                metric_names=list(FIELDS),
                timespan=(start, end),
                granularity=MINUTE,
                aggregations=["Average"],
            )
        points: list[CapacityPoint] = []
        for name, answer in zip(names, answers, strict=True):
            points.extend(as_points(name, answer))
        return tuple(sorted(points, key=lambda point: (point.at, point.deployment)))

    def _connect(self) -> Any:
        if not self._cloud.metrics_endpoint:
            raise ConfigurationError(
                "cloud.metrics_endpoint", "is not set; it is https://<region>.metrics.monitor.azure.com"
            )
        with self._lock:
            if self._client is None:
                from azure.monitor.querymetrics import MetricsClient

                self._client = MetricsClient(
                    self._cloud.metrics_endpoint,
                    self._identity.credential(),
                    audience=self._cloud.metrics_audience,
                    connection_verify=self._cloud.ca_bundle or True,
                    connection_timeout=5,
                    read_timeout=30,
                    retry_total=2,
                )
            return self._client


def as_points(deployment: str, answer: Any) -> list[CapacityPoint]:
    """The three metrics of one deployment joined by minute."""
    minutes: dict[datetime, dict[str, float | None]] = defaultdict(dict)
    for metric in answer.metrics:
        field = FIELDS.get(metric.name)
        if field is None:
            continue
        for series in metric.timeseries:
            for sample in series.data:
                known = minutes[sample.timestamp]
                known[field] = sample.average if sample.average is not None else known.get(field)
    return [
        CapacityPoint(
            at=as_moment(at),
            deployment=deployment,
            cpu_percent=values.get("cpu_percent"),
            memory_percent=values.get("memory_percent"),
            capacity=values.get("capacity"),
        )
        for at, values in sorted(minutes.items())
    ]
