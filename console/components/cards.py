"""Cards: a heading, a note at its right, a body."""

from __future__ import annotations

from collections.abc import Iterable

from console.components.markup import Content, Html, fill, icon, join
from console.viewmodels.state import Pill


def card(title: Content, body: Html, *, note: Content = "", width: int = 12, name: str = "") -> Html:
    """`width` in twelfths of the row; `name` becomes a class that tests and readers find it by."""
    return fill(
        '<section class="card w{width} {name}"><header><h2>{title}</h2><span>{note}</span></header>{body}</section>',
        width=width,
        name=name,
        title=title,
        note=note,
        body=body,
    )


def cards(parts: Iterable[Html]) -> Html:
    return fill('<div class="cards">{parts}</div>', parts=join(parts))


def word(state: Pill) -> Html:
    """A state inside a table or a sentence: symbol, word and colour."""
    return fill(
        '<span class="ver {tone}">{icon}{text}</span>', tone=state.tone, icon=icon(state.symbol), text=state.text
    )


def pairs(rows: Iterable[tuple[Content, Content, Content]]) -> Html:
    """Name, value, and a quiet remark behind the value."""
    return fill(
        '<div class="pairs">{rows}</div>',
        rows=join(
            fill(
                "<div><span>{name}</span><span><b>{value}</b>{more}</span></div>",
                name=name,
                value=value,
                more=_remark(more),
            )
            for name, value, more in rows
        ),
    )


def _remark(text: Content) -> Html:
    return fill("<i>{text}</i>", text=text) if text else Html("")


def role_mark(candidate: bool, size: str = "") -> Html:
    """Stable is a solid square S, candidate a round hatched C."""
    letter, shape, name = ("C", "c", "candidate") if candidate else ("S", "s", "stable")
    return fill(
        '<span class="role {shape} {size}" role="img" aria-label="{name}">{letter}</span>',
        shape=shape,
        size=size,
        name=name,
        letter=letter,
    )
