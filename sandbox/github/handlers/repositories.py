"""One repository: its settings, who may do what, and CODEOWNERS errors."""

from __future__ import annotations

from sandbox.accounts import PEOPLE
from sandbox.github import codeowners, pulls, repositories
from sandbox.github.access import person_named, person_permission
from sandbox.github.errors import GitHubError, forbidden, not_found
from sandbox.github.payloads.accounts import user
from sandbox.github.payloads.repositories import repository_payload
from sandbox.github.wire import NO_CONTENT, Call, Reply


def read(call: Call) -> Reply:
    """The repository in full."""
    repository = call.repository()
    count = len(pulls.every(call.world, repository["full_name"], "open"))
    return Reply(repository_payload(call.world, repository, call.caller, count))


def change(call: Call) -> Reply:
    """Change settings (merge methods, description, default branch); 403 without admin rights."""
    repository = call.repository()
    if not call.caller.may(repository, "administration", "write"):
        raise forbidden("Must have admin rights to Repository.")
    given = call.body()
    branch = given.get("default_branch")
    git = repositories.git_of(call.world, repository["full_name"])
    if branch is not None and git.ref(f"refs/heads/{branch}") is None:
        raise GitHubError(422, f"The branch {branch} was not found. Please push that ref first or create it")
    merged = {**repository, **given}
    if not any(merged[name] for name in ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge")):
        raise GitHubError(422, "Sorry, you need to allow at least one merge strategy. (no_merge_method)")
    changed = repositories.change(call.world, repository["full_name"], given)
    return Reply(repository_payload(call.world, changed, call.caller))


def collaborators(call: Call) -> Reply:
    """Every account with a permission on the repository."""
    repository = call.repository("metadata", "read")
    found = [person for person in PEOPLE if person_permission(person, repository) != "none"]
    return call.paged(
        found,
        lambda person: (
            user(call.world, person.login)
            | {"permissions": _flags(person_permission(person, repository))}
            | {"role_name": person_permission(person, repository)}
        ),
    )


def is_collaborator(call: Call) -> Reply:
    """204 if the account is a collaborator, else 404."""
    repository = call.repository()
    person = person_named(str(call.path["login"]))
    if person is None or person_permission(person, repository) == "none":
        raise not_found()
    return NO_CONTENT


def collaborator_permission(call: Call) -> Reply:
    """What an account may do: admin, write, read or none."""
    repository = call.repository()
    person = person_named(str(call.path["login"]))
    if person is None:
        raise not_found()
    granted = person_permission(person, repository)
    account = user(call.world, person.login) | {"permissions": _flags(granted), "role_name": granted}
    return Reply({"permission": granted, "role_name": granted, "user": account})


def _flags(granted: str) -> dict[str, bool]:
    admin, write = granted == "admin", granted in {"admin", "write"}
    return {"admin": admin, "maintain": admin, "push": write, "triage": write, "pull": granted != "none"}


def codeowners_errors(call: Call) -> Reply:
    """What is wrong with CODEOWNERS at `ref` (the default branch without one); 404 where there is no file."""
    repository = call.repository("contents", "read")
    git = repositories.git_of(call.world, repository["full_name"])
    commit = git.resolve(call.query.get("ref") or repository["default_branch"])
    owners = codeowners.code_owners(git, commit) if commit else None
    if owners is None:
        raise not_found()
    return Reply({"errors": codeowners.errors(owners, repository)})


ROUTES = (
    ("GET", "/repos/{owner}/{repo}", read),
    ("PATCH", "/repos/{owner}/{repo}", change),
    ("GET", "/repos/{owner}/{repo}/collaborators", collaborators),
    ("GET", "/repos/{owner}/{repo}/collaborators/{login}", is_collaborator),
    ("GET", "/repos/{owner}/{repo}/collaborators/{login}/permission", collaborator_permission),
    ("GET", "/repos/{owner}/{repo}/codeowners/errors", codeowners_errors),
)
