"""A model card: what a version is for, what it was made of and how it does, part by part."""

from __future__ import annotations

from datetime import datetime

from backend.domain.value import Value


class CardField(Value):
    """One line of a card; `values` are several where it is a list, none where nothing is known.

    `code` says that the values are ids and digests, to be copied and not to be read.
    """

    name: str
    values: tuple[str, ...]
    code: bool = False


class CardPart(Value):
    """Fields under one heading. `empty` is what is said where there is no field.

    `compares` marks a part that already holds the version against another one: it is no part of a difference.
    """

    title: str
    fields: tuple[CardField, ...]
    empty: str = ""
    compares: bool = False


class ModelCard(Value):
    """A version's card as of `made_at`, computed from its evidence and lineage alone.

    `problems` names what people have not written: a card with problems is not complete.
    """

    model: str
    version: str
    parts: tuple[CardPart, ...]
    problems: tuple[str, ...]
    made_at: datetime

    @property
    def name(self) -> str:
        return f"{self.model} v{self.version}"


class CardChange(Value):
    """A field in two cards; without values on a side, that card has no such field or knows nothing about it."""

    part: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    code: bool = False

    @property
    def differs(self) -> bool:
        return self.before != self.after


class CardDifference(Value):
    """A card against another one, usually the champion's, field by field in the order of reading."""

    before: ModelCard
    after: ModelCard
    fields: tuple[CardChange, ...]

    @property
    def changes(self) -> tuple[CardChange, ...]:
        return tuple(change for change in self.fields if change.differs)
