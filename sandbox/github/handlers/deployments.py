"""Deployments and their statuses: the public record of which commit serves where."""

from __future__ import annotations

from typing import Any

from sandbox.github import checks, repositories
from sandbox.github.errors import GitHubError, not_found
from sandbox.github.payloads.accounts import user
from sandbox.github.payloads.repositories import api_url
from sandbox.github.wire import NO_CONTENT, Call, Reply
from sandbox.state.documents import Document

DEPLOYMENT = "github_deployment"  # by repository/id
STATUS = "github_deployment_status"  # by repository/deployment/id
STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")


def _key(repository: Document, number: int) -> str:
    return f"{repository['full_name'].lower()}/{number:012d}"


def _payload(call: Call, repository: Document, body: Document) -> dict[str, Any]:
    url = f"{api_url(call.world, repository)}/deployments/{body['id']}"
    return {
        "url": url,
        "id": body["id"],
        "node_id": f"DE_{body['id']}",
        "sha": body["sha"],
        "ref": body["ref"],
        "task": body["task"],
        "payload": body["payload"],
        "original_environment": body["environment"],
        "environment": body["environment"],
        "description": body["description"],
        "creator": user(call.world, body["creator"]),
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "statuses_url": f"{url}/statuses",
        "repository_url": api_url(call.world, repository),
        "transient_environment": body["transient_environment"],
        "production_environment": body["production_environment"],
        "performed_via_github_app": None,
    }


def deployment_list(call: Call) -> Reply:
    """Deployments, newest first; `environment`, `sha`, `ref` and `task` narrow them."""
    repository = call.repository("deployments", "read")
    found = [body for _, body in call.world.documents.list(DEPLOYMENT, f"{repository['full_name'].lower()}/")]
    wanted = {field: call.query[field] for field in ("environment", "sha", "ref", "task") if call.query.get(field)}
    found = [body for body in found if all(body[field] == value for field, value in wanted.items())]
    return call.paged(found[::-1], lambda body: _payload(call, repository, body))


def create(call: Call) -> Reply:
    """A deployment of a commit; 409 when its required contexts (all checks by default) have not succeeded."""
    repository = call.repository("deployments", "write")
    given = call.body()
    ref = str(given.get("ref") or "")
    sha = repositories.git_of(call.world, repository["full_name"]).resolve(ref)
    if sha is None:
        raise GitHubError(422, f"No ref found for: {ref}")
    _require_checks(call, repository, sha, given.get("required_contexts"))
    number = 30_000 + call.world.documents.next_number("github_deployment")
    now = repositories.stamp(call.world)
    environment = str(given.get("environment") or "production")
    body: Document = {
        "id": number,
        "sha": sha,
        "ref": ref,
        "task": given.get("task") or "deploy",
        "payload": given.get("payload") or {},
        "environment": environment,
        "description": given.get("description"),
        "creator": call.caller.login,
        "transient_environment": bool(given.get("transient_environment", False)),
        "production_environment": bool(given.get("production_environment", environment == "production")),
        "created_at": now,
        "updated_at": now,
    }
    call.world.documents.put(DEPLOYMENT, _key(repository, number), body)
    return Reply(_payload(call, repository, body), 201)


def _require_checks(call: Call, repository: Document, sha: str, contexts: list[str] | None) -> None:
    runs = {run["name"]: run["conclusion"] for run in checks.check_runs(call.world, repository["full_name"], sha)}
    states = {s["context"]: s["state"] for s in checks.statuses(call.world, repository["full_name"], sha)}
    wanted = list(runs) + list(states) if contexts is None else contexts
    bad = [n for n in wanted if runs.get(n, "") not in checks.PASSING and states.get(n) != "success"]
    if bad:
        error = {"contexts": [{"context": n, "state": runs.get(n) or states.get(n) or "pending"} for n in wanted]}
        field = error | {"resource": "Deployment", "field": "required_contexts", "code": "invalid"}
        raise GitHubError(409, f"Conflict: Commit status checks failed for {sha}.", errors=[field])


