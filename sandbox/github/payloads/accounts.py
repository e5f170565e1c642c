"""Users, organisations and apps."""

from __future__ import annotations

from typing import Any

from sandbox.accounts import ORGANISATION
from sandbox.github.access import account_number, person_named
from sandbox.github.models import APPS
from sandbox.github.repositories import ORGANISATION_ID
from sandbox.world import World

JOINED = "2026-01-05T08:00:00Z"


def user(world: World, login: str) -> dict[str, Any]:
    """A simple user; organisations and bots have the same fields."""
    url = f"{world.settings.url}/api/v3/users/{login}"
    organisation = login.lower() == ORGANISATION
    number = ORGANISATION_ID if organisation else account_number(login)
    kind = "Organization" if organisation else "Bot" if login.endswith("[bot]") else "User"
    return {
        "login": login,
        "id": number,
        "node_id": f"{kind[0]}_{number}",
        "avatar_url": f"{world.settings.url}/avatars/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{world.settings.url}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(world: World, login: str) -> dict[str, Any]:
    """What `GET /users/x` and `GET /user` add."""
    person = person_named(login)
    return user(world, login) | {
        "name": person.name if person else None,
        "company": None,
        "blog": "",
        "location": None,
        "email": person.email if person else None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": JOINED,
        "updated_at": JOINED,
    }


def organisation(world: World) -> dict[str, Any]:
    url = f"{world.settings.url}/api/v3/orgs/{ORGANISATION}"
    return {
        "login": ORGANISATION,
        "id": ORGANISATION_ID,
        "node_id": f"O_{ORGANISATION_ID}",
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{world.settings.url}/avatars/u/{ORGANISATION_ID}?v=4",
        "description": "A simulated hospital group",
        "name": "Hospital",
        "has_organization_projects": False,
        "has_repository_projects": False,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": f"{world.settings.url}/{ORGANISATION}",
        "type": "Organization",
        "created_at": JOINED,
        "updated_at": JOINED,
        "archived_at": None,
        "plan": {"name": world.settings.github_plan, "space": 976_562_499, "private_repos": 999_999},
    }


def app(world: World, slug: str) -> dict[str, Any]:
    """The GitHub App behind a check run."""
    known = APPS[slug]
    return {
        "id": known.id,
        "slug": known.slug,
        "node_id": f"A_{known.id}",
        "client_id": f"Iv1.{known.id:016x}",
        "owner": user(world, ORGANISATION),
        "name": known.name,
        "description": "",
        "external_url": f"{world.settings.url}/apps/{known.slug}",
        "html_url": f"{world.settings.url}/apps/{known.slug}",
        "created_at": JOINED,
        "updated_at": JOINED,
        "permissions": {"checks": "write", "contents": "read", "metadata": "read"},
        "events": [],
    }
