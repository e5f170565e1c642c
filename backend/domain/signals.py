"""What a rule of monitoring saw at one look: the form in which every watch tells what alerts are made of."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value


class SignalState(StrEnum):
    """`UNKNOWN` is never `QUIET`: too little data, or a source that did not answer."""

    FIRING = "firing"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Signal(Value):
    """One rule's answer about one subject.

    `rule` names the kind of check ("availability-burn", "drift"), `subject` what it looked at within the endpoint
    ("SerumInsulin", "candidate"; "" for the whole of it). `value` and `limit` are in `unit`, None where nothing could
    be measured; `n` counts what they were measured on. `version` and `release` are those that served, "" if none did.
    `chart` is the query string of the Monitoring view that shows exactly this; `words` one sentence for people.
    """

    rule: str
    endpoint: str
    subject: str = ""
    state: SignalState
    value: float | None
    limit: float | None
    unit: str
    n: int
    version: str
    release: str
    chart: str
    words: str
    at: datetime

    @property
    def key(self) -> str:
        """What stays the same while the same thing goes on: alerts are deduplicated by it."""
        return "/".join((self.rule, self.endpoint, self.subject))
