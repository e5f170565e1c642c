"""The contract of a version with its callers, and what differs between two of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from backend.domain.value import Value

CONTRACT_FILE = "evidence/contract.json"
"""Where a training run leaves it."""
CONTRACT_FORMAT = 1


class Asked(Value):
    """One field of a row. Outside `low` to `high` it is answered with a warning, outside what is possible refused."""

    name: str
    unit: str
    whole: bool
    low: float
    high: float
    possible_low: float
    possible_high: float


class Told(Value):
    """One value of an answer: `name` is its path, `[]` the element of a list; a range, or the words it may be."""

    name: str
    kind: str
    meaning: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    nullable: bool = False


class Example(Value):
    """An invented patient and the probability that the version's model gives them."""

    row: dict[str, float]
    probability: float


class Contract(Value):
    """What the code of a training run promises to the callers of its model, as the run wrote it down."""

    format: int
    fields: tuple[Asked, ...]
    max_rows: int
    max_bytes: int
    request_id_headers: tuple[str, ...]
    answer: tuple[Told, ...]
    refusal: tuple[Told, ...]
    examples: tuple[Example, ...]


class ContractEvidence(Value):
    """A version's contract beside that of what served when it was tested.

    `contract` is None where the run left none, with the reason in `problem`; `before` is None where nothing served
    (then `champion` is "") or what served had left none.
    """

    contract: Contract | None
    problem: str = ""
    run: str
    champion: str = ""
    champion_digest: str = ""
    before: Contract | None = None
    made_at: datetime


class ContractEffect(StrEnum):
    """What a difference means to a caller who changes nothing."""

    BREAKING = "breaking"
    ADDITIVE = "additive"


class ContractChange(Value):
    """One difference, in words for the people who call the endpoint."""

    effect: ContractEffect
    place: str
    sentence: str


class OfVersion(Value):
    """A version's contract as the store knows it. `threshold` is what its decisions are made at."""

    model: str
    version: str
    digest: str
    threshold: float
    contract: Contract | None
    problem: str = ""


class Release(Value):
    """One change of what an endpoint answers with, and what it means to a caller.

    `id` is that of the promotion; `kind` whether it went on or came back.
    """

    id: str
    at: datetime
    kind: str
    endpoint: str
    version: str
    before: str
    threshold: float
    threshold_before: float | None
    changes: tuple[ContractChange, ...]
    known: bool
    reason: str
    by: str

    @property
    def breaking(self) -> bool:
        return any(change.effect is ContractEffect.BREAKING for change in self.changes)


class Language(StrEnum):
    """What the clients to copy are written in."""

    CURL = "curl"
    PYTHON = "python"
    JAVASCRIPT = "javascript"

    @property
    def suffix(self) -> str:
        return {"curl": "sh", "python": "py", "javascript": "mjs"}[self.value]


class Tried(Value):
    """One call as a caller would make it, and its answer as it came."""

    at: datetime
    endpoint: str
    status: int
    model_status: str
    reason: str
    deployment: str
    request_id: str
    milliseconds: float
    body: str
