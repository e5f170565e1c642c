"""GitHub without Actions: REST below `/api/v3`, GraphQL at `/api/graphql`, git at `/{owner}/{repo}.git`."""

from __future__ import annotations

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
    hooks,
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
from sandbox.github.hook_post import Post
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
    post = Post(world)
    rest = [route for table in (*TABLES, hooks.routes(post)) for route in wire.routes(world, table)]
    routes = [*rest, *apps.routes(world), *graphql.routes(world), *smart_http.routes(world)]

    def start() -> None:
        post.start()
        recovery.resume(world)

    return Service(name="github", routes=routes, start=start, stop=post.stop)
