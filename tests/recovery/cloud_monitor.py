"""What the cloud in memory measures: calls at a steady rate, by the weight or the mirror that was in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from backend.domain.telemetry import CapacityPoint, Scores, TrafficSummary

if TYPE_CHECKING:
    from tests.recovery.cloud import Cloud

USUAL_MS = 40.0
USUAL_POSITIVE = 0.3
USUAL_CPU = 30.0


class LogsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def summary(self, endpoint: str, deployment: str, start: datetime, end: datetime) -> TrafficSummary:
        self.cloud.look()
        requests = self._calls(endpoint, deployment, start, end)
        version = self._version(endpoint, deployment)
        errors = int(requests * self.cloud.error_rates.get(version, 0.0))
        p95 = self.cloud.p95_ms.get(version, USUAL_MS) if requests else None
        return TrafficSummary(
            deployment=deployment, requests=requests, errors=errors, p50_ms=p95, p95_ms=p95, p99_ms=p95
        )

    def slower(self, endpoint: str, deployment: str, milliseconds: float, start: datetime, end: datetime) -> int:
        """Every call takes as long as the 95th percentile."""
        p95 = self.cloud.p95_ms.get(self._version(endpoint, deployment), USUAL_MS)
        return self._calls(endpoint, deployment, start, end) if p95 > milliseconds else 0

    def scores(self, resource_id: str, deployment: str, start: datetime, end: datetime) -> Scores:
        endpoint = resource_id.rpartition("/")[2]
        calls = self._calls(endpoint, deployment, start, end)
        version = self._version(endpoint, deployment)
        positives = round(calls * self.cloud.positive_rates.get(version, USUAL_POSITIVE))
        return Scores(positives=positives, risks=(0.8,) * positives + (0.2,) * (calls - positives))

    def _version(self, endpoint: str, deployment: str) -> str:
        return self.cloud.places[endpoint].machines[deployment].target.version

    def _calls(self, endpoint: str, deployment: str, start: datetime, end: datetime) -> int:
        place, calls = self.cloud.places[endpoint], 0.0
        for history in (place.served, place.mirrored):
            for (since, weights), (until, _) in pairwise([*history, (end, {})]):
                seconds = (min(until, end) - max(since, start)).total_seconds()
                calls += max(0.0, seconds) * self.cloud.calls_per_second * weights.get(deployment, 0) / 100
        return int(calls)


class MetricsInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def capacity(
        self, endpoint_id: str, deployments: Sequence[str], start: datetime, end: datetime
    ) -> tuple[CapacityPoint, ...]:
        """A point for every whole minute."""
        machines = self.cloud.places[endpoint_id.rpartition("/")[2]].machines
        return tuple(
            CapacityPoint(
                at=start + timedelta(minutes=minute),
                deployment=name,
                cpu_percent=self.cloud.cpu_percent.get(machines[name].target.version, USUAL_CPU),
                memory_percent=50.0,
                capacity=1.0,
            )
            for name in deployments
            for minute in range(int((end - start).total_seconds() // 60))
        )
