"""A pull request's conversation and labels; this world has no issues that are not pull requests."""

from __future__ import annotations

from sandbox.github import comments, pulls
from sandbox.github.errors import GitHubError, invalid, not_found
from sandbox.github.payloads import pulls as payloads
from sandbox.github.wire import NO_CONTENT, Call, Reply
from sandbox.state.documents import Document


def _pull(call: Call, action: str = "read") -> tuple[Document, Document]:
    allowed = "pull_requests" if call.caller.app is not None else "issues"
    repository = call.repository(allowed, action)
    return repository, pulls.get(call.world, repository["full_name"], call.number("number"))


def comment_list(call: Call) -> Reply:
    """Comments, oldest first."""
    repository, pull = _pull(call)
    found = comments.every(call.world, pull)
    return call.paged(found, lambda comment: payloads.issue_comment(call.world, repository, comment))


def create_comment(call: Call) -> Reply:
    """A comment by any person who can read the repository, or by an app that may write."""
    repository, pull = _pull(call, "read" if call.caller.person is not None else "write")
    comment = comments.create(call.world, pull, call.caller.login, call.body())
    return Reply(payloads.issue_comment(call.world, repository, comment), 201)


def read_comment(call: Call) -> Reply:
    """One comment."""
    repository = call.repository()
    found = comments.get(call.world, repository, call.number("comment"))
    return Reply(payloads.issue_comment(call.world, repository, found))


def change_comment(call: Call) -> Reply:
    """New text for one's own comment."""
    repository = _own(call)
    body = call.body().get("body")
    if not isinstance(body, str) or not body:
        raise invalid("IssueComment", "body", "missing_field")
    changed = comments.change(call.world, repository, call.number("comment"), body, call.caller.login)
    return Reply(payloads.issue_comment(call.world, repository, changed))


def delete_comment(call: Call) -> Reply:
    """Delete one's own comment."""
    repository = _own(call)
    comments.delete(call.world, repository, call.number("comment"), call.caller.login)
    return NO_CONTENT


def _own(call: Call) -> Document:
    repository = call.repository()
    found = comments.get(call.world, repository, call.number("comment"))
    if found["user"] != call.caller.login and not call.caller.may(repository, "administration", "write"):
        raise GitHubError(403, "Must have admin rights to Repository.")
    return repository


def labels(call: Call) -> Reply:
    """Labels of the pull request."""
    repository, pull = _pull(call)
    return call.paged(pull["labels"], lambda name: payloads.label(call.world, repository, name))


def add_labels(call: Call) -> Reply:
    """Add labels; new names come into being."""
    return _relabel(call, keep=True)


def set_labels(call: Call) -> Reply:
    """Replace all labels."""
    return _relabel(call, keep=False)


def _relabel(call: Call, *, keep: bool) -> Reply:
    repository, pull = _pull(call, "write")
    given = call.json_body()
    given = given.get("labels") if isinstance(given, dict) else given
    if not isinstance(given, list):
        raise invalid("Issue", "labels", "missing_field")
    names = [str(item["name"] if isinstance(item, dict) else item) for item in given]
    wanted = list(dict.fromkeys([*(pull["labels"] if keep else ()), *names]))
    changed = pulls.change(call.world, pull, labels=wanted)
    return Reply([payloads.label(call.world, repository, name) for name in changed["labels"]])


def remove_label(call: Call) -> Reply:
    """Remove one label."""
    repository, pull = _pull(call, "write")
    name = str(call.path["label"])
    if name not in pull["labels"]:
        raise not_found("Label does not exist")
    changed = pulls.change(call.world, pull, labels=[other for other in pull["labels"] if other != name])
    return Reply([payloads.label(call.world, repository, other) for other in changed["labels"]])


def repository_labels(call: Call) -> Reply:
    """Every label in use."""
    repository = call.repository()
    used = {name: None for pull in pulls.every(call.world, repository["full_name"]) for name in pull["labels"]}
    return call.paged(list(used), lambda name: payloads.label(call.world, repository, name))


ISSUE = "/repos/{owner}/{repo}/issues/{number}"
COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment}"
ROUTES = (
    ("GET", COMMENT, read_comment),
    ("PATCH", COMMENT, change_comment),
    ("DELETE", COMMENT, delete_comment),
    ("GET", f"{ISSUE}/comments", comment_list),
    ("POST", f"{ISSUE}/comments", create_comment),
    ("GET", f"{ISSUE}/labels", labels),
    ("POST", f"{ISSUE}/labels", add_labels),
    ("PUT", f"{ISSUE}/labels", set_labels),
    ("DELETE", f"{ISSUE}/labels/{{label}}", remove_label),
    ("GET", "/repos/{owner}/{repo}/labels", repository_labels),
)
