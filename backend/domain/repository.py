"""What GitHub keeps of a repository's past, as far as it concerns a release. Logins and texts are outside text."""

from __future__ import annotations

from datetime import datetime

from backend.domain.value import Value


class BranchChange(Value):
    """A branch that moved. `kind` is GitHub's word: `push`, `force_push`, `pr_merge`, `branch_creation`, ..."""

    id: int
    kind: str
    before: str
    after: str
    by: str
    at: datetime


class GivenReview(Value):
    id: int
    by: str
    state: str
    commit: str
    at: datetime


class MergedChange(Value):
    """A merged pull request with every verdict on it, oldest first; `checked`: its required check passed."""

    number: int
    title: str
    author: str
    merged_by: str
    merged_at: datetime | None
    merge_sha: str
    head_sha: str
    reviews: tuple[GivenReview, ...]
    checked: bool

    @property
    def approved_by(self) -> tuple[str, ...]:
        """Whose latest verdict approves, the author left out: nobody approves their own change."""
        opinions = {r.by: r.state for r in self.reviews if r.state in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}}
        return tuple(by for by, state in opinions.items() if state == "APPROVED" and by != self.author)


class Dismissal(Value):
    """A verdict that was taken back; `commit` is the pushed head where a push did it by the rules."""

    id: int
    pull_request: int
    by: str
    at: datetime
    review: int
    state: str
    message: str
    commit: str = ""


class Quotation(Value):
    """Something that GitHub did or was told, for the ledger: `id` and `at` are GitHub's own."""

    action: str
    subject: str
    by: str
    at: datetime
    id: str
    said: str
    after: str = ""
