"""CODEOWNERS as GitHub reads it: the last line that matches a path names its owners."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnerRule:
    pattern: re.Pattern[str]
    owners: tuple[str, ...]


def parse(text: str) -> tuple[OwnerRule, ...]:
    """Rules in file order; owners without the `@`. Comments and blank lines are skipped."""
    rules = []
    for line in text.splitlines():
        pattern, *owners = line.split("#", 1)[0].split() or [""]
        if pattern:
            rules.append(OwnerRule(_expression(pattern), tuple(owner.lstrip("@") for owner in owners)))
    return tuple(rules)


def owners_of(rules: Iterable[OwnerRule], paths: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The distinct groups of owners that these paths need a review from; an unowned path needs none."""
    groups: dict[tuple[str, ...], None] = {}
    in_reverse = list(rules)[::-1]
    for path in paths:
        match = next((rule for rule in in_reverse if rule.pattern.match(path)), None)
        if match is not None and match.owners:
            groups[match.owners] = None
    return tuple(groups)


def _expression(pattern: str) -> re.Pattern[str]:
    """GitHub's subset of gitignore patterns: `*`, `**`, `?`, a leading `/` anchors, a trailing `/` means a folder."""
    anchored = "/" in pattern.rstrip("/")
    body = re.escape(pattern.strip("/"))
    body = body.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    start = "" if anchored else "(?:.*/)?"
    end = "/.*" if pattern.endswith("/") else "(?:/.*)?"
    return re.compile(f"{start}{body}{end}$")
