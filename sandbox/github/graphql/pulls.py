"""Pull requests, their reviews, threads and files as GraphQL sees them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sandbox.github import comments, gate, pulls, reviews
from sandbox.github.access import can_push
from sandbox.github.errors import GitHubError
from sandbox.github.graphql.connections import connection
from sandbox.github.graphql.errors import not_found
from sandbox.github.graphql.views import CommitView, Context, actor, branch_ref, commit_view, git_object, rollup
from sandbox.github.models import ChangedFile
from sandbox.github.payloads.pulls import LABEL_COLOUR
from sandbox.github.payloads.repositories import html_url
from sandbox.state.documents import Document

CHANGE_TYPES = {"removed": "DELETED", "changed": "CHANGED"}
SORT_KEYS = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at", "COMMENTS": "number"}
STORED_FIELDS = {
    "number": "number",
    "title": "title",
    "is_draft": "draft",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "closed_at": "closed_at",
    "merged_at": "merged_at",
    "base_ref_name": "base_ref",
    "head_ref_name": "head_ref",
    "head_ref_oid": "head_sha",
    "database_id": "id",
}


def repository_view(context: Context, repository: Document) -> dict[str, Any]:
    """A repository with its pull requests."""
    name = repository["full_name"]

    def one(*, number: int) -> PullView:
        found = pulls.find(context.world, name, number)
        if found is None:
            raise not_found("a PullRequest", f"number of {number}")
        return PullView(context, repository, found)

    def many(**arguments: Any) -> dict[str, Any]:
        found = [PullView(context, repository, pull) for pull in pulls.every(context.world, name)]
        return connection(_selected(found, arguments), "pullRequests", arguments)

    return {
        "__typename": "Repository",
        "id": f"R_{repository['id']}",
        "database_id": repository["id"],
        "name": repository["name"],
        "name_with_owner": name,
        "description": repository["description"],
        "is_private": repository["private"],
        "url": html_url(context.world, repository),
        "viewer_permission": context.caller.permission(repository).upper(),
        "squash_merge_allowed": repository["allow_squash_merge"],
        "merge_commit_allowed": repository["allow_merge_commit"],
        "rebase_merge_allowed": repository["allow_rebase_merge"],
        "delete_branch_on_merge": repository["delete_branch_on_merge"],
        "default_branch_ref": lambda: branch_ref(context, repository, repository["default_branch"]),
        "object": lambda **given: git_object(context, repository, given.get("expression") or given.get("oid") or ""),
        "pull_request": one,
        "pull_requests": many,
    }


def _selected(found: list[PullView], arguments: dict[str, Any]) -> list[PullView]:
    if arguments.get("states"):
        found = [view for view in found if view.state in arguments["states"]]
    for argument, field in (("base_ref_name", "base_ref"), ("head_ref_name", "head_ref")):
        if arguments.get(argument):
            found = [view for view in found if view.pull[field] == arguments[argument]]
    if arguments.get("labels"):
        found = [view for view in found if set(arguments["labels"]) & set(view.pull["labels"])]
    order = arguments.get("order_by") or {"field": "CREATED_AT", "direction": "ASC"}
    key = SORT_KEYS[order["field"]]
    return sorted(found, key=lambda view: (view.pull[key], view.pull["number"]), reverse=order["direction"] == "DESC")


class PullView:
    """One pull request; what several fields need is read once."""

    typename = "PullRequest"
    locked = False

    def __init__(self, context: Context, repository: Document, pull: Document) -> None:
        self.context = context
        self.document = repository
        self.pull = pull
        self._git = context.git(repository)

    def __getattr__(self, name: str) -> Any:
        if name in STORED_FIELDS:
            return self.pull[STORED_FIELDS[name]]
        raise AttributeError(name)

    @property
    def id(self) -> str:
        return f"PR_{self.pull['id']}_{self.pull['number']}_{self.document['id']}"

    @property
    def url(self) -> str:
        return f"{html_url(self.context.world, self.document)}/pull/{self.pull['number']}"

    permalink = url

    @property
    def repository(self) -> dict[str, Any]:
        return repository_view(self.context, self.document)

    base_repository = repository

    @property
    def state(self) -> str:
        return "MERGED" if self.pull["merged_at"] else str(self.pull["state"]).upper()

    @property
    def merged(self) -> bool:
        return self.pull["merged_at"] is not None

    @property
    def closed(self) -> bool:
        return bool(self.pull["state"] == "closed")

    @property
    def body(self) -> str:
        return self.pull["body"] or ""

    body_text = body

    @property
    def author(self) -> dict[str, Any] | None:
        return actor(self.context, self.pull["author"])

    @property
    def merged_by(self) -> dict[str, Any] | None:
        return actor(self.context, self.pull["merged_by"])

    @property
    def is_cross_repository(self) -> bool:
        return bool(self.pull.get("head_owner"))

    @property
    def head_repository_owner(self) -> dict[str, Any] | None:
        owner = self.pull.get("head_owner")
        if owner is None:
            return actor(self.context, self.document["owner"])
        return {**(actor(self.context, owner) or {}), "__typename": "User"}

    @property
    def base_ref(self) -> dict[str, Any] | None:
        return branch_ref(self.context, self.document, self.pull["base_ref"])

    @property
    def base_ref_oid(self) -> str:
        return pulls.base_tip(self._git, self.pull)

    @cached_property
    def _files(self) -> tuple[ChangedFile, ...]:
        return pulls.changed_files(self._git, self.pull)

    @property
    def additions(self) -> int:
        return sum(file.additions for file in self._files)

    @property
    def deletions(self) -> int:
        return sum(file.deletions for file in self._files)

    @property
    def changed_files(self) -> int:
        return len(self._files)

    @cached_property
    def _assessment(self) -> gate.Assessment | None:
        return gate.assess(self.context.world, self.document, self.pull) if self.state == "OPEN" else None

    @property
    def mergeable(self) -> str:
        if self._assessment is None:
            return "UNKNOWN"
        return "MERGEABLE" if self._assessment.mergeable else "CONFLICTING"

    @property
    def merge_state_status(self) -> str:
        return self._assessment.state if self._assessment else "UNKNOWN"

    @property
    def review_decision(self) -> str | None:
        return self._assessment.decision if self._assessment else None

    @property
    def merge_commit(self) -> CommitView | None:
        return commit_view(self.context, self.document, self.pull["merge_commit_sha"])

    @property
    def viewer_did_author(self) -> bool:
        return bool(self.context.caller.login == self.pull["author"])

    @property
    def viewer_can_update(self) -> bool:
        return self.viewer_did_author or self.context.caller.may(self.document, "pull_requests", "write")

    @property
    def viewer_can_merge_as_admin(self) -> bool:
        return False

    @property
    def status_check_rollup(self) -> dict[str, Any] | None:
        return rollup(self.context, self.document, self.pull["head_sha"])

    def labels(self, **arguments: Any) -> dict[str, Any]:
        rows = [{"id": f"LA_{name}", "name": name, "color": LABEL_COLOUR} for name in self.pull["labels"]]
        return connection([row | {"description": None} for row in rows], "labels", arguments)

    def review_requests(self, **arguments: Any) -> dict[str, Any]:
        rows = [
            {"id": f"RRQ_{self.pull['id']}_{login}", "as_code_owner": owner} | {"requested_reviewer": self._user(login)}
            for login, owner in self.pull["requested_reviewers"].items()
        ]
        return connection(rows, "reviewRequests", arguments)

    def _user(self, login: str) -> dict[str, Any] | None:
        return actor(self.context, login)

    @cached_property
    def _reviews(self) -> list[Document]:
        return reviews.submitted(self.context.world, self.pull)

    def reviews(self, **arguments: Any) -> dict[str, Any]:
        found = [
            review
            for review in self._reviews
            if (not arguments.get("states") or review["state"] in arguments["states"])
            and (not arguments.get("author") or review["user"] == arguments["author"])
        ]
        return connection([self.review(review) for review in found], "reviews", arguments)

    def latest_reviews(self, **arguments: Any) -> dict[str, Any]:
        found = reviews.latest(review for review in self._reviews if review["user"] != self.pull["author"])
        return connection([self.review(review) for review in found], "latestReviews", arguments)

    def latest_opinionated_reviews(self, *, writers_only: bool = False, **arguments: Any) -> dict[str, Any]:
        found = [
            review
            for review in reviews.latest_opinions(self._reviews)
            if not writers_only or can_push(review["user"], self.document)
        ]
        return connection([self.review(review) for review in found], "latestOpinionatedReviews", arguments)

    def review(self, given: Document) -> dict[str, Any]:
        return {
            "__typename": "PullRequestReview",
            "id": f"PRR_{given['id']}",
            "database_id": given["id"],
            "author": self._user(given["user"]),
            "author_can_push_to_repository": can_push(given["user"], self.document),
            "body": given["body"],
            "state": given["state"],
            "created_at": given["submitted_at"] or self.pull["updated_at"],
            "submitted_at": given["submitted_at"],
            "commit": lambda: commit_view(self.context, self.document, given["commit_id"]),
            "url": f"{self.url}#pullrequestreview-{given['id']}",
        }

    def review_threads(self, **arguments: Any) -> dict[str, Any]:
        found = reviews.threads(self.context.world, self.pull)
        return connection([self.thread(thread) for thread in found], "reviewThreads", arguments)

    def thread(self, given: Document) -> dict[str, Any]:
        def page(**arguments: Any) -> dict[str, Any]:
            found = reviews.comments(self.context.world, self.pull)
            mine = [self._line_comment(comment) for comment in found if comment["thread"] == given["id"]]
            return connection(mine, "comments", arguments)

        return {
            "__typename": "PullRequestReviewThread",
            "id": f"PRRT_{given['id']}_{self.pull['number']}_{self.document['id']}",
            "is_resolved": given["resolved"],
            "is_outdated": all(file.path != given["path"] for file in self._files),
            "path": given["path"],
            "line": given["line"],
            "diff_side": "RIGHT",
            "resolved_by": self._user(given["resolved_by"]) if given["resolved_by"] else None,
            "viewer_can_resolve": self.viewer_can_update,
            "comments": page,
        }

    def _line_comment(self, given: Document) -> dict[str, Any]:
        return {
            "id": f"PRRC_{given['id']}",
            "database_id": given["id"],
            "author": self._user(given["user"]),
            "body": given["body"],
            "created_at": given["created_at"],
            "diff_hunk": given["diff_hunk"],
            "path": given["path"],
            "commit": lambda: commit_view(self.context, self.document, given["commit_id"]),
            "url": f"{self.url}#discussion_r{given['id']}",
        }

    def comments(self, **arguments: Any) -> dict[str, Any]:
        rows = [
            {
                "id": f"IC_{given['id']}",
                "database_id": given["id"],
                "author": self._user(given["user"]),
                "body": given["body"],
                "created_at": given["created_at"],
                "updated_at": given["updated_at"],
                "url": f"{self.url}#issuecomment-{given['id']}",
            }
            for given in comments.every(self.context.world, self.pull)
        ]
        return connection(rows, "comments", arguments)

    def files(self, **arguments: Any) -> dict[str, Any]:
        rows = [
            {
                "path": file.path,
                "additions": file.additions,
                "deletions": file.deletions,
                "change_type": CHANGE_TYPES.get(file.status, file.status.upper()),
            }
            for file in self._files
        ]
        return connection(rows, "files", arguments)

    def commits(self, **arguments: Any) -> dict[str, Any]:
        rows = [
            {
                "id": f"PRC_{sha}",
                "commit": CommitView(self.context, self.document, self._git.commit(sha)),
                "url": f"{self.url}/commits/{sha}",
            }
            for sha in pulls.commits(self._git, self.pull)
        ]
        return connection(rows, "commits", arguments)


def pull_by_node(context: Context, node_id: str, kind: str) -> tuple[PullView, int]:
    """The pull request that a node id `<kind>_<id>_<number>_<repository id>` lies in, and the id within it."""
    from sandbox.github import repositories

    parts = node_id.split("_")
    if len(parts) == 4 and parts[0] == kind and all(part.isdigit() for part in parts[1:]):
        for repository in repositories.every(context.world):
            if repository["id"] == int(parts[3]) and context.caller.permission(repository) != "none":
                try:
                    pull = pulls.get(context.world, repository["full_name"], int(parts[2]))
                except GitHubError:
                    break
                return PullView(context, repository, pull), int(parts[1])
    raise not_found("a node", f"global id of '{node_id}'")
