"""Pull requests as GitHub reports them. Titles, bodies, branches and patches are outside text."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.comparison import Comparison
from backend.domain.gates import GATES_PATH
from backend.domain.value import Value


class CheckState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class CheckRun(Value):
    """One check on a commit; `summary` is markdown written by the check, `reason` its first plain sentence."""

    id: int
    name: str
    state: CheckState
    required: bool = False
    title: str = ""
    summary: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    url: str = ""


class Review(Value):
    author: str
    state: str
    commit: str
    submitted_at: datetime
    body: str = ""


class Mergeability(StrEnum):
    """GitHub's own answer; CHECKING until it has computed one."""

    CHECKING = "checking"
    MERGEABLE = "mergeable"
    CONFLICTING = "conflicting"


class PullRequest(Value):
    """A row of the list: everything one GraphQL query answers."""

    number: int
    title: str
    author: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool
    created_at: datetime
    updated_at: datetime
    additions: int
    deletions: int
    changed_files: int
    mergeability: Mergeability
    merge_state: str
    checks: tuple[CheckRun, ...]
    required_checks: tuple[str, ...]
    reviews: tuple[Review, ...]
    unresolved_threads: int = 0
    url: str = ""

    @property
    def check_state(self) -> CheckState:
        """The worst state of the required checks, or of all checks where none is required."""
        relevant = [c for c in self.checks if c.name in self.required_checks] or list(self.checks)
        order = [CheckState.FAILED, CheckState.CANCELLED, CheckState.RUNNING, CheckState.QUEUED]
        for state in order:
            if any(check.state is state for check in relevant):
                return state
        return CheckState.PASSED if relevant else CheckState.QUEUED


class ChangedFile(Value):
    """`patch` is a unified diff, or "" where GitHub gives none (binary or too large)."""

    path: str
    status: str
    additions: int
    deletions: int
    patch: str


class MergeBlocker(Value):
    """Why a merge would be refused now, and who can clear it."""

    what: str
    why: str
    who: str


class PullRequestDetail(Value):
    """`comparison` is the report check's machine-readable result, None until that check has run on the head."""

    summary: PullRequest
    body: str
    files: tuple[ChangedFile, ...]
    comparison: Comparison | None
    blockers: tuple[MergeBlocker, ...]
    state: str
    merged_sha: str = ""

    @property
    def changes_rules(self) -> bool:
        """Whether it changes the gate file, the rules that judge the model it may change too."""
        return any(file.path == GATES_PATH for file in self.files)
