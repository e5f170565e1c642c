"""Traffic, console and event logs of endpoints, from Log Analytics."""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.domain.behaviour import Asked
from backend.domain.clock import Clock, utc_now
from backend.domain.key_rotation import Caller
from backend.domain.objectives import Counted
from backend.domain.telemetry import CallerCount, LogLine, Scores, StatusCount, Traffic, TrafficPoint, TrafficSummary
from backend.errors import RemoteUnavailable
from backend.gateways.credentials import ProgramIdentity
from backend.gateways.monitor import kusto
from backend.gateways.monitor.errors import SERVICE, monitor
from backend.settings import Settings

LOG_DAYS = 7
"""How far back the newest console and event lines are looked for."""

SCORES = "mlops-scores "
"""How a line of `training/score.py` begins that tells what a call was answered."""

REFUSED = "mlops-refused "
"""How a line of `training/score.py` begins that tells the field of a refusal."""

LONGEST_FIELD = 40

SCORE_LINES = 2000
"""The newest calls whose scores are compared: more would say no more, and cost at every look."""

Row = dict[str, Any]


class Logs:
    """One Log Analytics workspace. Lines arrive late: `data_until` says how late.

    `workspace_id` answers the workspace's customer id; it is asked once, at the first query.
    """

    def __init__(
        self,
        settings: Settings,
        workspace_id: Callable[[], str],
        identity: ProgramIdentity,
        clock: Clock = utc_now,
    ) -> None:
        self._cloud = settings.cloud
        self._find_workspace = workspace_id
        self._known_workspace = ""
        self._identity = identity
        self._clock = clock
        self._lock = threading.Lock()
        self._client: Any = None

    def traffic(self, endpoint: str, start: datetime, end: datetime, bin_seconds: int) -> Traffic:
        """Everything about one window, in one request."""
        window = (start, end)
        points, summaries, statuses, callers, newest = self._ask(
            "read the endpoint's traffic",
            [
                kusto.points(endpoint, bin_seconds),
                kusto.summaries(endpoint),
                kusto.statuses(endpoint),
                kusto.callers(endpoint),
                kusto.newest(endpoint),
            ],
            window,
        )
        return Traffic(
            endpoint=endpoint,
            start=start,
            end=end,
            bin_seconds=bin_seconds,
            points=tuple(TrafficPoint(at=as_moment(row["At"]), **_figures(row), **_classes(row)) for row in points),
            summaries=tuple(TrafficSummary(**_figures(row)) for row in summaries),
            statuses=tuple(_status(row) for row in statuses),
            callers=tuple(
                CallerCount(user_agent=str(row["UserAgent"] or ""), requests=int(row["Requests"])) for row in callers
            ),
            data_until=_newest(newest),
        )

    def summary(self, endpoint: str, deployment: str, start: datetime, end: datetime) -> TrafficSummary:
        """One deployment over a window, zero requests where it was not called. Our own probes are left out."""
        rows = self._one("read a deployment's traffic", kusto.one_summary(endpoint, deployment), (start, end))
        figures = _figures({**rows[0], "DeploymentName": deployment}) if rows else {}
        if not figures.get("requests"):
            return TrafficSummary(deployment=deployment, requests=0, errors=0, p50_ms=None, p95_ms=None, p99_ms=None)
        return TrafficSummary(**figures)

    def slower(self, endpoint: str, deployment: str, milliseconds: float, start: datetime, end: datetime) -> int:
        """How many of a deployment's calls took longer than that."""
        query = kusto.slower(endpoint, deployment, milliseconds)
        rows = self._one("count a deployment's slow calls", query, (start, end))
        return int(rows[0]["Requests"] or 0) if rows else 0

    def scores(self, resource_id: str, deployment: str, start: datetime, end: datetime) -> Scores:
        """What the newest calls were answered, by the scoring script's own word; none where it tells nothing."""
        query = kusto.marked_lines(resource_id, SCORES, SCORE_LINES, deployment)
        return as_scores(str(row["Message"]) for row in self._one("read a deployment's scores", query, (start, end)))

    def refused(self, resource_id: str, start: datetime, end: datetime, *, named: bool = True) -> Asked:
        """Calls of an endpoint, those whose input the model refused, and, if `named`, the fields that its log names."""
        queries = [kusto.refused(resource_id.rpartition("/")[2])]
        if named:
            queries.append(kusto.marked_lines(resource_id, REFUSED, SCORE_LINES))
        counts, *lines = self._ask("count refused requests", queries, (start, end))
        return Asked(
            since=start,
            until=end,
            calls=int(counts[0]["Calls"] or 0) if counts else 0,
            refused=int(counts[0]["Refused"] or 0) if counts else 0,
            fields=as_fields(str(row["Message"]) for rows in lines for row in rows),
        )

    def key_callers(self, endpoint: str, start: datetime, end: datetime) -> tuple[Caller, ...]:
        """Who called and how often in vain; the busiest 200 User-Agents."""
        rows = self._one("read who calls the endpoint", kusto.key_callers(endpoint), (start, end))
        return tuple(
            Caller(
                user_agent=str(row["UserAgent"] or ""),
                requests=int(row["Requests"]),
                denied=int(row["Denied"] or 0),
                last=as_moment(row["At"]),
            )
            for row in rows
        )

    def data_until(self, endpoint: str, start: datetime, end: datetime) -> datetime | None:
        """The newest line's time in the window: later calls may still be on their way."""
        return _newest(self._one("read how far the log has come", kusto.newest(endpoint), (start, end)))

    def counted(
        self, endpoint: str, until: datetime, windows: Sequence[timedelta], within_ms: float
    ) -> tuple[Counted, ...]:
        """What objectives are measured on, for windows that all end at `until`; in one request."""
        query = kusto.counted(endpoint, within_ms)
        asked = [(query, (until - window, until)) for window in windows]
        answers = self._ask_each("count calls for the objectives", asked)
        return tuple(
            Counted(
                seconds=window.total_seconds(),
                calls=int(rows[0]["Calls"] or 0) if rows else 0,
                failed=int(rows[0]["Failed"] or 0) if rows else 0,
                answered=int(rows[0]["Answered"] or 0) if rows else 0,
                slow=int(rows[0]["Slow"] or 0) if rows else 0,
            )
            for window, rows in zip(windows, answers, strict=True)
        )

    def console_log(self, resource_id: str, deployment: str, limit: int, search: str = "") -> tuple[LogLine, ...]:
        """What a deployment's containers wrote, oldest first; of all deployments where none is named.

        With `search` only lines that hold it, in upper or lower case.
        """
        query = kusto.console_lines(resource_id, deployment, limit, search)
        return _lines(self._one("read the console log", query, self._recently()), "ContainerName")

    def events(self, resource_id: str, limit: int, deployment: str = "", search: str = "") -> tuple[LogLine, ...]:
        """The endpoint's platform events (container started, model mounted, ...), oldest first; chosen as above."""
        query = kusto.event_lines(resource_id, limit, deployment, search)
        return _lines(self._one("read the event log", query, self._recently()), "Name")

    def _recently(self) -> tuple[datetime, datetime]:
        now = self._clock()
        return now - timedelta(days=LOG_DAYS), now

    def _one(self, operation: str, query: str, window: tuple[datetime, datetime]) -> list[Row]:
        client = self._connect()
        with monitor(operation):
            answer = client.query_workspace(self._workspace_id(), query, timespan=window, server_timeout=20)
        return _rows(operation, answer)

    def _ask(self, operation: str, queries: Sequence[str], window: tuple[datetime, datetime]) -> list[list[Row]]:
        return self._ask_each(operation, [(query, window) for query in queries])

    def _ask_each(self, operation: str, asked: Sequence[tuple[str, tuple[datetime, datetime]]]) -> list[list[Row]]:
        """Several queries in one request. In a batch a refused query is an object, not an exception."""
        from azure.core.exceptions import HttpResponseError
        from azure.monitor.query import LogsBatchQuery, LogsQueryStatus

        client = self._connect()
        workspace_id = self._workspace_id()
        batch = [
            LogsBatchQuery(workspace_id=workspace_id, query=query, timespan=window, server_timeout=20)
            for query, window in asked
        ]
        with monitor(operation):
            answers = client.query_batch(batch)
            for (query, window), answer in zip(asked, answers, strict=True):
                if answer.status == LogsQueryStatus.FAILURE:
                    # Asked again alone, the same query fails with an exception that carries the service's whole reason.
                    client.query_workspace(self._workspace_id(), query, timespan=window, server_timeout=20)
                    raise HttpResponseError(message=str(answer.message))
        return [_rows(operation, answer) for answer in answers]

    def _workspace_id(self) -> str:
        if not self._known_workspace:
            self._known_workspace = self._find_workspace()
        return self._known_workspace

    def _connect(self) -> Any:
        with self._lock:
            if self._client is None:
                from azure.monitor.query import LogsQueryClient

                self._client = LogsQueryClient(
                    self._identity.credential(),
                    endpoint=self._cloud.logs_endpoint,
                    audience=self._cloud.logs_audience,
                    connection_verify=self._cloud.ca_bundle or True,
                    connection_timeout=5,
                    read_timeout=30,
                    retry_total=2,
                )
            return self._client


