"""Azure Monitor: Log Analytics queries, platform metrics, and the alerts of rules on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.arm.routing import ArmRoute
from sandbox.monitor import tables
from sandbox.monitor.errors import MetricsError, QueryError
from sandbox.monitor.handlers import activity, alerts, batch, metrics, query
from sandbox.service import Service
from sandbox.world import World

Answer = Callable[[World, Request, bytes], Response]


def service(world: World) -> Service:
    routes: list[BaseRoute] = [
        ArmRoute(world, alerts.handlers()),
        Route("/v1/$batch", _endpoint(world, batch.batch), methods=["POST"]),
        Route("/v1/workspaces/{guid}/query", _endpoint(world, query.workspace_query), methods=["POST"]),
        Route("/v1/{resource:path}/query", _endpoint(world, query.resource_query), methods=["POST"]),
        Route("/subscriptions/{subscription}/metrics:getBatch", _endpoint(world, metrics.batch), methods=["POST"]),
    ]
    for provider in ("Microsoft.Insights", "microsoft.insights"):
        path = f"/subscriptions/{{resource:path}}/providers/{provider}/metrics"
        routes.append(Route(path, _endpoint(world, metrics.resource), methods=["GET"]))
        log = f"/subscriptions/{{subscription}}/providers/{provider}/eventtypes/management/values"
        routes.append(Route(log, _endpoint(world, activity.values), methods=["GET"]))
    return Service(name="monitor", routes=routes, start=lambda: _open(world), stop=lambda: tables.close(world))


def _open(world: World) -> None:
    tables.store(world)


def _endpoint(world: World, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        raw = await request.body()
        try:
            return await run_in_threadpool(answer, world, request, raw)
        except (QueryError, MetricsError) as error:
            return error.response()

    respond.__doc__ = answer.__doc__
    return respond
