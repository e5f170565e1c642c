"""Actions variables of a repository."""

from __future__ import annotations

from typing import Any

from sandbox.github import variables
from sandbox.github.wire import NO_CONTENT, Call, Reply
from sandbox.state.documents import Document


def _row(body: Document) -> dict[str, Any]:
    return dict(body)


def variable_list(call: Call) -> Reply:
    """All variables, by name."""
    repository = call.repository("variables", "read")
    return call.paged(variables.every(call.world, repository["full_name"]), _row, wrap="variables")


def read(call: Call) -> Reply:
    """One variable."""
    repository = call.repository("variables", "read")
    return Reply(variables.get(call.world, repository["full_name"], str(call.path["name"])))


def create(call: Call) -> Reply:
    """A new variable."""
    repository = call.repository("variables", "write")
    variables.create(call.world, repository["full_name"], call.body())
    return Reply({}, 201)


def change(call: Call) -> Reply:
    """A new value."""
    repository = call.repository("variables", "write")
    variables.change(call.world, repository["full_name"], str(call.path["name"]), call.body())
    return NO_CONTENT


def delete(call: Call) -> Reply:
    """Delete a variable."""
    repository = call.repository("variables", "write")
    variables.delete(call.world, repository["full_name"], str(call.path["name"]))
    return NO_CONTENT


ROUTES = (
    ("GET", "/repos/{owner}/{repo}/actions/variables", variable_list),
    ("POST", "/repos/{owner}/{repo}/actions/variables", create),
    ("GET", "/repos/{owner}/{repo}/actions/variables/{name}", read),
    ("PATCH", "/repos/{owner}/{repo}/actions/variables/{name}", change),
    ("DELETE", "/repos/{owner}/{repo}/actions/variables/{name}", delete),
)
