"""Pull requests as GitHub reports them. Titles, bodies, branches and patches are outside text."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.comparison import Comparison, Difference
from backend.domain.gates import GATES_PATH
from backend.domain.value import Value


class CheckState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Problem(Value):
    """What a check found wrong at one place; `line` is 0 and `path` "" where it is about no line."""

    path: str
    line: int
    message: str


class CheckRun(Value):
    """One check on a commit; `summary` is markdown written by the check, `problems` what it found, worst first.

    `workflow_run` and `job` are those of Actions, 0 for a check of another app.
    """

    id: int
    name: str
    state: CheckState
    required: bool = False
    title: str = ""
    summary: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    url: str = ""
    workflow_run: int = 0
    job: int = 0
    problems: tuple[Problem, ...] = ()


class Review(Value):
    """A verdict on one commit; `counts` is whether its author may write, without which no rule takes it."""

    author: str
    state: str
    commit: str
    submitted_at: datetime
    body: str = ""
    counts: bool = True


class Mergeability(StrEnum):
    """GitHub's own answer; CHECKING until it has computed one."""

    CHECKING = "checking"
    MERGEABLE = "mergeable"
    CONFLICTING = "conflicting"


class BlockerKind(StrEnum):
    """What sort of thing keeps a merge back, in the order in which it is worth clearing."""

    DRAFT = "draft"
    CONFLICT = "conflict"
    CHECK_FAILED = "check failed"
    CHANGES = "changes requested"
    THREADS = "open discussion"
    BEHIND = "out of date"
    CHECK_PENDING = "check pending"
    COMPUTING = "computing"
    APPROVAL = "approval"
    OTHER = "other"


class MergeBlocker(Value):
    """Why a merge would be refused now, and who can clear it.

    `people` are the GitHub logins among them; nobody where it waits for a machine, or for anybody with the right.
    """

    what: str
    why: str
    who: str
    kind: BlockerKind = BlockerKind.OTHER
    people: tuple[str, ...] = ()


class PullRequest(Value):
    """A row of the list: everything one GraphQL query answers.

    `trains` is whether a merge retrains the model, `changes_rules` whether it changes the gate file. `change` is the
    AUC against the champion's, None before the comparison of this head. `fork` names the owner of the repository it
    comes from, "" for this one. `blockers` come from the effective rules of the base branch.
    """

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
    id: str = ""
    fork: str = ""
    pushed_at: datetime | None = None
    trains: bool = False
    changes_rules: bool = False
    change: Difference | None = None
    blockers: tuple[MergeBlocker, ...] = ()

    @property
    def check_state(self) -> CheckState:
        """The worst state of the required checks, or of all checks where none is required."""
        relevant = [c for c in self.checks if c.name in self.required_checks] or list(self.checks)
        order = [CheckState.FAILED, CheckState.CANCELLED, CheckState.RUNNING, CheckState.QUEUED]
        for state in order:
            if any(check.state is state for check in relevant):
                return state
        return CheckState.PASSED if relevant else CheckState.QUEUED


class FileKind(StrEnum):
    """How a changed file can be shown; only TEXT has a patch."""

    TEXT = "text"
    NOTEBOOK = "notebook"
    BINARY = "binary"
    TOO_LARGE = "too large"
    UNCHANGED = "unchanged"


class ChangedFile(Value):
    """`patch` is a unified diff, "" for what is not TEXT; `previous_path` is set where the file was renamed."""

    path: str
    status: str
    additions: int
    deletions: int
    patch: str
    kind: FileKind = FileKind.TEXT
    previous_path: str = ""


class PullCommit(Value):
    """One commit of a pull request; `author` is a login where GitHub knows one, else the name in the commit.

    `authors` are all who wrote it, co-authors included, as a version names its own; nobody for a merge.
    """

    sha: str
    title: str
    author: str
    at: datetime
    authors: tuple[str, ...] = ()


class Comment(Value):
    author: str
    at: datetime
    body: str
    url: str = ""


class Thread(Value):
    """A discussion of one line; `outdated` where the line has changed since."""

    path: str
    line: int | None
    resolved: bool
    outdated: bool
    comments: tuple[Comment, ...]


class PullRequestDetail(Value):
    """`comparison` is the report check's machine-readable result, None until that check has run on the head.

    `commits` are oldest first and, like `given` (every review) and `threads`, the newest that one query answers.
    `blockers` know all changed files, those of `summary` the first hundred.
    """

    summary: PullRequest
    body: str
    files: tuple[ChangedFile, ...]
    comparison: Comparison | None
    blockers: tuple[MergeBlocker, ...]
    state: str
    merged_sha: str = ""
    merged_by: str = ""
    commits: tuple[PullCommit, ...] = ()
    commit_count: int = 0
    given: tuple[Review, ...] = ()
    threads: tuple[Thread, ...] = ()

    @property
    def changes_rules(self) -> bool:
        """Whether it changes the gate file, the rules that judge the model it may change too."""
        return any(GATES_PATH in {file.path, file.previous_path} for file in self.files)
