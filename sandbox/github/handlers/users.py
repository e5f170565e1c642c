"""Accounts: `/user`, `/users`, `/orgs`, and the caller's own limits."""

from __future__ import annotations

from sandbox.accounts import ORGANISATION, PEOPLE
from sandbox.github import repositories
from sandbox.github.access import BOT_NUMBERS, person_named
from sandbox.github.errors import forbidden, invalid, lacks_permission, not_found
from sandbox.github.payloads.accounts import organisation, public_user, user
from sandbox.github.payloads.repositories import repository_payload
from sandbox.github.quota import quota_of
from sandbox.github.wire import Call, Reply


def current_user(call: Call) -> Reply:
    """The person whose token this is; an app's own token belongs to nobody."""
    if call.caller.person is None:
        raise lacks_permission()
    return Reply(public_user(call.world, call.caller.login))


def named_user(call: Call) -> Reply:
    """One account by login: a person, a bot or the organisation."""
    login = str(call.path["login"]).lower()
    if person_named(login) is None and login not in BOT_NUMBERS and login != ORGANISATION:
        raise not_found()
    return Reply(public_user(call.world, login))


def named_organisation(call: Call) -> Reply:
    """The organisation."""
    if str(call.path["org"]).lower() != ORGANISATION:
        raise not_found()
    return Reply(organisation(call.world))


def members(call: Call) -> Reply:
    """Its members: every account of this world."""
    if str(call.path["org"]).lower() != ORGANISATION:
        raise not_found()
    return call.paged(PEOPLE, lambda person: user(call.world, person.login))


def create_for_organisation(call: Call) -> Reply:
    """A new repository of the organisation; 403 unless the caller administers it."""
    if str(call.path["org"]).lower() != ORGANISATION:
        raise not_found()
    person = call.caller.person
    if person is not None and person.permission != "admin":
        raise forbidden("You need admin access to the organization before adding a repository to it.")
    if person is None and call.caller.permissions.get("administration") != "write":
        raise lacks_permission()
    return _create(call, ORGANISATION)


def create_for_user(call: Call) -> Reply:
    """A new repository of the caller's own."""
    if call.caller.person is None:
        raise lacks_permission()
    return _create(call, call.caller.login)


def _create(call: Call, owner: str) -> Reply:
    given = call.body()
    if not isinstance(given.get("name"), str):
        raise invalid("Repository", "name", "missing_field")
    created = repositories.create(call.world, owner, given["name"], given)
    if given.get("auto_init"):
        repositories.first_commit(call.world, created, call.caller.login)
    return Reply(repository_payload(call.world, created, call.caller), 201)


def organisation_repositories(call: Call) -> Reply:
    """The organisation's repositories that the caller may read."""
    if str(call.path["org"]).lower() != ORGANISATION:
        raise not_found()
    found = [r for r in repositories.every(call.world) if r["owner"] == ORGANISATION]
    readable = [r for r in found if call.caller.permission(r) != "none"]
    return call.paged(readable, lambda repository: repository_payload(call.world, repository, call.caller))


def own_repositories(call: Call) -> Reply:
    """Every repository that the caller may read."""
    readable = [r for r in repositories.every(call.world) if call.caller.permission(r) != "none"]
    return call.paged(readable, lambda repository: repository_payload(call.world, repository, call.caller))


def rate_limit(call: Call) -> Reply:
    """The caller's limits; asking costs nothing beyond the call itself."""
    resources = {}
    for name in ("core", "graphql", "search"):
        quota = quota_of(call.world, call.caller, name)
        resources[name] = {
            "limit": quota.limit,
            "used": quota.used,
            "remaining": quota.remaining,
            "reset": quota.reset,
        }
    return Reply({"resources": resources, "rate": resources["core"]})


ROUTES = (
    ("GET", "/user", current_user),
    ("GET", "/users/{login}", named_user),
    ("GET", "/orgs/{org}", named_organisation),
    ("GET", "/orgs/{org}/members", members),
    ("GET", "/orgs/{org}/repos", organisation_repositories),
    ("POST", "/orgs/{org}/repos", create_for_organisation),
    ("GET", "/user/repos", own_repositories),
    ("POST", "/user/repos", create_for_user),
    ("GET", "/rate_limit", rate_limit),
)
