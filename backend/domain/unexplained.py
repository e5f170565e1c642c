"""Things that happened to a release outside the console, each until a person has explained it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class EventKind(StrEnum):
    """What was noticed. Those of `PASSING` happened once; the others hold until it is as it should be again."""

    TRAFFIC = "traffic changed"
    FOREIGN_DEPLOYMENT = "foreign deployment"
    ALTERED_DEPLOYMENT = "deployment altered"
    MISSING_DEPLOYMENT = "deployment gone"
    SERVED = "another model answers"
    MODEL = "registered model changed"
    KEYS = "keys regenerated"
    RULESET = "ruleset changed"
    MERGE = "merged past the rules"
    PUSH = "pushed without a pull request"
    HISTORY = "history rewritten"
    DISMISSED = "review dismissed"


PASSING = frozenset({EventKind.KEYS, EventKind.MERGE, EventKind.PUSH, EventKind.HISTORY, EventKind.DISMISSED})


class EventState(StrEnum):
    OPEN = "open"
    OWNED = "owned"
    EXPLAINED = "explained"


class Noticed(Value):
    """One finding of one look. `by`, `happened_at` and `reference` are the service's own words, "" where it has none.

    `subject` is `endpoint/<name>`, `deployment/<endpoint>/<name>`, `model/<name>:<v>`, `pull_request/<n>`,
    `branch/<name>` or `ruleset/<name>`.
    """

    kind: EventKind
    subject: str
    expected: str
    actual: str
    by: str = ""
    happened_at: datetime | None = None
    reference: str = ""

    @property
    def fingerprint(self) -> str:
        """The same thing noticed twice has the same: who did it and when may be learned later."""
        made_of = "\n".join((self.kind.value, self.subject, self.expected, self.actual, self.reference))
        return hashlib.sha256(made_of.encode()).hexdigest()[:12]


class UnexplainedEvent(Value):
    """Something noticed, and what people made of it.

    `resolved_at` says that it is as it should be again; that closes nothing: only an explanation does.
    """

    id: str
    kind: EventKind
    subject: str
    expected: str
    actual: str
    by: str = ""
    happened_at: datetime | None = None
    reference: str = ""
    first_seen: datetime
    last_seen: datetime
    state: EventState = EventState.OPEN
    owner: str = ""
    owned_because: str = ""
    explained_by: str = ""
    explanation: str = ""
    resolved_at: datetime | None = None

    @property
    def unexplained(self) -> bool:
        return self.state is not EventState.EXPLAINED

    @property
    def sentence(self) -> str:
        """`Traffic changed on diabetes-endpoint: v1-3c9e 50 %, v2-7f3a 50 %, expected v1-3c9e 100 %.`"""
        place = self.subject.partition("/")[2] or self.subject
        by = f" By {self.by}." if self.by else ""
        return f"{self.kind.value.capitalize()} on {place}: {self.actual}, expected {self.expected}.{by}"


class Look(Value):
    """What one look brought. `checked` are the (kind, subject) pairs it can vouch for; a subject may end in `*`."""

    noticed: tuple[Noticed, ...] = ()
    checked: frozenset[tuple[EventKind, str]] = frozenset()
