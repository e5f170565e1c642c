"""Tables of already worded cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.components.markup import Content, Html, fill, join


@dataclass(frozen=True, slots=True)
class Column:
    """`number` columns are set flush right in tabular figures; `breaks` where a word may be longer than the column."""

    title: Content
    number: bool = False
    breaks: bool = False


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[Content]], *, caption: str = "", marked: int | None = None
) -> Html:
    """`marked` is the row, from 0, that a link leads to."""
    heads = join(_cell("th" if column.title else "td", column, column.title) for column in columns)
    head = fill("<thead><tr>{heads}</tr></thead>", heads=heads) if any(c.title for c in columns) else Html("")
    body = join(
        fill(
            "<tr{mark}>{cells}</tr>",
            mark=Html(' aria-current="true"') if place == marked else Html(""),
            cells=join(_cell("td", column, cell) for column, cell in zip(columns, row, strict=True)),
        )
        for place, row in enumerate(rows)
    )
    return fill(
        '<table class="grid" aria-label="{caption}">{head}<tbody>{body}</tbody></table>',
        caption=caption,
        head=head,
        body=body,
    )


def scrolling(body: Html, name: str, *, tall: bool = False) -> Html:
    """A table that may be wider than its card; `tall` ones scroll downwards too. It is reached by keyboard as well."""
    return fill(
        '<div class="wide{tall}" tabindex="0" role="region" aria-label="{name}">{body}</div>',
        tall=Html(" tall-list") if tall else Html(""),
        name=name,
        body=body,
    )


def _cell(tag: str, column: Column, content: Content) -> Html:
    kinds = " ".join(kind for kind, so in (("num", column.number), ("breaks", column.breaks)) if so)
    return fill(
        "<{tag}{kind}>{content}</{tag}>",
        tag=Html(tag),
        kind=fill(' class="{kinds}"', kinds=kinds) if kinds else Html(""),
        content=content,
    )


def code(text: Content) -> Html:
    return fill("<code>{text}</code>", text=text)


def copyable(whole: Content) -> Html:
    """The first characters of an id; what is selected and copied is all of it."""
    return fill('<code class="id" title="{whole}">{whole}</code>', whole=whole)


def strong(text: Content) -> Html:
    return fill("<b>{text}</b>", text=text)


def two_lines(first: Content, second: Content) -> Html:
    return fill('{first}<span class="two">{second}</span>', first=first, second=second)