def _rows(operation: str, answer: Any) -> list[Row]:
    """The first table as dictionaries. A partial answer is a failure: half a chart would be read as a whole one."""
    tables = getattr(answer, "tables", None)
    if tables is None:
        raise RemoteUnavailable(
            f"Azure Monitor answered only in part: {getattr(answer, 'partial_error', '')}. Ask for a shorter window.",
            service=SERVICE,
            operation=operation,
        )
    if not tables:
        return []
    names = list(tables[0].columns)
    return [dict(zip(names, row, strict=True)) for row in tables[0].rows]


def _figures(row: Row) -> dict[str, Any]:
    return {
        "deployment": str(row["DeploymentName"] or ""),
        "requests": int(row["Requests"] or 0),
        "errors": int(row["Errors"] or 0),
        "p50_ms": as_number(row["P50"]),
        "p95_ms": as_number(row["P95"]),
        "p99_ms": as_number(row["P99"]),
    }


def _status(row: Row) -> StatusCount:
    """The model's own reason where there is one: `ResponseCodeReason` of a 424 only says that the model failed."""
    return StatusCount(
        deployment=str(row["DeploymentName"] or ""),
        code=int(row["ResponseCode"] or 0),
        reason=str(row["ModelStatusReason"] or row["ResponseCodeReason"] or ""),
        requests=int(row["Requests"]),
        model_code=int(row["ModelStatusCode"] or 0),
    )


