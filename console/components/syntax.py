"""Source lines in colour: the tokens that Pygments finds, each as a class of ours around escaped text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from console.components.markup import Html

_LEXERS = {
    ".py": "python",
    ".toml": "toml",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".json": "json",
    ".sh": "bash",
    ".sql": "sql",
    ".css": "css",
    ".html": "html",
    ".js": "javascript",
    ".ts": "typescript",
    ".md": "markdown",
    ".ini": "ini",
    ".cfg": "ini",
}
_NAMES = {"Makefile": "make", "Dockerfile": "docker"}
_CLASSES = (
    ("Comment", "c"),
    ("Keyword", "k"),
    ("Literal.String", "s"),
    ("Literal.Number", "n"),
    ("Name.Function", "f"),
    ("Name.Class", "f"),
    ("Name.Decorator", "f"),
    ("Name.Builtin", "f"),
    ("Name.Tag", "k"),
    ("Name.Attribute", "f"),
    ("Operator.Word", "k"),
)
"""Prefixes of Pygments' token types, and what they are called in the style sheet."""


def coloured(path: str, lines: Sequence[str]) -> list[Html]:
    """The same lines as markup; plain ones where the language is not known. A string over several lines is whole."""
    lexer = _lexer(PurePosixPath(path).name, PurePosixPath(path).suffix.lower())
    if lexer is None:
        return [Html(html.escape(line)) for line in lines]
    rows: list[list[str]] = [[]]
    for kind, text in lexer.get_tokens("\n".join(lines)):
        mark = _mark(str(kind))
        for index, part in enumerate(text.split("\n")):
            if index:
                rows.append([])
            if part:
                escaped = html.escape(part)
                rows[-1].append(f'<i class="{mark}">{escaped}</i>' if mark else escaped)
    # Pygments ends what it is given with a line break of its own.
    return [Html("".join(row)) for row in rows[: len(lines)]]


@lru_cache(maxsize=32)
def _lexer(name: str, suffix: str) -> Any:
    """Imported at the first diff: Pygments knows hundreds of languages."""
    from pygments.lexers import get_lexer_by_name

    language = _NAMES.get(name) or _LEXERS.get(suffix)
    return get_lexer_by_name(language, stripnl=False, ensurenl=True) if language else None


@lru_cache(maxsize=256)
def _mark(kind: str) -> str:
    bare = kind.removeprefix("Token.")
    return next((mark for prefix, mark in _CLASSES if bare.startswith(prefix)), "")
