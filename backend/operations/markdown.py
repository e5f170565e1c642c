"""Outside text inside the markdown that GitHub draws: as it reads, and nothing that GitHub would act on."""

from __future__ import annotations

import re

_MEANINGFUL = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~&$=])")
_LINKED = (
    (re.compile(r"#(?=\w)"), "#&#8288;"),
    (re.compile(r"@"), "@&#8288;"),
    (re.compile(r":(?=//)"), ":&#8288;"),
    (re.compile(r"(?i)\b(www)\."), r"\1&#8288;."),
)
"""GitHub makes numbers of issues, names and addresses into links, and calls people, after a backslash too: a word
joiner, which has no width, takes them apart. The first line is the first because the others write a `#` themselves."""


def one_line(text: str, limit: int) -> str:
    """Without control and direction marks, cut at `limit` characters; for where GitHub draws no markdown."""
    shown = "".join(character if character.isprintable() else " " for character in text[: limit * 4])
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def plain(text: str, limit: int = 400) -> str:
    """As `one_line`, for where it draws markdown: nothing is marked up, no link is made and nobody is called."""
    shown = one_line(text, limit)
    shown = _MEANINGFUL.sub(r"\\\1", shown)
    # A figure and a point begin a list, where they begin a line; a figure and a bracket are apart by now.
    shown = re.sub(r"^(\d+)\.", r"\1\\.", shown)
    for what, instead in _LINKED:
        shown = what.sub(instead, shown)
    return shown
