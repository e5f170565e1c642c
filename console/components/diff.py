"""Changed files as unified diffs: plain text, line by line, coloured by its language."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from backend.domain.reviews import ChangedFile, FileKind
from console.components.markup import Content, Html, escape, fill, join, outside_link
from console.components.syntax import coloured
from console.viewmodels.figures import plural
from console.viewmodels.text import Untrusted

MAX_LINES = 600
"""Of one file among others; one that is asked for alone has up to `MAX_ALONE`."""
MAX_ALONE = 6_000
MAX_TOTAL = 2_000
"""Lines of all files together: a browser with ten thousand of them is slow."""
FOLDED = 300
"""A file with more changed lines than this is there, folded."""
_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_NAMED = {
    FileKind.NOTEBOOK: "a notebook: its cells and outputs are read on GitHub",
    FileKind.BINARY: "a binary or empty file: there are no lines to show",
    FileKind.TOO_LARGE: "too large to show here: read it on GitHub",
    FileKind.UNCHANGED: "moved as it was",
}


def diff(files: Sequence[ChangedFile], more: str = "", *, alone: bool = False) -> Html:
    """Small files open, large ones folded; past `MAX_TOTAL` lines only their names. `more` is the diff on GitHub."""
    left, parts = MAX_ALONE if alone else MAX_TOTAL, []
    for file in files:
        lines = file.patch.count("\n") + 1 if file.patch else 0
        shown = min(lines, MAX_ALONE if alone else MAX_LINES)
        if lines and shown > left:
            parts.append(_file(file, _named("below the lines that fit here: choose it above", more), is_open=False))
            continue
        left -= shown
        if file.kind is FileKind.TEXT and file.patch:
            body = _patch(file.path, file.patch, shown, more)
            parts.append(_file(file, body, is_open=alone or lines <= FOLDED))
        else:
            parts.append(_file(file, _named(_NAMED.get(file.kind, _NAMED[FileKind.BINARY]), more), is_open=True))
    return join(parts)


def _file(file: ChangedFile, body: Html, *, is_open: bool) -> Html:
    before = fill("<code>{was}</code> → ", was=Untrusted(file.previous_path, 160)) if file.previous_path else Html("")
    return fill(
        '<details class="diff"{is_open}><summary><span>{before}<code>{path}</code></span>'
        '<span class="quiet">{status} <b class="good">+{added}</b> <b class="bad">−{removed}</b></span>'
        "</summary>{body}</details>",
        is_open=Html(" open") if is_open else Html(""),
        before=before,
        path=Untrusted(file.path, 200),
        status=Untrusted(file.status, 20),
        added=f"{file.additions:,}",
        removed=f"{file.deletions:,}",
        body=body,
    )


def _named(words: Content, more: str) -> Html:
    return fill('<p class="named quiet">{words} {more}</p>', words=words, more=outside_link("Open on GitHub", more))


@lru_cache(maxsize=64)
def _patch(path: str, patch: str, most: int, more: str) -> Html:
    """The patch as a table of two line numbers and text; equal patches are made once."""
    lines = Untrusted(patch).lines(len(patch)).split("\n")
    shown = list(_rows(path, lines[:most]))
    if len(lines) > most:
        words = f"… {plural(len(lines) - most, 'more line')}"
        shown.append(
            fill('<span class="hunk">{words} {more}</span>', words=words, more=outside_link("on GitHub", more))
        )
    return fill('<pre dir="ltr" tabindex="0" aria-label="Changed lines">{lines}</pre>', lines=join(shown))


def _rows(path: str, lines: Sequence[str]) -> Iterator[Html]:
    """Old and new text are coloured apart, since each is a program of its own."""
    old = iter(coloured(path, [line[1:] for line in lines if line[:1] in {" ", "-"}]))
    new = iter(coloured(path, [line[1:] for line in lines if line[:1] in {" ", "+"}]))
    before = after = 0
    for line in lines:
        sign = line[:1]
        hunk = _HUNK.match(line)
        if hunk or sign not in {" ", "+", "-"}:
            if hunk:
                before, after = int(hunk[1]), int(hunk[2])
            yield fill('<span class="hunk">{text}</span>', text=Html(html.escape(line) or "&nbsp;"))
            continue
        text = next(old, Html("")) if sign in {" ", "-"} else Html("")
        text = next(new, text) if sign in {" ", "+"} else text
        numbers = f"{before if sign != '+' else '':>5} {after if sign != '-' else '':>5} "
        before, after = before + (sign != "+"), after + (sign != "-")
        kind = {"+": "add", "-": "del"}.get(sign, "")
        yield fill(
            '<span class="{kind}"><u>{numbers}</u>{sign}{text}</span>', kind=kind, numbers=numbers, sign=sign, text=text
        )


def prose(text: Untrusted, kind: str = "prose") -> Html:
    """What somebody wrote: their line breaks, none of their markup."""
    return fill('<div class="{kind}"><bdi>{text}</bdi></div>', kind=kind, text=escape(text.lines()))
