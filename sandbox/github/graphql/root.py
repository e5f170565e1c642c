"""The entry points: queries and the three mutations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from graphql import GraphQLError

from sandbox.github import merging, pulls, repositories, reviews
from sandbox.github.errors import GitHubError
from sandbox.github.graphql.connections import Cost
from sandbox.github.graphql.errors import not_found, refused
from sandbox.github.graphql.pulls import PullView, pull_by_node, repository_view
from sandbox.github.graphql.views import Context, actor
from sandbox.github.merging import MergeRequest
from sandbox.github.quota import Quota

Result = TypeVar("Result")


class Root:
    """Both the query and the mutation root of one request."""

    def __init__(self, context: Context, cost: Cost, quota: Quota) -> None:
        self._context = context
        self._cost = cost
        self._quota = quota

    @property
    def viewer(self) -> dict[str, Any] | None:
        if self._context.caller.person is None:
            raise GraphQLError("Resource not accessible by integration", extensions={"type": "FORBIDDEN"})
        return actor(self._context, self._context.caller.login)

    def rate_limit(self, **_arguments: Any) -> dict[str, Any]:
        reset = datetime.fromtimestamp(self._quota.reset, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "limit": self._quota.limit,
            "cost": self._cost.points,
            "node_count": self._cost.nodes,
            "remaining": self._quota.remaining,
            "used": self._quota.used,
            "reset_at": reset,
        }

    def repository(self, *, owner: str, name: str, **_arguments: Any) -> dict[str, Any]:
        found = repositories.find(self._context.world, f"{owner}/{name}")
        if found is None or self._context.caller.permission(found) == "none":
            raise not_found("a Repository", f"name '{owner}/{name}'")
        return repository_view(self._context, found)

    def node(self, *, id: str) -> Any:  # noqa: A002  # GitHub's name of the argument
        if id.startswith("PRRT_"):
            view, number = pull_by_node(self._context, id, "PRRT")
            for thread in reviews.threads(self._context.world, view.pull):
                if thread["id"] == number:
                    return view.thread(thread)
        return pull_by_node(self._context, id, "PR")[0]

    def nodes(self, *, ids: list[str]) -> list[Any]:
        return [self.node(id=one) for one in ids]

    def add_pull_request_review(self, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002  # as above
        view, _ = pull_by_node(self._context, input["pull_request_id"], "PR")
        given: dict[str, Any] = {"body": input.get("body"), "commit_id": input.get("commit_oid")}
        given["comments"] = list(input.get("threads") or ())
        if input.get("event"):
            given["event"] = input["event"]

        def review() -> dict[str, Any]:
            action = "comment" if self._context.caller.person else "write"
            self._context.caller.require(view.document, "pull_requests", action)
            return view.review(reviews.create(self._context.world, view.pull, self._context.caller, given))

        return {"client_mutation_id": input.get("client_mutation_id"), "pull_request_review": _as_graphql(review)}

    def merge_pull_request(self, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002  # as above
        view, _ = pull_by_node(self._context, input["pull_request_id"], "PR")
        wanted = MergeRequest(
            method=str(input.get("merge_method") or "MERGE").lower(),
            sha=input.get("expected_head_oid") or "",
            title=input.get("commit_headline") or "",
            message=input.get("commit_body"),
        )

        def merged() -> PullView:
            pull = merging.merge(self._context.world, view.document, view.pull["number"], self._context.caller, wanted)
            return PullView(self._context, view.document, pull)

        pull = _as_graphql(merged)
        answer = {"actor": actor(self._context, self._context.caller.login), "pull_request": pull}
        return {"client_mutation_id": input.get("client_mutation_id"), **answer}

    def resolve_review_thread(self, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002  # as above
        view, number = pull_by_node(self._context, input["thread_id"], "PRRT")
        if not view.viewer_can_update:
            raise GraphQLError("Resource not accessible by integration", extensions={"type": "FORBIDDEN"})
        login = self._context.caller.login
        thread = _as_graphql(lambda: reviews.resolve_thread(self._context.world, view.pull, number, login))
        pulls.change(self._context.world, view.pull)
        return {"client_mutation_id": input.get("client_mutation_id"), "thread": view.thread(thread)}


def _as_graphql(work: Callable[[], Result]) -> Result:
    """What REST refuses, GraphQL refuses in the same words with a type of its own."""
    try:
        return work()
    except GitHubError as error:
        detail = "; ".join(entry for entry in error.errors if isinstance(entry, str))
        raise refused(error.status, detail or error.message) from error