def _classes(row: Row) -> dict[str, int]:
    named = {"Platform", "Model", "Throttled", "Caller", "Mirrored"}
    return {**{name.lower(): int(row[name] or 0) for name in named}, "delay_ms": int(row["Delay"] or 0)}


def _newest(rows: list[Row]) -> datetime | None:
    """`max()` over no lines is the epoch in one dialect and null in the other; the count tells."""
    if not rows or not int(rows[0]["Lines"] or 0):
        return None
    return as_moment(rows[0]["At"])


def _lines(rows: list[Row], name: str) -> tuple[LogLine, ...]:
    return tuple(
        LogLine(
            at=as_moment(row["TimeGenerated"]),
            deployment=str(row["DeploymentName"] or ""),
            name=str(row[name] or ""),
            message=str(row["Message"] or ""),
        )
        for row in reversed(rows)
    )


def as_scores(lines: Iterable[str]) -> Scores:
    """The scores that lines of a console log tell."""
    positives, risks = 0, list[float]()
    for told in _told(lines, SCORES):
        try:
            found = [float(risk) for risk in told["risks"]]
            positives += min(int(told["positives"]), len(found))
        except (ValueError, KeyError, TypeError):
            continue
        risks += found
    return Scores(positives=positives, risks=tuple(risks))


def as_fields(lines: Iterable[str]) -> dict[str, int]:
    """How often each field is named by lines of a console log."""
    found: Counter[str] = Counter()
    for told in _told(lines, REFUSED):
        field = told.get("field") if isinstance(told, dict) else None
        if isinstance(field, str) and field.isprintable() and 0 < len(field) <= LONGEST_FIELD:
            found[field] += 1
    return dict(found)


def _told(lines: Iterable[str], marker: str) -> Iterator[Any]:
    """What stands as JSON behind the marker. A line that was cut, or is another program's, tells nothing."""
    for line in lines:
        _, found, text = line.partition(marker)
        if not found:
            continue
        try:
            told = json.loads(text)
        except ValueError:
            continue
        yield told


def as_number(value: object) -> float | None:
    """A real number; null and NaN (which the service sends as the string "NaN") are None."""
    if value is None or isinstance(value, str):
        return None
    number = float(value)  # type: ignore[arg-type]  # the SDK types cells as object
    return number if math.isfinite(number) else None


def as_moment(value: object) -> datetime:
    """An aware moment; the SDK answers datetimes, a stand-in dialect sometimes text."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
