"""Runs that people ask for: a branch, a sweep over it, or a run once more. The worker submits them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class RequestKind(StrEnum):
    """A retry is for a run that failed; a reproduction asks whether the same inputs give the same figures."""

    START = "start"
    RETRY = "retry"
    REPRODUCE = "reproduce"


class RequestState(StrEnum):
    WANTED = "wanted"
    SUBMITTED = "submitted"
    FAILED = "failed"


class RunRequest(Value):
    """One run that was asked for. The parts of a sweep share their `click`.

    `of_run` is the run to make again, `branch` and `commit` what to start; `params` are changes to its parameter file.
    """

    id: str
    click: str
    part: int
    kind: RequestKind
    workspace: str
    of_run: str = ""
    branch: str = ""
    commit: str = ""
    params: dict[str, float | int | str] = {}
    by: str
    channel: str
    reason: str
    at: datetime
    state: RequestState = RequestState.WANTED
    run: str = ""
    outcome: str = ""
    attempts: int = 0

    @property
    def name(self) -> str:
        """The name of the job that answers this request: the same one, however often it is submitted."""
        return f"{_PREFIX[self.kind]}-{self.click[:20]}-{self.part}"


_PREFIX = {RequestKind.START: "exp", RequestKind.RETRY: "retry", RequestKind.REPRODUCE: "again"}


class Startable(Value):
    """A branch as it is now: its commit, its parameter file, and the schema that its training checks it by."""

    branch: str
    commit: str
    values: dict[str, float | int | str]
    schema_text: str


class Repeated(Value):
    """One metric of a run and of its reproduction."""

    metric: str
    before: float
    after: float
    within: bool
