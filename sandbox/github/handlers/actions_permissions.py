"""What Actions may do in a repository: which actions run, and what a workflow's token may do without being asked."""

from __future__ import annotations

from sandbox.github import actions_permissions as kept
from sandbox.github.errors import GitHubError
from sandbox.github.wire import NO_CONTENT, Call, Reply

PLACE = "/repos/{owner}/{repo}/actions/permissions"


def read(call: Call) -> Reply:
    """Whether Actions run at all, and which."""
    settings = kept.of(call.world, call.repository("administration", "read")["full_name"])
    return Reply({name: settings[name] for name in ("enabled", "allowed_actions", "sha_pinning_required")})


def write(call: Call) -> Reply:
    """Let all actions run, those of this organisation, or those that are selected."""
    repository, given = call.repository("administration", "write"), call.body()
    if not isinstance(given.get("enabled"), bool):
        raise GitHubError(422, 'Invalid request.\n\n"enabled" wasn\'t supplied.')
    if given.get("allowed_actions", "all") not in {"all", "local_only", "selected"}:
        raise GitHubError(422, "Invalid request.\n\nallowed_actions must be all, local_only or selected.")
    kept.change(call.world, repository["full_name"], given)
    return NO_CONTENT


def read_selected(call: Call) -> Reply:
    """The actions that were selected; 409 where all may run."""
    settings = _selecting(call, "read")
    return Reply({name: settings[name] for name in ("github_owned_allowed", "verified_allowed", "patterns_allowed")})


def write_selected(call: Call) -> Reply:
    """Select actions by their owner and by patterns."""
    _selecting(call, "write")
    kept.change(call.world, call.repository("administration", "write")["full_name"], call.body())
    return NO_CONTENT


def read_workflow(call: Call) -> Reply:
    """What a workflow's token may do where the workflow does not say, and whether it may approve."""
    settings = kept.of(call.world, call.repository("administration", "read")["full_name"])
    return Reply(
        {name: settings[name] for name in ("default_workflow_permissions", "can_approve_pull_request_reviews")}
    )


def write_workflow(call: Call) -> Reply:
    """Change what a workflow's token may do."""
    repository, given = call.repository("administration", "write"), call.body()
    if given.get("default_workflow_permissions", "read") not in {"read", "write"}:
        raise GitHubError(422, "Invalid request.\n\ndefault_workflow_permissions must be read or write.")
    kept.change(call.world, repository["full_name"], given)
    return NO_CONTENT


def _selecting(call: Call, action: str) -> dict[str, object]:
    settings = kept.of(call.world, call.repository("administration", action)["full_name"])
    if settings["allowed_actions"] != "selected":
        raise GitHubError(409, "Conflict: allowed_actions is not `selected`.")
    return settings


ROUTES = (
    ("GET", PLACE, read),
    ("PUT", PLACE, write),
    ("GET", f"{PLACE}/selected-actions", read_selected),
    ("PUT", f"{PLACE}/selected-actions", write_selected),
    ("GET", f"{PLACE}/workflow", read_workflow),
    ("PUT", f"{PLACE}/workflow", write_workflow),
)
