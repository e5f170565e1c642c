"""What a decision was made on, in a form that can be computed again."""

from __future__ import annotations

from datetime import datetime

from backend.domain.gates import Finding, FindingState
from backend.domain.promotions import Target
from backend.domain.value import Value


class Word(Value):
    """A finding as the ledger keeps it."""

    gate: str
    state: FindingState
    sentence: str


class Judgement(Value):
    """The findings at a decision, the digest of each quotation they were read from, and the champion of then.

    `quoted` is evidence digest by kind. Everything in it is in the ledger; nothing else is needed to judge again.
    """

    model: str
    version: str
    digest: str
    threshold: float
    champion: Target | None
    quoted: dict[str, str]
    words: tuple[Word, ...]


class Recorded(Value):
    """A judgement with the ledger row that holds it."""

    sequence: int
    at: datetime
    actor: str
    judgement: Judgement


class ReplayLine(Value):
    """One thing that was done again. `same` is None where it could not be: `detail` says why."""

    what: str
    same: bool | None
    detail: str


class Replay(Value):
    """A decision judged again from the ledger: whole if everything that could be repeated came out the same."""

    recorded: Recorded
    lines: tuple[ReplayLine, ...]

    @property
    def same(self) -> bool:
        return all(line.same is not False for line in self.lines)


def words(findings: tuple[Finding, ...]) -> tuple[Word, ...]:
    """Only the gates: where code came from and who approved is no computation."""
    return tuple(Word(gate=f.gate, state=f.state, sentence=f.sentence) for f in findings if f.rule is not None)
