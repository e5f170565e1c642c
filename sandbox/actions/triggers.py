"""Which workflows an event starts: event name, activity type, branch and path filters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.actions.workflow_file import Workflow, WorkflowError

OPTIONS = {
    "push": {"branches", "branches-ignore", "paths", "paths-ignore"},
    "pull_request": {"branches", "branches-ignore", "paths", "paths-ignore", "types"},
    "workflow_dispatch": {"inputs"},
}
DEFAULT_TYPES = ("opened", "synchronize", "reopened")


def starts(workflow: Workflow, event: str, *, branch: str, action: str = "", paths: Iterable[str] = ()) -> bool:
    """Whether `workflow` runs for the event; `branch` is the pushed or the base branch, `paths` what changed."""
    options = workflow.triggers.get(event)
    if options is None:
        return False
    unknown = set(options) - OPTIONS.get(event, set())
    if unknown:
        raise WorkflowError(f"{workflow.path}: on.{event}.{min(unknown)} is not supported by this runner")
    if event == "pull_request" and action not in options.get("types", DEFAULT_TYPES):
        return False
    return _branch_matches(options, branch) and _paths_match(options, list(paths))


def _branch_matches(options: Mapping[str, Any], branch: str) -> bool:
    if "branches" in options:
        return _last_match(options["branches"], branch)
    if "branches-ignore" in options:
        return not _last_match(options["branches-ignore"], branch)
    return True


def _paths_match(options: Mapping[str, Any], paths: list[str]) -> bool:
    if "paths" in options:
        return any(_last_match(options["paths"], path) for path in paths)
    if "paths-ignore" in options:
        return any(not _last_match(options["paths-ignore"], path) for path in paths)
    return True


def _last_match(patterns: Iterable[str], text: str) -> bool:
    """Patterns are read in order; a leading `!` takes back an earlier match."""
    matched = False
    for pattern in patterns:
        if pattern.startswith("!"):
            matched = matched and not _glob(pattern[1:], text)
        else:
            matched = matched or _glob(pattern, text)
    return matched


def _glob(pattern: str, text: str) -> bool:
    expression = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        expression += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.fullmatch(expression, text) is not None
