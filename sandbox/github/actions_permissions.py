"""The Actions permissions of a repository, and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from sandbox.state.documents import Document
from sandbox.world import World

KIND = "github_actions_permissions"  # by lower-cased repository
DEFAULTS: Document = {
    "enabled": True,
    "allowed_actions": "all",
    "sha_pinning_required": False,
    "github_owned_allowed": False,
    "verified_allowed": False,
    "patterns_allowed": [],
    "default_workflow_permissions": "read",
    "can_approve_pull_request_reviews": False,
}
"""GitHub's for a new repository of an organisation; the first is what Actions do before anybody has chosen."""
PINNED = re.compile(r"@[0-9a-f]{40}$")


def of(world: World, repository: str) -> Document:
    return {**DEFAULTS, **(world.documents.get(KIND, repository.lower()) or {})}


def change(world: World, repository: str, given: Mapping[str, object]) -> None:
    known = {name: value for name, value in given.items() if name in DEFAULTS}
    world.documents.put(KIND, repository.lower(), {**of(world, repository), **known})


def refusal(world: World, repository: str, used: str) -> str:
    """Why a step may not use this action (`owner/name@ref`), in GitHub's words; "" where it may."""
    settings = of(world, repository)
    if settings["sha_pinning_required"] and not PINNED.search(used):
        return (
            f"The action {used} is not allowed in {repository} because all actions must be pinned to a full-length "
            "commit SHA."
        )
    if settings["allowed_actions"] == "all":
        return ""
    owner = used.partition("/")[0].lower()
    allowed = owner == repository.partition("/")[0].lower()
    if settings["allowed_actions"] == "selected":
        allowed = allowed or (settings["github_owned_allowed"] and owner in {"actions", "github"})
        allowed = allowed or any(fnmatchcase(used, pattern) for pattern in settings["patterns_allowed"])
    if allowed:
        return ""
    return (
        f"The action {used} is not allowed in {repository} because all actions must be from a repository owned by "
        f"{repository.partition('/')[0]}, created by GitHub, or match one of the patterns."
    )
