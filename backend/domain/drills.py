"""Controls, and what came of trying to go past each of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value

STAND_IN = "mlops-drill/stand-in"
"""The branch that stands in for the default branch: setup makes it, and puts it under the same ruleset."""
ATTEMPTS = "mlops-drill/attempt-"
"""What begins the name of every branch that a drill makes, and removes."""
MARK = "Drill:"
"""What begins the message of a drill's commits and the title of its pull requests."""
NOWHERE = "mlops-drill-nowhere"
"""An endpoint that does not exist, so that what a missing control lets through ends there."""


class Outcome(StrEnum):
    """`absent`: it cannot exist on the customer's plan. `unknown`: not to be seen, or nobody answered; never fine."""

    REFUSED = "refused"
    NOT_REFUSED = "NOT refused"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Control(StrEnum):
    """What is tried; each has to be refused."""

    PUSH = "direct push to the default branch"
    FORCE_PUSH = "force push to the default branch"
    DELETION = "deletion of the default branch"
    SELF_APPROVAL = "approval by the author"
    FAILING_CHECK = "merge with a failing check"
    DISMISSED_REVIEW = "merge after a dismissed review"
    COMMENT_COMMAND = "command in a comment"
    REVIEWERS = "use of the production environment without a reviewer"
    BRANCH_CREDENTIALS = "production credentials for a feature branch"
    CI_RIGHTS = "change of the endpoint by a workflow"
    OPERATION = "promotion of an unapproved version by the operation"
    COMMAND = "promotion of an unapproved version by the command line"
    ENGINE = "promotion of an unapproved version by the engine"
    WORKER = "promotion of a new version by the worker itself"


class Try(Value):
    """What was really tried on the stand-in, by whom, and the service's words. `left` could not be taken back."""

    tried_as: str
    refused: bool
    said: str
    left: str = ""


class Trusted(Value):
    """Whose tokens an identity takes: one federated credential. `expression`: a pattern instead of one subject."""

    identity: str
    issuer: str
    subject: str
    expression: str = ""


class Granted(Value):
    """What one role lets an identity do at the production endpoint, and where it was given."""

    identity: str
    role: str
    scope: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()


class WorkflowFile(Value):
    """A workflow at the default branch and what starts it; `triggers` is None where the file cannot be read as one."""

    path: str
    triggers: tuple[str, ...] | None


class Verdict(Value):
    """What came of one control. `tried_as` says who tried, or that it was judged without a try.

    `instead` is what replaces a control that is absent; `left` what could not be taken back.
    """

    control: Control
    outcome: Outcome
    told: str
    tried_as: str
    instead: str = ""
    left: str = ""


class DrillResult(Verdict):
    """A verdict of one drill, with its date."""

    drill: str
    at: datetime


class DrillState(StrEnum):
    WANTED = "wanted"
    RUNNING = "running"
    DONE = "done"


class Drill(Value):
    """One drill: who asked for it, how far it is, and what it said at its end."""

    id: str
    asked_by: str
    channel: str
    asked_at: datetime
    state: DrillState
    attempts: int = 0
    tried: int = 0
    note: str = ""
    finished_at: datetime | None = None

    @property
    def progress(self) -> str:
        """`3 of 14 tried`."""
        return f"{self.tried} of {len(Control)} tried"


class ControlStanding(Value):
    """A control as it stands: the latest result, and when it was last refused, each None where there is none."""

    control: Control
    latest: DrillResult | None = None
    refused_at: datetime | None = None
