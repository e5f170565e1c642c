"""Annotated tags as git objects. A tag becomes visible when a ref is made for it (`POST git/refs`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.github import repositories
from sandbox.github.access import Caller
from sandbox.github.errors import GitHubError, not_found
from sandbox.github.git import GitError
from sandbox.github.models import Signature
from sandbox.github.payloads import commits as payloads
from sandbox.github.wire import Call, Reply

KINDS = ("commit", "tree", "blob")
NO_REPLY = "users.noreply.github.com"


def create_tag(call: Call) -> Reply:
    """A new annotated tag object at an existing object; no ref is made."""
    repository = call.repository("contents", "write")
    given = call.body()
    for field in ("tag", "message", "object", "type"):
        if not isinstance(given.get(field), str):
            raise GitHubError(422, f'Invalid request.\n\n"{field}" wasn\'t supplied.')
    git = repositories.git_of(call.world, repository["full_name"])
    name, target, kind = given["tag"], given["object"], given["type"]
    if kind not in KINDS or git.attempt("check-ref-format", f"refs/tags/{name}").returncode != 0:
        raise GitHubError(422, "Invalid request.\n\nFor 'properties/tag', it is not a valid tag.")
    if git.kind(target) != kind:
        raise GitHubError(422, "Could not verify object")
    sha = git.make_tag(name, target, kind, given["message"], _tagger(call, given.get("tagger")))
    return Reply(payloads.git_tag(call.world, repository, git.tag(sha)), 201)


def tag(call: Call) -> Reply:
    """One annotated tag, by the name of its object."""
    repository = call.repository("contents", "read")
    git = repositories.git_of(call.world, repository["full_name"])
    sha = str(call.path["sha"])
    if git.kind(sha) != "tag":
        raise not_found()
    try:
        return Reply(payloads.git_tag(call.world, repository, git.tag(sha)))
    except (GitError, KeyError) as error:
        raise not_found() from error


def _tagger(call: Call, given: Any) -> Signature:
    """The tagger as sent, or the caller now."""
    if not isinstance(given, dict):
        return Signature(call.caller.login, _address(call.caller), datetime.now(UTC).isoformat())
    if not all(isinstance(given.get(field), str) for field in ("name", "email")):
        raise GitHubError(422, "Invalid request.\n\nFor 'properties/tagger', name and email are required.")
    date = given.get("date") or datetime.now(UTC).isoformat()
    try:
        moment = datetime.fromisoformat(str(date))
    except ValueError as error:
        raise GitHubError(422, f"Invalid request.\n\n{date} is not a date.") from error
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Signature(given["name"], given["email"], at.isoformat())


def _address(caller: Caller) -> str:
    return f"{caller.number}+{caller.login}@{NO_REPLY}"


ROUTES = (
    ("POST", "/repos/{owner}/{repo}/git/tags", create_tag),
    ("GET", "/repos/{owner}/{repo}/git/tags/{sha}", tag),
)
