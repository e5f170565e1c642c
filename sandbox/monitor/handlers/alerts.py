"""GET {scope}/providers/Microsoft.AlertsManagement/alerts: what fired in 30 days, and whether it still does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from sandbox.arm.authorisation import may
from sandbox.arm.errors import ArmError, bad_request
from sandbox.arm.ids import parse
from sandbox.arm.routing import Call, Handler
from sandbox.monitor.errors import MetricsError
from sandbox.monitor.fired import alerts
from sandbox.state.documents import Document

RANGES = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SAME = ("targetResource", "targetResourceGroup", "targetResourceType", "monitorCondition", "severity", "alertRule")
"""Filters that an alert passes whose essential of that name is the same, upper or lower case."""
UNDERSTOOD = {*SAME, "timeRange", "pageCount", "ctoken", "api-version"}
READ = "microsoft.alertsmanagement/alerts/read"
PAGE, LARGEST_PAGE = 25, 250


def handlers() -> dict[str, Handler]:
    return {"GET Microsoft.AlertsManagement/alerts": list_alerts}


def list_alerts(call: Call) -> Response:
    """The alerts on what lies at or below the scope and the caller may read, the last changed first, by pages."""
    unknown = sorted(call.query.keys() - UNDERSTOOD)
    if unknown:
        raise ArmError(501, "NotImplemented", f"The sandbox lists alerts without {', '.join(unknown)}.")
    size, begin = _whole(call, "pageCount", PAGE), _whole(call, "ctoken", 0)
    if not 1 <= size <= LARGEST_PAGE:
        raise bad_request(f"pageCount is between 1 and {LARGEST_PAGE}.", code="BadRequest")
    wanted = _filter(call)
    try:
        found = [alert for alert in alerts(call.world) if wanted(alert["properties"]["essentials"])]
    except MetricsError as error:
        raise ArmError(error.status, error.code, error.message) from error
    found.sort(key=lambda alert: str(alert["properties"]["essentials"]["lastModifiedDateTime"]), reverse=True)
    answer: Document = {"value": found[begin : begin + size]}
    if begin + size < len(found):
        following = QueryParams({**call.query, "ctoken": str(begin + size)})
        answer["nextLink"] = f"{call.world.settings.url}{call.id.text}?{following}"
    return JSONResponse(answer)


def _filter(call: Call) -> Callable[[Mapping[str, Any]], bool]:
    """Azure's time range is of when an alert fired: one that has fired for two days is not among those of a day."""
    asked = call.query.get("timeRange") or "1d"
    if asked not in RANGES:
        raise bad_request(f"timeRange is one of {', '.join(RANGES)}, not {asked}.", code="BadRequest")
    oldest = call.world.now() - RANGES[asked]
    same = {name: call.query[name].lower() for name in SAME if call.query.get(name)}
    below = call.id.scope.lower().rstrip("/")

    def wanted(essentials: Mapping[str, Any]) -> bool:
        target = str(essentials["targetResource"])
        return (
            f"{target}/".startswith(f"{below}/")
            and datetime.fromisoformat(essentials["startDateTime"]) >= oldest
            and all(str(essentials[name]).lower() == value for name, value in same.items())
            and may(call.world, call.principal, READ, parse(target))
        )

    return wanted


def _whole(call: Call, name: str, otherwise: int) -> int:
    text = call.query.get(name) or str(otherwise)
    if not text.isdigit():
        raise bad_request(f"{name} is a whole number, not {text}.", code="BadRequest")
    return int(text)
