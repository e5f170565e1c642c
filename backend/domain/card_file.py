"""What people have written about a model, as committed with it: the part of a model card that no run can measure."""

from __future__ import annotations

from datetime import date

from backend.domain.value import Value


class CardFile(Value):
    """`training/card.toml` at `commit`; `digest` is sha256 of the file's bytes, "" where there was no file.

    `problems` names what is missing or wrong, a sentence each: the card is complete where there is none. A field that
    cannot be used is empty.
    """

    intended_use: str = ""
    users: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    known_limits: tuple[str, ...] = ()
    cannot_show: tuple[str, ...] = ()
    ethical_considerations: tuple[str, ...] = ()
    owner: str = ""
    contact: str = ""
    reviewed: date | None = None
    commit: str
    digest: str
    problems: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.problems
