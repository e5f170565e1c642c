"""What a look at an installation, or at what exists already, found: fine, wrong, or not to be known."""

from __future__ import annotations

from enum import StrEnum

from backend.domain.value import Value


class Outcome(StrEnum):
    FINE = "fine"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class Checked(Value):
    """One question. `proof` says where the answer was read, `advice` what to do where it is not fine."""

    area: str
    question: str
    outcome: Outcome
    answer: str
    proof: str = ""
    advice: str = ""


class Checkup(Value):
    checked: tuple[Checked, ...]

    @property
    def wrong(self) -> tuple[Checked, ...]:
        return tuple(one for one in self.checked if one.outcome is Outcome.WRONG)

    @property
    def unknown(self) -> tuple[Checked, ...]:
        return tuple(one for one in self.checked if one.outcome is Outcome.UNKNOWN)
