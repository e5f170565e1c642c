"""Outside text, kept apart from ours until a component has made it harmless."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Untrusted:
    """Text that somebody else wrote: a title, a branch, a log line, an error message of a service.

    It is not a `str`, so it cannot slip into a label that parses markdown; components escape it.
    """

    raw: str
    limit: int = 160

    def one_line(self, limit: int | None = None) -> str:
        """Printable, on one line and cut at `limit` characters; direction marks and controls become spaces."""
        limit = self.limit if limit is None else limit
        text = self.raw[: limit * 4]
        if not text.isprintable():
            text = "".join(c if c.isprintable() else " " for c in text)
        text = " ".join(text.split())
        return text if len(text) <= limit else f"{text[: limit - 1]}…"

    def lines(self, limit: int = 20_000) -> str:
        """Printable, line breaks and tabs kept, cut at `limit` characters."""
        text = "".join(c if c.isprintable() or c in "\n\t" else "�" for c in self.raw[:limit])
        return text if len(self.raw) <= limit else f"{text}\n… {len(self.raw) - limit:,} more characters"

    def __bool__(self) -> bool:
        return bool(self.raw.strip())
