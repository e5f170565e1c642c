"""Inputs of production that were collected, and whose answer another version changes. No field says who anybody is."""

from __future__ import annotations

from datetime import datetime

from backend.domain.comparison import Side
from backend.domain.value import Value


class CollectedRow(Value):
    """A row as a deployment answered it: what it was asked, its risk and decision, and the bands it lies in.

    `request` is a digest of the request's id and `row` the place in the request; "" where the release kept none. A
    field that the collector wrote as nothing is NaN.
    """

    features: dict[str, float]
    probability: float
    positive: bool
    bands: tuple[str, ...] = ()
    request: str = ""
    row: int = 0
    at: datetime | None = None


class Collected(Value):
    """The newest rows first. `digest` is sha256 of them in their canonical form; the moments are those of the rows.

    `blobs` were read for it; more rows lay in them, or before them, where `more` says so.
    """

    rows: tuple[CollectedRow, ...]
    digest: str
    blobs: int
    oldest: datetime | None = None
    newest: datetime | None = None
    more: bool = False


class Answers(Value):
    """What both versions said about one row; nothing of the row itself."""

    champion: float
    was_positive: bool
    challenger: float
    is_positive: bool


class ProductionFlip(Value):
    """A row whose answer changes: both risks, the new answer, and the bands it lies in."""

    champion: float
    challenger: float
    positive: bool
    bands: tuple[str, ...]

    @property
    def change(self) -> float:
        return self.challenger - self.champion


class ProductionFlips(Value):
    """Collected inputs of production, answered again by a version on the test endpoint.

    The champion's side is what it answered then, at the threshold it serves with. Whether a new answer is the right one
    nobody knows yet, so the changes are counted by direction alone. `inputs` is the digest of the rows as they were
    read, and `answers` all that both said of them, from which everything else can be computed again. `problem` is why
    there are no rows, where it is not that nobody asked.
    """

    endpoint: str
    champion: Side
    challenger: Side
    deployment: str
    rows: int
    turned_positive: int
    turned_negative: int
    cases: tuple[ProductionFlip, ...]
    answers: tuple[Answers, ...]
    inputs: str
    oldest: datetime | None = None
    newest: datetime | None = None
    problem: str = ""
    made_at: datetime

    @property
    def count(self) -> int:
        return self.turned_positive + self.turned_negative

    @property
    def share(self) -> float:
        """Of the rows; 0 without any."""
        return self.count / self.rows if self.rows else 0.0
