"""Changed files as unified diffs: plain text, line by line."""

from __future__ import annotations

import html

from backend.domain.reviews import ChangedFile
from console.components.markup import Html, escape, fill, join
from console.viewmodels.text import Untrusted

MAX_LINES = 600
MAX_OPEN_FILES = 8


def diff(files: tuple[ChangedFile, ...]) -> Html:
    """The first files open, the rest folded; long patches end with a note."""
    return join(_file(file, is_open=index < MAX_OPEN_FILES) for index, file in enumerate(files))


def _file(file: ChangedFile, *, is_open: bool) -> Html:
    body = (
        _patch(file.patch) if file.patch else Html('<pre><span class="hunk">binary or too large to show</span></pre>')
    )
    return fill(
        '<details class="diff"{is_open}><summary><code>{path}</code>'
        '<span class="quiet">{status} <b class="good">+{added}</b> <b class="bad">−{removed}</b></span>'
        "</summary>{body}</details>",
        is_open=Html(" open") if is_open else Html(""),
        path=Untrusted(file.path, 200),
        status=Untrusted(file.status, 20),
        added=file.additions,
        removed=file.deletions,
        body=body,
    )


def _patch(patch: str) -> Html:
    lines = Untrusted(patch).lines(200_000).split("\n")
    shown = [_line(line) for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(fill('<span class="hunk">… {more} more lines</span>', more=len(lines) - MAX_LINES))
    return fill('<pre dir="ltr" tabindex="0" aria-label="Changed lines">{lines}</pre>', lines=Html("".join(shown)))


def _line(line: str) -> Html:
    kind = "hunk" if line.startswith("@@") else "add" if line.startswith("+") else "del" if line.startswith("-") else ""
    return fill('<span class="{kind}">{text}</span>', kind=kind, text=Html(html.escape(line) or "&nbsp;"))


def prose(text: Untrusted) -> Html:
    """Somebody's description: their line breaks, none of their markup."""
    return fill('<div class="prose"><bdi>{text}</bdi></div>', text=escape(text.lines()))
