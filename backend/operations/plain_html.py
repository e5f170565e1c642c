"""HTML for a file that stands alone: every text is escaped, and a patient's number is withheld."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

LONGEST = 4_000
_IDENTIFIER = re.compile(
    r"(patient[\W_]*id)[\"'\\]*\s*(?:[:=#]|is|was)?\s*[\"'\\]*[A-Za-z0-9-]*\d[A-Za-z0-9-]*", re.IGNORECASE
)


class Html(str):
    """Markup of ours. Whatever is no `Html` is escaped before it stands in one."""

    __slots__ = ()


Content = Html | str | int | float | None


def escaped(content: Content) -> Html:
    """Text as it reads: one line, no controls or direction marks, no markup; `–` where there is none."""
    if isinstance(content, Html):
        return content
    if content is None or content == "":
        return Html("–")
    clean = "".join(c if c.isprintable() else " " for c in withheld(str(content))[:LONGEST])
    return Html(f"<bdi>{html.escape(clean)}</bdi>" if isinstance(content, str) else html.escape(clean))


def withheld(text: str) -> str:
    """The text without the value behind a patient's identifier, wherever somebody or some answer quoted one."""
    return _IDENTIFIER.sub(r"\1 [withheld]", text)


def code(content: Content) -> Html:
    return Html(f"<code>{escaped(content)}</code>") if content not in {None, ""} else escaped(None)


def section(title: str, *parts: Html) -> Html:
    return Html("\n".join((f"<section><h2>{escaped(title)}</h2>", *parts, "</section>")))


def paragraph(content: Content) -> Html:
    return Html(f"<p>{escaped(content)}</p>")


def heading(content: Content) -> Html:
    return Html(f"<h3>{escaped(content)}</h3>")


def table(heads: Sequence[str], rows: Iterable[Sequence[Content]], empty: str) -> Html:
    """A table, or the sentence `empty` where there is no row."""
    body = [Html(f"<tr>{''.join(f'<td>{escaped(cell)}</td>' for cell in row)}</tr>") for row in rows]
    if not body:
        return paragraph(empty)
    titles = "".join(f"<th scope='col'>{escaped(head)}</th>" for head in heads)
    return Html("\n".join((f"<table><thead><tr>{titles}</tr></thead><tbody>", *body, "</tbody></table>")))


def pairs(rows: Iterable[tuple[str, Content]]) -> Html:
    cells = [f"<tr><th scope='row'>{escaped(name)}</th><td>{escaped(value)}</td></tr>" for name, value in rows]
    return Html("\n".join(("<table class='pairs'><tbody>", *cells, "</tbody></table>")))


def stamp(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""
