"""The console's look: one style sheet, kept by part."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from console.components.markup import Html

PARTS = (
    "base",
    "text",
    "sidebar",
    "header",
    "links",
    "widgets",
    "cards",
    "tables",
    "rail",
    "notices",
    "comparison",
    "decision",
    "board",
    "traffic",
    "steps",
    "diff",
    "charts",
    "models",
    "inbox",
    "setup",
    "signin",
    "print",
)
"""The cascade: of two rules of the same weight the later one wins, so what every page has comes before a page's own."""


@cache
def style_sheet() -> Html:
    """All parts in one element, so that the browser keeps them as one message; changes show after a restart.

    On one line, because Streamlit looks for an indent in every line of what it is given, in every run.
    """
    folder = Path(__file__).resolve().parent
    rules = "\n".join((folder / f"{part}.css").read_text(encoding="utf-8") for part in PARTS)
    return Html(f"<style>{' '.join(rules.split())}</style>")
