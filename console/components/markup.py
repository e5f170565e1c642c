"""HTML that is safe by construction: whatever is put into a template is escaped unless it is HTML of ours."""

from __future__ import annotations

import html
from collections.abc import Iterable

import streamlit as st

from console.viewmodels.text import Untrusted


class Html(str):
    """Markup made by `fill` or written here as a literal."""

    __slots__ = ()


Content = Html | Untrusted | str | int | float


def escape(content: Content) -> Html:
    if isinstance(content, Html):
        return content
    if isinstance(content, Untrusted):
        return Html(f"<bdi>{html.escape(content.one_line())}</bdi>")
    return Html(html.escape(str(content)))


def fill(template: str, **parts: Content) -> Html:
    """The template with each `{part}` escaped; only a literal may be the template."""
    return Html(template.format(**{name: escape(part) for name, part in parts.items()}))


def join(parts: Iterable[Html], separator: str = "") -> Html:
    return Html(separator.join(parts))


def draw(markup: Html) -> None:
    """Put markup on the page; nothing where there is none."""
    if markup:
        st.html(markup)


def icon(name: str, tone: str = "") -> Html:
    """A symbol of Streamlit's own icon font; hidden from readers because a word always stands beside it."""
    return fill('<span class="ic {tone}" aria-hidden="true">{name}</span>', tone=tone, name=name)


def outside_link(text: Content, address: str) -> Html:
    """A link out of the console, in a tab of its own; nothing for what is no web address."""
    if not address.startswith(("https://", "http://")):
        return Html("")
    return fill(
        '<a href="{address}" target="_blank" rel="noopener noreferrer">{text}</a>',
        address=Html(html.escape(address, quote=True)),
        text=text,
    )


def card_head(title: Content, note: Content = "") -> Html:
    """The heading of a card that also holds widgets."""
    return fill(
        '<header class="cardhead"><h2>{title}</h2><span class="quiet">{note}</span></header>', title=title, note=note
    )
