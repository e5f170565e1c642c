"""Branches, git refs and branch protection."""

from __future__ import annotations

from typing import Any

from sandbox.github import push_policy, pushes, repositories, rules
from sandbox.github.errors import GitHubError, invalid, not_found
from sandbox.github.git import Git
from sandbox.github.models import ZERO
from sandbox.github.payloads import commits as payloads
from sandbox.github.payloads.repositories import api_url, html_url
from sandbox.github.pushes import RefChange
from sandbox.github.wire import NO_CONTENT, Call, Reply
from sandbox.state.documents import Document


def _git(call: Call, repository: Document) -> Git:
    return repositories.git_of(call.world, repository["full_name"])


def _protected(call: Call, repository: Document, branch: str) -> bool:
    return bool(rules.branch_rules(call.world, repository, branch).types)


def branches(call: Call) -> Reply:
    """All branches, by name."""
    repository = call.repository("contents", "read")
    found = _git(call, repository).refs("refs/heads/")
    names = sorted(found)

    def row(ref: str) -> dict[str, Any]:
        name = ref.removeprefix("refs/heads/")
        protected = _protected(call, repository, name)
        return payloads.branch(call.world, repository, name, found[ref], protected=protected)

    return call.paged(names, row)


def branch(call: Call) -> Reply:
    """One branch with its commit."""
    repository = call.repository("contents", "read")
    git = _git(call, repository)
    name = str(call.path["branch"])
    sha = git.ref(f"refs/heads/{name}")
    if sha is None:
        raise not_found("Branch not found")
    url = f"{api_url(call.world, repository)}/branches/{name}"
    body = payloads.branch(call.world, repository, name, sha, protected=_protected(call, repository, name))
    links = {"self": url, "html": f"{html_url(call.world, repository)}/tree/{name}"}
    return Reply(body | {"commit": payloads.commit(call.world, repository, git.commit(sha)), "_links": links})


def protection(call: Call) -> Reply:
    """Branch protection, for administrators; 404 `Branch not protected` where only rulesets apply."""
    repository = call.repository("administration", "read")
    found = rules.protection(call.world, repository, str(call.path["branch"]))
    if found is None:
        raise not_found("Branch not protected")
    return Reply(_protection(call, repository, found))


def protect(call: Call) -> Reply:
    """Set branch protection; it adds up with rulesets."""
    repository = call.repository("administration", "write")
    branch_name, given = str(call.path["branch"]), call.body()
    for field in ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions"):
        if field not in given:
            raise GitHubError(422, f'Invalid request.\n\n"{field}" wasn\'t supplied.')
    if _git(call, repository).ref(f"refs/heads/{branch_name}") is None:
        raise not_found("Branch not found")
    rules.save_protection(call.world, repository, branch_name, given)
    return Reply(_protection(call, repository, given))


def unprotect(call: Call) -> Reply:
    """Remove branch protection."""
    repository = call.repository("administration", "write")
    if not rules.delete_protection(call.world, repository, str(call.path["branch"])):
        raise not_found("Branch not protected")
    return NO_CONTENT


def _protection(call: Call, repository: Document, given: Document) -> dict[str, Any]:
    url = f"{api_url(call.world, repository)}/branches/{call.path['branch']}/protection"
    body: dict[str, Any] = {"url": url}
    checks = given.get("required_status_checks")
    if checks is not None:
        named = checks.get("checks") or [{"context": name, "app_id": None} for name in checks.get("contexts") or []]
        body["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": bool(checks.get("strict")),
            "contexts": [check["context"] for check in named],
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": check["context"], "app_id": check.get("app_id")} for check in named],
        }
    reviews = given.get("required_pull_request_reviews")
    if reviews is not None:
        body["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": bool(reviews.get("dismiss_stale_reviews")),
            "require_code_owner_reviews": bool(reviews.get("require_code_owner_reviews")),
            "required_approving_review_count": reviews.get("required_approving_review_count", 1),
            "require_last_push_approval": bool(reviews.get("require_last_push_approval")),
        }
    body["enforce_admins"] = {"url": f"{url}/enforce_admins", "enabled": bool(given.get("enforce_admins"))}
    flags = (
        "required_linear_history",
        "allow_force_pushes",
        "allow_deletions",
        "block_creations",
        "required_conversation_resolution",
        "lock_branch",
        "allow_fork_syncing",
    )
    return body | {flag: {"enabled": bool(given.get(flag))} for flag in flags}


def ref(call: Call) -> Reply:
    """One git ref, named without `refs/`."""
    repository = call.repository("contents", "read")
    name = f"refs/{call.path['ref']}"
    git = _git(call, repository)
    sha = git.ref(name)
    if sha is None:
        raise not_found()
    return Reply(_payload(call, repository, git, name, sha))


