"""POST /subscriptions/{id}/metrics:getBatch and GET {resource}/providers/Microsoft.Insights/metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from sandbox.arm.authorisation import require
from sandbox.arm.ids import parse
from sandbox.arm.operations import LOCATION
from sandbox.monitor.access import metrics_reader
from sandbox.monitor.errors import MetricsError, QueryError
from sandbox.monitor.metrics import AGGREGATIONS, Request, measured
from sandbox.monitor.models import moment, window
from sandbox.world import World

_TERM = re.compile(r"\s*([A-Za-z_]+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE)


def batch(world: World, request: HttpRequest, raw: bytes) -> Response:
    """The same metrics of several resources, in the order in which they were named."""
    subscription = request.path_params["subscription"]
    metrics_reader(world, request, subscription)
    try:
        resources = [str(item) for item in json.loads(raw)["resourceids"]]
    except (ValueError, KeyError, TypeError) as error:
        raise MetricsError(400, "BadRequest", "The body must be an object with a list of resourceids.") from error
    foreign = [item for item in resources if not item.lower().startswith(f"/subscriptions/{subscription.lower()}/")]
    if foreign or not resources:
        raise MetricsError(400, "BadRequest", f"Every resource must be in subscription {subscription}.")
    query = request.query_params
    start, end = _times(query, world.now())
    wanted = _wanted(query, query.get("metricnamespace", ""), start, end)
    values = [{**_frame(wanted), "resourceid": item, "value": measured(world, item, wanted)} for item in resources]
    return JSONResponse({"values": values})


def resource(world: World, request: HttpRequest, raw: bytes) -> Response:  # noqa: ARG001 - one signature for all
    """The metrics of one resource, for whoever may read it."""
    resource_id = "/subscriptions/" + request.path_params["resource"]
    require(world, request, f"{parse(resource_id).type}/providers/microsoft.insights/metrics/read", resource_id)
    query = request.query_params
    try:
        seen = window(query.get("timespan") or "PT1H", world.now())
    except QueryError as error:
        raise MetricsError(400, "BadRequest", error.message) from error
    end = seen.end or world.now()
    wanted = _wanted(query, query.get("metricnamespace") or parse(resource_id).type, seen.start or end, end)
    body = {"cost": 0, "timespan": _timespan(wanted), **_frame(wanted), "value": measured(world, resource_id, wanted)}
    return JSONResponse({name: value for name, value in body.items() if name not in {"starttime", "endtime"}})


def _wanted(query: Mapping[str, str], namespace: str, start: datetime, end: datetime) -> Request:
    names = [unquote(name).strip() for name in query.get("metricnames", "").split(",") if name.strip()]
    if not names:
        raise MetricsError(400, "BadRequest", "At least one metric name is needed in metricnames.")
    asked = [name.strip() for name in query.get("aggregation", "Average").split(",") if name.strip()]
    spelled = {name.lower(): name for name in AGGREGATIONS}
    split, only = _conditions(query.get("filter") or query.get("$filter") or "")
    top = query.get("top", "10")
    return Request(
        namespace=namespace,
        names=names,
        start=start,
        end=end,
        interval=query.get("interval") or "PT1M",
        aggregations=[spelled.get(name.lower(), name) for name in asked],
        split=split,
        only=only,
        top=int(top) if top.isdigit() else 10,
    )


def _conditions(text: str) -> tuple[list[str], dict[str, list[str]]]:
    """`a eq '*' and b eq 'x' or b eq 'y'` -> split by a and b, b limited to x and y."""
    split: list[str] = []
    only: dict[str, list[str]] = {}
    for term in re.split(r"\s+(?:and|or)\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        match = _TERM.fullmatch(term)
        if match is None:
            raise MetricsError(400, "BadRequest", f"The filter is not understood at: {term}")
        name, value = match[1], unquote(match[2])
        if name not in split:
            split.append(name)
        if value != "*":
            only.setdefault(name, []).append(value)
    return split, only


def _times(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    try:
        end = moment(query["endtime"]) if query.get("endtime") else now
        return (moment(query["starttime"]) if query.get("starttime") else end - timedelta(hours=1)), end
    except ValueError as error:
        raise MetricsError(400, "BadRequest", f"starttime and endtime must be ISO 8601 times: {error}") from error


def _frame(wanted: Request) -> dict[str, Any]:
    return {
        "starttime": _iso(wanted.start),
        "endtime": _iso(wanted.end),
        "interval": wanted.interval,
        "namespace": wanted.namespace,
        "resourceregion": LOCATION,
    }


def _timespan(wanted: Request) -> str:
    return f"{_iso(wanted.start)}/{_iso(wanted.end)}"


def _iso(moment_: datetime) -> str:
    return moment_.isoformat().replace("+00:00", "Z")
