"""The top of every page: where we are, what it is, its state, and one line about it."""

from __future__ import annotations

import streamlit as st

from console import navigation
from console.components.markup import Content, Html, draw, fill, icon
from console.viewmodels.state import Pill


def pill(state: Pill) -> Html:
    return fill(
        '<span class="pill {tone}">{icon}{text}</span>', tone=state.tone, icon=icon(state.symbol), text=state.text
    )


def page_header(
    title: Content,
    *,
    state: Pill | None = None,
    meta: Content = "",
    parent: navigation.Place | None = None,
    here: Content = "",
) -> None:
    """`parent` is linked in front of the breadcrumb's last word, `here`."""
    if parent is not None:
        with st.container(key="crumbs", horizontal=True, vertical_alignment="center", gap="xsmall"):
            navigation.link(parent, parent.title, "crumb_parent")
            st.html(fill('<div class="crumbs">/ &nbsp;<b>{here}</b></div>', here=here), width="content")
    draw(
        fill(
            '<div class="head"><h1>{title}</h1>{state}</div>{meta}',
            title=title,
            state=pill(state) if state else Html(""),
            meta=fill('<p class="meta">{meta}</p>', meta=meta) if meta else Html(""),
        )
    )
