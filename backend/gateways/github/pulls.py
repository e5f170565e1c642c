"""Pull requests: the list in one GraphQL query a page, one in full, and a person's own verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.domain.reviews import ChangedFile, CheckState, PullRequest, PullRequestDetail
from backend.errors import NotFound
from backend.gateways.github import codeowners
from backend.gateways.github.blockers import blockers
from backend.gateways.github.checks import Checks
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.contents import Contents
from backend.gateways.github.queries import ONE_PULL, OPEN_PULLS
from backend.gateways.github.rows import GHOST, as_pull, required_contexts
from backend.gateways.github.rules import branch_rules

PAGE = 25
"""Rows a GraphQL page: 100 open pull requests cost 4 calls, and each stays far from the resource limit."""

CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order."""


@dataclass(frozen=True, slots=True)
class MergeState:
    """What GitHub holds of a pull request right now; `merged_sha` is "" until it is merged."""

    number: int
    state: str
    title: str
    author: str
    head_ref: str
    head_sha: str
    merged_sha: str


class Pulls:
    """Reads."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection
        self._owner, self._name = connection.repository.split("/")
        self._checks = Checks(connection)
        self._contents = Contents(connection)

    def open(self) -> tuple[PullRequest, ...]:
        """All open pull requests, most recently updated first."""
        found: list[PullRequest] = []
        after: str | None = None
        while True:
            repository = self._ask(OPEN_PULLS, "list pull requests", first=PAGE, after=after)
            required = required_contexts(repository)
            page = repository["pullRequests"]
            found.extend(as_pull(node, required) for node in page["nodes"])
            if not page["pageInfo"]["hasNextPage"]:
                return tuple(found)
            after = page["pageInfo"]["endCursor"]

    def detail(self, number: int) -> PullRequestDetail:
        """One pull request, open or closed, with its files, comparison and what blocks its merge."""
        repository = self._ask(ONE_PULL, "read a pull request", number=number)
        node = repository["pullRequest"]
        if node is None:
            raise NotFound(f"{self._connection.repository} has no pull request #{number}")
        pull = self._with_reasons(as_pull(node, required_contexts(repository)))
        files = self.files(number)
        return PullRequestDetail(
            summary=pull,
            body=node.get("body") or "",
            files=files,
            comparison=self._checks.comparison(pull.head_sha),
            blockers=self._blockers(pull, files) if node["state"] == "OPEN" else (),
            state=node["state"].lower(),
            merged_sha=(node.get("mergeCommit") or {}).get("oid", ""),
        )

    def files(self, number: int) -> tuple[ChangedFile, ...]:
        """Changed files with their patches; GitHub gives none for binary and very large ones."""
        found = self._connection.pages(f"{{repo}}/pulls/{number}/files", "read a pull request's files")
        return tuple(
            ChangedFile(
                path=item["filename"],
                status=item["status"],
                additions=item["additions"],
                deletions=item["deletions"],
                patch=item.get("patch") or "",
            )
            for item in found
        )

    def _with_reasons(self, pull: PullRequest) -> PullRequest:
        """Give each failed check that has no title the reason it printed."""
        told = tuple(
            check.model_copy(update={"title": self._checks.reason(check.id)})
            if check.state is CheckState.FAILED and check.id and not check.title
            else check
            for check in pull.checks
        )
        return pull.model_copy(update={"checks": told})

    def merge_state(self, number: int) -> MergeState:
        """Read back before any second try: a merge whose answer was lost may have happened."""
        return _merge_state(self._connection.get(f"{{repo}}/pulls/{number}", "read a pull request"))

    def of_commit(self, sha: str) -> MergeState | None:
        """The merged pull request that made this commit, None for a commit that came by a push."""
        found = self._connection.pages(f"{{repo}}/commits/{sha}/pulls", "find a commit's pull request")
        states = [_merge_state(item) for item in found]
        return next((state for state in states if state.merged_sha == sha), None)

    def _blockers(self, pull: PullRequest, files: tuple[ChangedFile, ...]) -> tuple[Any, ...]:
        rules = branch_rules(self._connection, pull.base_ref)
        owners: tuple[tuple[str, ...], ...] = ()
        if rules.code_owners:
            owners = codeowners.owners_of(self._owner_rules(pull.base_ref), [file.path for file in files])
        return blockers(pull, rules, owners)

    def _owner_rules(self, base: str) -> tuple[codeowners.OwnerRule, ...]:
        for path in CODEOWNERS:
            text = self._contents.file(path, base)
            if text is not None:
                return codeowners.parse(text.decode(errors="replace"))
        return ()

    def _ask(self, query: str, operation: str, **variables: str | int | None) -> dict[str, Any]:
        data = self._connection.graphql(query, {"owner": self._owner, "name": self._name, **variables}, operation)
        if data.get("repository") is None:
            raise NotFound(f"GitHub shows no repository {self._connection.repository} to this token")
        return dict(data["repository"])


def _merge_state(answer: Mapping[str, Any]) -> MergeState:
    """From REST, where a list item has `merged_at` but no `merged`."""
    merged = bool(answer.get("merged") or answer.get("merged_at"))
    return MergeState(
        number=answer["number"],
        state="merged" if merged else answer["state"],
        title=answer["title"],
        author=answer["user"]["login"] if answer.get("user") else GHOST,
        head_ref=answer["head"]["ref"],
        head_sha=answer["head"]["sha"],
        merged_sha=(answer.get("merge_commit_sha") or "") if merged else "",
    )


class Verdicts:
    """Reviews and merges as the person whose token the connection holds. Each names the commit it is about."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def approve(self, number: int, head_sha: str, reason: str) -> None:
        """Approve this commit. Raises RemoteRejected with GitHub's sentence (own pull request, closed, ...)."""
        self._review(number, head_sha, "APPROVE", reason, "approve")

    def request_changes(self, number: int, head_sha: str, reason: str) -> None:
        self._review(number, head_sha, "REQUEST_CHANGES", reason, "request changes")

    def reviewed(self, number: int, login: str, head_sha: str, state: str) -> bool:
        """Whether `login`'s latest verdict on this commit is `state` (`APPROVED`, `CHANGES_REQUESTED`)."""
        reviews = self._connection.pages(f"{{repo}}/pulls/{number}/reviews", "read reviews")
        states = [
            review["state"]
            for review in reviews
            if review["user"] and review["user"]["login"] == login and review["commit_id"] == head_sha
        ]
        verdicts = [state for state in states if state in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}]
        return bool(verdicts) and verdicts[-1] == state

    def merge(self, number: int, head_sha: str, title: str, reason: str = "") -> str:
        """Squash-merge exactly this head and answer the commit made.

        Raises RemoteRejected with the rule that refuses it, or if the head has moved.
        """
        body = {
            "merge_method": "squash",
            "sha": head_sha,
            "commit_title": f"{title} (#{number})",
            "commit_message": reason,
        }
        answer = self._connection.send("PUT", f"{{repo}}/pulls/{number}/merge", "merge", body)
        return str(answer["sha"])

    def login(self) -> str:
        """Whose token this is."""
        return str(self._connection.get("/user", "read whose token this is")["login"])

    def _review(self, number: int, head_sha: str, event: str, reason: str, operation: str) -> None:
        body = {"event": event, "commit_id": head_sha, "body": reason, "comments": []}
        self._connection.send("POST", f"{{repo}}/pulls/{number}/reviews", operation, body)
