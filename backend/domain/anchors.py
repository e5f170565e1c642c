"""Anchors: the ledger's head at some entry, kept where an administrator of the database cannot rewrite it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from backend.domain.value import Value

PREFIX = "ledger/"

_TITLE = "Ledger of the MLOps Console"
_FORM = re.compile(r"^sequence: ([0-9]{1,18})\nhash: (sha256:[0-9a-f]{64})\nat: (\S{1,40})$", re.MULTILINE)


class Anchor(Value):
    """Up to entry `sequence` the ledger had this `hash`; `at` is when that entry was written."""

    sequence: int
    hash: str
    at: datetime

    @property
    def tag(self) -> str:
        return f"{PREFIX}{self.sequence}"

    @property
    def message(self) -> str:
        """The tag's message; `anchor_of` reads it back."""
        return f"{_TITLE}\n\nsequence: {self.sequence}\nhash: {self.hash}\nat: {self.at.isoformat()}"


class AnchorReport(Value):
    """The ledger against its anchors. `unread` says why they could not be read; then nothing else is known.

    `agreeing` is how many contradict nothing, `newest` the entry of the latest of those, 0 without one; `problem`
    names the first contradiction.
    """

    agreeing: int = 0
    newest: int = 0
    problem: str = ""
    unread: str = ""


def anchor_of(message: str) -> Anchor | None:
    """The anchor in a tag's message; None where there is none."""
    found = _FORM.search(message)
    if found is None:
        return None
    try:
        return Anchor(sequence=int(found[1]), hash=found[2], at=datetime.fromisoformat(found[3]))
    except ValueError:
        return None


def compared(tags: Mapping[str, str], hashes: Mapping[int, str], written: frozenset[int]) -> AnchorReport:
    """Each tag's message against the ledger: `hashes` by entry, and the entries that the ledger says it anchored.

    Entries are named in their order, so that the first contradiction is the earliest.
    """
    problems: dict[int, str] = {}
    agreeing: list[int] = []
    for tag, message in tags.items():
        place, anchor = int(tag.removeprefix(PREFIX)), anchor_of(message)
        if anchor is None or anchor.sequence != place:
            problems[place] = f"the tag {tag} holds no anchor of entry {place}"
        elif place not in hashes:
            problems[place] = f"the tag {tag} anchors entry {place}, which the ledger does not have"
        elif hashes[place] != anchor.hash:
            problems[place] = f"the ledger contradicts its anchor {tag}: the rows up to entry {place} were rewritten"
        else:
            agreeing.append(place)
    for place in written - {int(tag.removeprefix(PREFIX)) for tag in tags}:
        problems[place] = f"entry {place} was anchored, and the tag {PREFIX}{place} is gone from the repository"
    first = problems[min(problems)] if problems else ""
    return AnchorReport(agreeing=len(agreeing), newest=max(agreeing, default=0), problem=first)
