"""What the monitoring page draws: traffic and platform metrics from Azure Monitor, marks from our own ledger."""

from __future__ import annotations

from datetime import datetime

from backend.domain.azure_alerts import AzureAlerts
from backend.domain.telemetry import CapacityPoint, LogLine, Mark, Serving, Traffic
from backend.errors import CredentialsRejected, Invalid
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.endpoints import Endpoints
from backend.gateways.monitor.alerts import AlertInstances
from backend.gateways.monitor.logs import Logs
from backend.gateways.monitor.metrics import Metrics
from backend.operations.history import History

MOST_BINS = 1500


class Telemetry:
    def __init__(
        self,
        workspace: Workspace,
        endpoints: Endpoints,
        logs: Logs,
        metrics: Metrics,
        alerts: AlertInstances,
        history: History,
    ) -> None:
        self._workspace = workspace
        self._endpoints = endpoints
        self._logs = logs
        self._metrics = metrics
        self._alerts = alerts
        self._history = history

    def traffic(self, endpoint: str, start: datetime, end: datetime, bin_seconds: int) -> Traffic:
        """One window of traffic by deployment, our own probes left out. Read from Log Analytics."""
        _window(start, end)
        if bin_seconds < 1 or (end - start).total_seconds() / bin_seconds > MOST_BINS:
            raise Invalid(f"Bins of {bin_seconds} s are too narrow for this window; at most {MOST_BINS} are drawn.")
        return self._logs.traffic(endpoint, start, end, bin_seconds)

    def capacity(self, endpoint: str, start: datetime, end: datetime) -> tuple[CapacityPoint, ...]:
        """CPU, memory and capacity of the endpoint's present deployments, a point a minute."""
        _window(start, end)
        found = self._endpoints.get(endpoint)
        names = [deployment.name for deployment in found.deployments] if found else []
        return self._metrics.capacity(self._workspace.endpoint_id(endpoint), names, start, end)

    def console_log(self, endpoint: str, deployment: str, limit: int, search: str = "") -> tuple[LogLine, ...]:
        """The newest lines of a deployment's containers that hold `search`, oldest of them first."""
        return self._logs.console_log(self._workspace.endpoint_id(endpoint), deployment, limit, search)

    def events(self, endpoint: str, limit: int, deployment: str = "", search: str = "") -> tuple[LogLine, ...]:
        """The newest platform events of the endpoint or of one deployment, oldest of them first."""
        return self._logs.events(self._workspace.endpoint_id(endpoint), limit, deployment, search)

    def azure_alerts(self) -> AzureAlerts:
        """Which of Azure Monitor's own rules fire; a missing right is an answer, since asking again changes nothing."""
        try:
            return AzureAlerts(firing=self._alerts.firing())
        except CredentialsRejected as error:
            if not error.lacks_right:
                raise
            return AzureAlerts(refused=str(error))

    def marks(self, start: datetime, end: datetime) -> tuple[Mark, ...]:
        """Approvals, promotions, shifts and rollbacks as lines on the charts. Reads the database."""
        return self._history.marks(start, end)

    def serving(self, start: datetime, end: datetime) -> tuple[Serving, ...]:
        """Which deployment served when. Reads the database."""
        return self._history.serving(start, end)


def _window(start: datetime, end: datetime) -> None:
    if start >= end:
        raise Invalid("The window ends before it starts.")
