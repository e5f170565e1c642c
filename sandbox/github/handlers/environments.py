"""Deployment environments and the branches that may deploy to them.

Reading asks for the permission on Actions, writing for the administration of the repository, as GitHub documents it.
Reviewers of a private repository's environment need the Enterprise plan.
"""

from __future__ import annotations

from typing import Any

from sandbox.accounts import PEOPLE
from sandbox.github.errors import GitHubError, not_found
from sandbox.github.payloads.accounts import user
from sandbox.github.payloads.repositories import api_url, html_url
from sandbox.github.repositories import stamp
from sandbox.github.wire import NO_CONTENT, Call, Reply
from sandbox.state.documents import Document

ENVIRONMENT = "github_environment"  # by repository/name


def _key(repository: Document, name: str) -> str:
    return f"{repository['full_name'].lower()}/{name.lower()}"


def _payload(call: Call, repository: Document, body: Document) -> dict[str, Any]:
    rules: list[dict[str, Any]] = []
    if body["wait_timer"]:
        rules.append({"id": body["id"] * 10 + 1, "node_id": f"GA_{body['id']}1", "type": "wait_timer"})
        rules[-1]["wait_timer"] = body["wait_timer"]
    if body["reviewers"]:
        people = [person for person in PEOPLE if person.number in {r["id"] for r in body["reviewers"]}]
        reviewers = [{"type": "User", "reviewer": user(call.world, person.login)} for person in people]
        rules.append(
            {
                "id": body["id"] * 10 + 2,
                "node_id": f"GA_{body['id']}2",
                "type": "required_reviewers",
                "prevent_self_review": body["prevent_self_review"],
                "reviewers": reviewers,
            }
        )
    if body["deployment_branch_policy"]:
        rules.append({"id": body["id"] * 10 + 3, "node_id": f"GA_{body['id']}3", "type": "branch_policy"})
    return {
        "id": body["id"],
        "node_id": f"EN_{body['id']}",
        "name": body["name"],
        "url": f"{api_url(call.world, repository)}/environments/{body['name']}",
        "html_url": f"{html_url(call.world, repository)}/deployments/activity_log?environments_filter={body['name']}",
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "protection_rules": rules,
        "deployment_branch_policy": body["deployment_branch_policy"],
    }


def environment_list(call: Call) -> Reply:
    """All environments."""
    repository = call.repository("actions", "read")
    found = [body for _, body in call.world.documents.list(ENVIRONMENT, f"{repository['full_name'].lower()}/")]
    return call.paged(found, lambda body: _payload(call, repository, body), wrap="environments")


def _environment(call: Call, action: str) -> tuple[Document, Document]:
    repository = call.repository(*(("actions", "read") if action == "read" else ("administration", "write")))
    found = call.world.documents.get(ENVIRONMENT, _key(repository, str(call.path["name"])))
    if found is None:
        raise not_found()
    return repository, found


def read(call: Call) -> Reply:
    """One environment with its protection rules."""
    repository, body = _environment(call, "read")
    return Reply(_payload(call, repository, body))


def put(call: Call) -> Reply:
    """Create or change an environment."""
    repository = call.repository("administration", "write")
    name, given = str(call.path["name"]), call.body()
    before = call.world.documents.get(ENVIRONMENT, _key(repository, name))
    now = stamp(call.world)
    policy = given.get("deployment_branch_policy")
    if policy is not None and policy.get("protected_branches") == policy.get("custom_branch_policies"):
        raise GitHubError(422, "protected_branches and custom_branch_policies cannot have the same value")
    if given.get("reviewers") and repository["private"] and call.world.settings.github_plan != "enterprise":
        raise GitHubError(
            422,
            "Failed to create the environment protection rule. Please ensure the billing plan supports the required "
            "reviewers protection rule.",
        )
    body: Document = before or {
        "id": 20_000 + call.world.documents.next_number("github_environment"),
        "name": name,
        "created_at": now,
        "branch_policies": [],
    }
    body = body | {
        "wait_timer": int(given.get("wait_timer") or 0),
        "prevent_self_review": bool(given.get("prevent_self_review")),
        "reviewers": given.get("reviewers") or [],
        "deployment_branch_policy": policy,
        "updated_at": now,
    }
    call.world.documents.put(ENVIRONMENT, _key(repository, name), body)
    return Reply(_payload(call, repository, body))


def delete(call: Call) -> Reply:
    """Delete an environment."""
    repository, body = _environment(call, "write")
    call.world.documents.delete(ENVIRONMENT, _key(repository, body["name"]))
    return NO_CONTENT


def policy_list(call: Call) -> Reply:
    """Branch patterns that may deploy."""
    _, body = _environment(call, "read")
    return call.paged(body["branch_policies"], dict, wrap="branch_policies")


def create_policy(call: Call) -> Reply:
    """Let one more branch pattern deploy."""
    repository, body = _environment(call, "write")
    if not (body["deployment_branch_policy"] or {}).get("custom_branch_policies"):
        raise not_found()
    given = call.body()
    number = call.world.documents.next_number("github_branch_policy")
    policy = {"id": number, "node_id": f"DBP_{number}", "name": given.get("name"), "type": given.get("type", "branch")}
    policies = [*body["branch_policies"], policy]
    call.world.documents.update(
        ENVIRONMENT, _key(repository, body["name"]), lambda old: old | {"branch_policies": policies}
    )
    return Reply(policy)


PLACE = "/repos/{owner}/{repo}/environments"
ROUTES = (
    ("GET", PLACE, environment_list),
    ("GET", f"{PLACE}/{{name}}", read),
    ("PUT", f"{PLACE}/{{name}}", put),
    ("DELETE", f"{PLACE}/{{name}}", delete),
    ("GET", f"{PLACE}/{{name}}/deployment-branch-policies", policy_list),
    ("POST", f"{PLACE}/{{name}}/deployment-branch-policies", create_policy),
)
