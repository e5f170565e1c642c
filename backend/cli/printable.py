"""Outside text at a terminal: as it reads, without what could steer the terminal."""

from __future__ import annotations

TEXT_LIMIT = 20_000


def printable(text: str, limit: int = 120) -> str:
    """Outside text in one line: no control characters, no direction marks, not endless."""
    clean = "".join(character if character.isprintable() else " " for character in text[: limit * 2])
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"


def printable_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Outside text with its line breaks, each line as `printable` makes it."""
    cut = text if len(text) <= limit else f"{text[:limit]}…"
    return "\n".join(printable(line, limit) for line in cut.splitlines())
