"""Pull requests: one in full, what GitHub holds of it before a write, and the list through `Board`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.domain.reviews import CheckRun, CheckState, Problem, PullRequest, PullRequestDetail
from backend.errors import NotFound
from backend.gateways.github import codeowners, pages
from backend.gateways.github.checks import Checks
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.comparisons import COMPARISON_CHECK, read_comparison
from backend.gateways.github.contents import Contents
from backend.gateways.github.files import ChangedFiles
from backend.gateways.github.queries import ONE_PULL
from backend.gateways.github.rows import as_pull, as_review, login
from backend.gateways.github.rules import owner_rules, rules_of

CODEOWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order."""
REMEMBERED = 512
"""Failed checks whose problems are kept: what a completed check found does not change."""


@dataclass(frozen=True, slots=True)
class MergeState:
    """What GitHub holds of a pull request right now; `merged_sha` and `merged_by` are "" until it is merged."""

    number: int
    state: str
    title: str
    author: str
    head_ref: str
    head_sha: str
    merged_sha: str
    base_ref: str = ""
    merged_by: str = ""


class Pulls:
    """Reads."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection
        self._checks = Checks(connection)
        self._contents = Contents(connection)
        self._files = ChangedFiles(connection)
        self._problems: dict[int, tuple[Problem, ...]] = {}

    def detail(self, number: int) -> PullRequestDetail:
        """One pull request, open or closed, with its files, discussion, comparison and what blocks its merge.

        Costs one query; files, failed checks and another base's CODEOWNERS are asked for once and kept.
        """
        repository = self._connection.of_repository(ONE_PULL, "read a pull request", number=number)
        node = repository["pullRequest"]
        if node is None:
            raise NotFound(f"{self._connection.repository} has no pull request #{number}")
        files = self._files.of(number, node["headRefOid"], node["baseRefOid"])
        paths = [path for file in files for path in (file.path, file.previous_path) if path]
        rules = rules_of(node.get("baseRef") or repository.get("defaultBranchRef"))
        owners = self._owners(repository, node["baseRefName"]) if rules.code_owners else ()
        pull = self._with_problems(as_pull(node, rules, owners, paths))
        return PullRequestDetail(
            summary=pull,
            body=node.get("body") or "",
            files=files,
            comparison=_comparison(node),
            blockers=pull.blockers if node["state"] == "OPEN" else (),
            state=node["state"].lower(),
            merged_sha=(node.get("mergeCommit") or {}).get("oid", ""),
            merged_by=login(node["mergedBy"]) if node.get("mergedBy") else "",
            commits=pages.commits(node),
            commit_count=(node.get("latest") or {}).get("totalCount", 0),
            given=tuple(as_review(review) for review in pages.submitted(node)),
            threads=pages.threads(node),
        )

    def _owners(self, repository: Mapping[str, Any], base: str) -> tuple[codeowners.OwnerRule, ...]:
        """GitHub reads CODEOWNERS from the base branch; the query has those of the default branch."""
        if base == (repository.get("defaultBranchRef") or {}).get("name"):
            return owner_rules(repository)
        for path in CODEOWNERS:
            text = self._contents.file(path, base)
            if text is not None:
                return codeowners.parse(text.decode(errors="replace"))
        return ()

    def _with_problems(self, pull: PullRequest) -> PullRequest:
        """Give each failed check what it found, and one that has no title the first of it as its reason."""
        return pull.model_copy(update={"checks": tuple(self._told(check) for check in pull.checks)})

    def _told(self, check: CheckRun) -> CheckRun:
        if check.state is not CheckState.FAILED or not check.id:
            return check
        found = self._problems.get(check.id)
        if found is None:
            found = self._checks.problems(check.id)
            while len(self._problems) >= REMEMBERED:
                del self._problems[next(iter(self._problems))]
            self._problems[check.id] = found
        first = found[0].message.splitlines()[0] if found else ""
        return check.model_copy(update={"problems": found, "title": check.title or first})

    def merge_state(self, number: int) -> MergeState:
        """Read back before any second try: a merge whose answer was lost may have happened."""
        return _merge_state(self._connection.get(f"{{repo}}/pulls/{number}", "read a pull request"))

    def of_commit(self, sha: str) -> MergeState | None:
        """The merged pull request that made this commit, None for a commit that came by a push."""
        found = self._connection.pages(f"{{repo}}/commits/{sha}/pulls", "find a commit's pull request")
        states = [_merge_state(item) for item in found]
        return next((state for state in states if state.merged_sha == sha), None)


def _comparison(node: Mapping[str, Any]) -> Any:
    contexts = ((node.get("statusCheckRollup") or {}).get("contexts") or {}).get("nodes") or ()
    texts = (check.get("text") or "" for check in contexts if check.get("name") == COMPARISON_CHECK)
    return next((found for found in map(read_comparison, texts) if found is not None), None)


def _merge_state(answer: Mapping[str, Any]) -> MergeState:
    """From REST, where a list item has `merged_at` but no `merged`."""
    merged = bool(answer.get("merged") or answer.get("merged_at"))
    return MergeState(
        number=answer["number"],
        state="merged" if merged else answer["state"],
        title=answer["title"],
        author=login(answer.get("user")),
        head_ref=answer["head"]["ref"],
        head_sha=answer["head"]["sha"],
        merged_sha=(answer.get("merge_commit_sha") or "") if merged else "",
        base_ref=answer["base"]["ref"],
        merged_by=login(answer["merged_by"]) if answer.get("merged_by") else "",
    )