def matching_refs(call: Call) -> Reply:
    """Git refs whose name begins with the given one."""
    repository = call.repository("contents", "read")
    git = _git(call, repository)
    found = git.refs("refs/")
    names = sorted(name for name in found if name.startswith(f"refs/{call.path['ref']}"))
    return call.paged(names, lambda name: _payload(call, repository, git, name, found[name]))


def create_ref(call: Call) -> Reply:
    """A new branch or tag at an existing commit."""
    repository = call.repository("contents", "write")
    given = call.body()
    name, sha = str(given.get("ref", "")), str(given.get("sha", ""))
    git = _git(call, repository)
    if not name.startswith(("refs/heads/", "refs/tags/")) or git.attempt("check-ref-format", name).returncode != 0:
        raise GitHubError(422, "Reference name must start with 'refs/' and contain at least one slash")
    if not _may_point(git, name, sha):
        raise GitHubError(422, "Object does not exist")
    if git.ref(name) is not None:
        raise GitHubError(422, "Reference already exists")
    _move(call, repository, git, RefChange(name, ZERO, sha))
    return Reply(_payload(call, repository, git, name, sha), 201)


def update_ref(call: Call) -> Reply:
    """Move a branch or tag; 422 unless it is a fast-forward or `force` is given, or when a rule forbids it."""
    repository = call.repository("contents", "write")
    given, name = call.body(), f"refs/{call.path['ref']}"
    git, sha = _git(call, repository), str(given.get("sha", ""))
    before = git.ref(name)
    if before is None:
        raise GitHubError(422, "Reference does not exist")
    if not _may_point(git, name, sha):
        raise GitHubError(422, "Object does not exist")
    if not given.get("force") and not git.is_ancestor(before, sha):
        raise GitHubError(422, "Update is not a fast forward")
    _move(call, repository, git, RefChange(name, before, sha))
    return Reply(_payload(call, repository, git, name, sha))


def delete_ref(call: Call) -> Reply:
    """Delete a branch or tag."""
    repository = call.repository("contents", "write")
    name = f"refs/{call.path['ref']}"
    git = _git(call, repository)
    before = git.ref(name)
    if before is None:
        raise GitHubError(422, "Reference does not exist")
    if name == f"refs/heads/{repository['default_branch']}":
        raise GitHubError(422, "Cannot delete the default branch")
    _move(call, repository, git, RefChange(name, before, ZERO))
    return NO_CONTENT


def _may_point(git: Git, ref: str, sha: str) -> bool:
    """A branch points at a commit; a tag at any object, such as an annotated tag."""
    kind = git.kind(sha)
    return kind == "commit" if ref.startswith("refs/heads/") else kind is not None


def _payload(call: Call, repository: Document, git: Git, name: str, sha: str) -> dict[str, Any]:
    kind = "commit" if name.startswith("refs/heads/") else git.kind(sha) or "commit"
    return payloads.git_ref(call.world, repository, name, sha, kind)


def _move(call: Call, repository: Document, git: Git, change: RefChange) -> None:
    if not change.ref.startswith(("refs/heads/", "refs/tags/")):
        raise invalid("Reference", "ref")
    with repositories.lock(call.world, repository["full_name"]):
        permission = call.caller.permission(repository)
        push_policy.require_allowed(call.world, repository, change, permission, git)
        pushes.intend(call.world, repository["full_name"], [change], call.caller.login)
        if change.after == ZERO:
            moved = git.delete_ref(change.ref)
        else:
            moved = git.move_ref(change.ref, change.after, change.before)
        if not moved:
            raise GitHubError(422, "Reference cannot be updated")
        pushes.applied(call.world, repository, [change], call.caller.login)


ROUTES = (
    ("GET", "/repos/{owner}/{repo}/branches", branches),
    ("GET", "/repos/{owner}/{repo}/branches/{branch:path}/protection", protection),
    ("PUT", "/repos/{owner}/{repo}/branches/{branch:path}/protection", protect),
    ("DELETE", "/repos/{owner}/{repo}/branches/{branch:path}/protection", unprotect),
    ("GET", "/repos/{owner}/{repo}/branches/{branch:path}", branch),
    ("GET", "/repos/{owner}/{repo}/git/ref/{ref:path}", ref),
    ("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref:path}", matching_refs),
    ("POST", "/repos/{owner}/{repo}/git/refs", create_ref),
    ("PATCH", "/repos/{owner}/{repo}/git/refs/{ref:path}", update_ref),
    ("DELETE", "/repos/{owner}/{repo}/git/refs/{ref:path}", delete_ref),
)
