"""The installed GitHub App: its tokens, an hour long, for a JWT that it signs itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from starlette.routing import Route

from sandbox.accounts import GITHUB_INSTALLATION_ID
from sandbox.github import wire
from sandbox.github.access import BOT_NUMBERS, RANKS, Caller
from sandbox.github.errors import GitHubError, not_found, unprocessable
from sandbox.github.models import APPS
from sandbox.github.wire import Call, Reply
from sandbox.identity.github_app import AppRefusedError, authenticate_app
from sandbox.identity.secrets import INSTALLATION_PERMISSIONS
from sandbox.identity.tokens import APP_BOT, issue_github_token
from sandbox.world import World

PATH = "/app/installations/{installation_id}/access_tokens"


def create_token(call: Call) -> Reply:
    """A token of the installation, for the app's own JWT; `permissions` may ask for less than the app was given."""
    if call.number("installation_id") != GITHUB_INSTALLATION_ID:
        raise not_found()
    given = call.body()
    if given.get("repositories") or given.get("repository_ids"):
        raise GitHubError(501, "The sandbox does not narrow an installation token to repositories")
    permissions = _permissions(given.get("permissions") or INSTALLATION_PERMISSIONS)
    lifetime = timedelta(seconds=call.world.settings.github_installation_token_seconds)
    token = issue_github_token(call.world, permissions=permissions, lifetime=lifetime)
    ends = call.world.now() + lifetime
    return Reply(
        {
            "token": token,
            "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": permissions,
            "repository_selection": "all",
        },
        201,
    )


def _permissions(wanted: Any) -> dict[str, str]:
    if not isinstance(wanted, dict):
        raise unprocessable("Invalid request.")
    for name, level in wanted.items():
        if level not in RANKS or RANKS[level] > RANKS[INSTALLATION_PERMISSIONS.get(name, "none")]:
            raise unprocessable("The permissions requested are not granted to this installation.")
    return wanted


def _the_app(world: World, authorization: str | None) -> Caller:
    try:
        authenticate_app(world, authorization)
    except AppRefusedError as error:
        raise GitHubError(error.status, error.message) from error
    return Caller(APP_BOT, BOT_NUMBERS[APP_BOT], None, APPS["mlops-console"], "", {})


def routes(world: World) -> list[Route]:
    """Apart from the other tables: an installation token opens nothing here, and the JWT nothing elsewhere."""
    answer = wire.endpoint(world, create_token, caller=_the_app)
    return [Route(wire.API + PATH, answer, methods=["POST"], name=f"POST {PATH}")]
