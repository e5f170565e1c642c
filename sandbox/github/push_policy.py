"""Which refs of a push the rules refuse, and in which words. The `update` hook reads the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from sandbox.github import gate
from sandbox.github.errors import rule_violations
from sandbox.github.git import Git
from sandbox.github.models import ZERO
from sandbox.github.pushes import RefChange
from sandbox.github.rules import BranchRules, ref_rules
from sandbox.state.documents import Document
from sandbox.world import World

NEEDS_PULL_REQUEST = "Changes must be made through a pull request."
NO_FORCE_PUSH = "Cannot force-push to this branch"
NO_DELETION = "Cannot delete this branch"
NO_TAG_DELETION = "Cannot delete this tag"


def commands(head: bytes) -> list[RefChange]:
    """The ref changes at the start of a `git-receive-pack` request: pkt-lines up to the first flush."""
    found = []
    position = 0
    while position + 4 <= len(head):
        length = int(head[position : position + 4], 16)
        if length == 0:
            break
        line = head[position + 4 : position + length].split(b"\0", 1)[0].rstrip(b"\n").decode(errors="replace")
        before, _, rest = line.partition(" ")
        after, _, ref = rest.partition(" ")
        if len(before) == len(after) == 40:
            found.append(RefChange(ref, before, after))
        position += length
    return found


def policy(world: World, repository: Document, changes: Sequence[RefChange], permission: str) -> dict[str, Any]:
    """What `push_hook` needs to know about each ref that some rule may refuse."""
    found: dict[str, Any] = {}
    for change in changes:
        rules = ref_rules(world, repository, change.ref, permission)
        if rules is None:
            continue
        always = refused(world, repository, change, rules)
        forced = [NO_FORCE_PUSH] if "non_fast_forward" in rules.types else []
        if always or forced:
            found[change.ref] = {"always": always, "forced": forced} | _words(world, repository, change.ref, rules)
    return found


def refused(world: World, repository: Document, change: RefChange, rules: BranchRules) -> list[str]:
    """Why a change is refused whatever its history; a branch's first push needs no pull request."""
    if change.after == ZERO:
        words = NO_TAG_DELETION if change.ref.startswith("refs/tags/") else NO_DELETION
        return [words] if "deletion" in rules.types else []
    creates = change.before == ZERO
    sentences = []
    if creates and "creation" in rules.types:
        sentences.append("Cannot create ref due to creations being restricted.")
    if not creates and "update" in rules.types:
        sentences.append("Cannot update this protected ref.")
    if not creates and rules.reviewed:
        sentences.append(NEEDS_PULL_REQUEST)
    if rules.checks_on_create or not creates:
        sentences += gate.missing_checks(world, repository["full_name"], change.after, rules)
    return sentences


def require_allowed(world: World, repository: Document, change: RefChange, permission: str, git: Git) -> None:
    """The same rules for a ref that the REST API moves: 422 with one paragraph per rule."""
    rules = ref_rules(world, repository, change.ref, permission)
    if rules is None:
        return
    sentences = refused(world, repository, change, rules)
    moves = ZERO not in {change.before, change.after}
    if moves and "non_fast_forward" in rules.types and not git.is_ancestor(change.before, change.after):
        sentences.append(NO_FORCE_PUSH)
    if sentences:
        raise rule_violations(422, sentences)


def _words(world: World, repository: Document, ref: str, rules: BranchRules) -> dict[str, Any]:
    if rules.legacy:
        return {"title": f"GH006: Protected branch update failed for {ref}.", "review": []}
    page = f"{world.settings.url}/{repository['full_name']}/rules?ref={quote(ref, safe='')}"
    title = f"GH013: Repository rule violations found for {ref}."
    return {"title": title, "review": [f"Review all repository rules at {page}", ""]}