def _deployment(call: Call, action: str) -> tuple[Document, Document]:
    repository = call.repository("deployments", action)
    found = call.world.documents.get(DEPLOYMENT, _key(repository, call.number("deployment")))
    if found is None:
        raise not_found()
    return repository, found


def read(call: Call) -> Reply:
    """One deployment."""
    repository, body = _deployment(call, "read")
    return Reply(_payload(call, repository, body))


def delete(call: Call) -> Reply:
    """Delete an inactive deployment."""
    repository, body = _deployment(call, "write")
    statuses = _statuses(call, repository, body)
    if statuses and statuses[-1]["state"] == "success":
        raise GitHubError(422, "We cannot delete an active deployment unless it is the only deployment.")
    call.world.documents.delete(DEPLOYMENT, _key(repository, body["id"]))
    return NO_CONTENT


def _statuses(call: Call, repository: Document, body: Document) -> list[Document]:
    return [status for _, status in call.world.documents.list(STATUS, f"{_key(repository, body['id'])}/")]


def _status_payload(call: Call, repository: Document, body: Document, status: Document) -> dict[str, Any]:
    url = f"{api_url(call.world, repository)}/deployments/{body['id']}"
    return {
        "url": f"{url}/statuses/{status['id']}",
        "id": status["id"],
        "node_id": f"DES_{status['id']}",
        "state": status["state"],
        "creator": user(call.world, status["creator"]),
        "description": status["description"],
        "environment": body["environment"],
        "target_url": status["log_url"],
        "created_at": status["created_at"],
        "updated_at": status["created_at"],
        "deployment_url": url,
        "repository_url": api_url(call.world, repository),
        "environment_url": status["environment_url"],
        "log_url": status["log_url"],
        "performed_via_github_app": None,
    }


def status_list(call: Call) -> Reply:
    """Statuses of a deployment, newest first."""
    repository, body = _deployment(call, "read")
    found = _statuses(call, repository, body)[::-1]
    return call.paged(found, lambda status: _status_payload(call, repository, body, status))


def create_status(call: Call) -> Reply:
    """A new state; a success makes earlier successful deployments of the environment inactive."""
    repository, body = _deployment(call, "write")
    given = call.body()
    if given.get("state") not in STATES:
        raise GitHubError(422, 'Invalid request.\n\n"state" wasn\'t supplied.')
    status = _add_status(call, repository, body, given)
    if given["state"] == "success" and given.get("auto_inactive", True):
        for _, other in call.world.documents.list(DEPLOYMENT, f"{repository['full_name'].lower()}/"):
            earlier = other["environment"] == body["environment"] and other["id"] < body["id"]
            states = _statuses(call, repository, other) if earlier else []
            if states and states[-1]["state"] == "success":
                _add_status(call, repository, other, {"state": "inactive"})
    return Reply(_status_payload(call, repository, body, status), 201)


def _add_status(call: Call, repository: Document, body: Document, given: dict[str, Any]) -> Document:
    number = call.world.documents.next_number("github_deployment_status")
    status: Document = {
        "id": number,
        "state": given["state"],
        "description": str(given.get("description") or ""),
        "log_url": str(given.get("log_url") or given.get("target_url") or ""),
        "environment_url": str(given.get("environment_url") or ""),
        "creator": call.caller.login,
        "created_at": repositories.stamp(call.world),
    }
    call.world.documents.put(STATUS, f"{_key(repository, body['id'])}/{number:012d}", status)
    return status


REPO = "/repos/{owner}/{repo}"
ROUTES = (
    ("GET", f"{REPO}/deployments", deployment_list),
    ("POST", f"{REPO}/deployments", create),
    ("GET", f"{REPO}/deployments/{{deployment}}", read),
    ("DELETE", f"{REPO}/deployments/{{deployment}}", delete),
    ("GET", f"{REPO}/deployments/{{deployment}}/statuses", status_list),
    ("POST", f"{REPO}/deployments/{{deployment}}/statuses", create_status),
)
