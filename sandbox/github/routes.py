"""GitHub without Actions: REST below `/api/v3`, GraphQL at `/api/graphql`, git at `/{owner}/{repo}.git`."""

from __future__ import annotations

from functools import partial

from sandbox.github import recovery, smart_http, wire
from sandbox.github.graphql import endpoint as graphql
from sandbox.github.handlers import (
    actions_permissions,
    apps,
    branches,
    checks,
    commits,
    contents,
    deployments,
    environments,
    issues,
    pulls,
    record,
    repositories,
    reviews,
    rulesets,
    tags,
    users,
    variables,
)
from sandbox.service import Service
from sandbox.world import World

TABLES: tuple[wire.Routes, ...] = (
    users.ROUTES,
    repositories.ROUTES,
    branches.ROUTES,
    tags.ROUTES,
    commits.ROUTES,
    checks.ROUTES,
    commits.LAST_ROUTES,
    contents.ROUTES,
    pulls.ROUTES,
    reviews.ROUTES,
    record.ROUTES,
    issues.ROUTES,
    rulesets.ROUTES,
    deployments.ROUTES,
    environments.ROUTES,
    variables.ROUTES,
    actions_permissions.ROUTES,
)


def service(world: World) -> Service:
    rest = [route for table in TABLES for route in wire.routes(world, table)]
    routes = [*rest, *apps.routes(world), *graphql.routes(world), *smart_http.routes(world)]
    return Service(name="github", routes=routes, start=partial(recovery.resume, world))
