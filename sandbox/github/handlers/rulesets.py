"""Rulesets of a repository, and the rules that apply to a branch."""

from __future__ import annotations

from typing import Any

from sandbox.github import rules
from sandbox.github.errors import not_found
from sandbox.github.payloads.repositories import api_url, html_url
from sandbox.github.wire import NO_CONTENT, Call, Reply
from sandbox.state.documents import Document


def _row(call: Call, repository: Document, body: Document) -> dict[str, Any]:
    url = f"{api_url(call.world, repository)}/rulesets/{body['id']}"
    return {
        "id": body["id"],
        "name": body["name"],
        "target": body["target"],
        "source_type": "Repository",
        "source": repository["full_name"],
        "enforcement": body["enforcement"],
        "node_id": f"RRS_{body['id']}",
        "_links": {
            "self": {"href": url},
            "html": {"href": f"{html_url(call.world, repository)}/rules/{body['id']}"},
        },
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
    }


def _full(call: Call, repository: Document, body: Document) -> dict[str, Any]:
    """Bypass actors are shown only to who may write the ruleset: absent means unknown, not none."""
    full = _row(call, repository, body) | {"conditions": body["conditions"], "rules": body["rules"]}
    if call.caller.may(repository, "administration", "write"):
        full["bypass_actors"] = body["bypass_actors"]
    return full | {"current_user_can_bypass": "never" if not body["bypass_actors"] else "always"}


def ruleset_list(call: Call) -> Reply:
    """All rulesets, without their rules."""
    repository = call.repository()
    return call.paged(rules.rulesets(call.world, repository), lambda body: _row(call, repository, body))


def create(call: Call) -> Reply:
    """A new ruleset, for administrators; it applies from the next push and merge on."""
    repository = call.repository("administration", "write")
    return Reply(_full(call, repository, rules.save_ruleset(call.world, repository, call.body())), 201)


def read(call: Call) -> Reply:
    """One ruleset with its rules."""
    repository = call.repository()
    return Reply(_full(call, repository, rules.ruleset(call.world, repository, call.number("ruleset"))))


def change(call: Call) -> Reply:
    """Change the fields that are given."""
    repository = call.repository("administration", "write")
    return Reply(
        _full(call, repository, rules.save_ruleset(call.world, repository, call.body(), call.number("ruleset")))
    )


def delete(call: Call) -> Reply:
    """Delete a ruleset."""
    repository = call.repository("administration", "write")
    rules.delete_ruleset(call.world, repository, call.number("ruleset"))
    return NO_CONTENT


def branch_rules(call: Call) -> Reply:
    """Every active rule that applies to a branch, with the ruleset it comes from."""
    repository = call.repository()
    branch = str(call.path["branch"])
    if not branch:
        raise not_found()
    found = rules.branch_rules(call.world, repository, branch).sources

    def row(pair: tuple[Document, Document]) -> dict[str, Any]:
        rule, body = pair
        source = {"ruleset_source_type": "Repository", "ruleset_source": repository["full_name"]}
        return {**rule, **source, "ruleset_id": body["id"]}

    return call.paged(found, row)


ROUTES = (
    ("GET", "/repos/{owner}/{repo}/rulesets", ruleset_list),
    ("POST", "/repos/{owner}/{repo}/rulesets", create),
    ("GET", "/repos/{owner}/{repo}/rulesets/{ruleset}", read),
    ("PUT", "/repos/{owner}/{repo}/rulesets/{ruleset}", change),
    ("DELETE", "/repos/{owner}/{repo}/rulesets/{ruleset}", delete),
    ("GET", "/repos/{owner}/{repo}/rules/branches/{branch:path}", branch_rules),
)
