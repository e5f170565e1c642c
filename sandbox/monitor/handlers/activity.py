"""GET /subscriptions/{id}/providers/Microsoft.Insights/eventtypes/management/values: the activity log."""

from __future__ import annotations

import re
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.arm import activity
from sandbox.arm.authorisation import require
from sandbox.arm.ids import parse
from sandbox.monitor.errors import MetricsError
from sandbox.world import World

_FILTER = re.compile(
    r"\s*eventTimestamp ge '(?P<start>[^']+)' and eventTimestamp le '(?P<end>[^']+)' "
    r"and resourceUri eq '(?P<resource>/subscriptions/[^']+)'\s*",
    re.IGNORECASE,
)


def values(world: World, request: Request, raw: bytes) -> Response:  # noqa: ARG001 - one signature for all
    """What was done to one resource in a window, newest first, for whoever may read the resource."""
    asked = _FILTER.fullmatch(request.query_params.get("$filter", ""))
    if asked is None:
        raise MetricsError(501, "NotImplemented", "Only a filter of two times and a resourceUri is understood here.")
    resource = parse(asked["resource"])
    require(world, request, f"{resource.type}/providers/microsoft.insights/eventtypes/values/read", resource.text)
    try:
        start, end = (datetime.fromisoformat(asked[name]) for name in ("start", "end"))
    except ValueError as error:
        raise MetricsError(400, "BadRequest", f"The filter holds a time that is none: {error}") from error
    return JSONResponse({"value": activity.of_resource(world, resource.text, start, end)})
