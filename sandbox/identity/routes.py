"""Routes of Entra, the GitHub App's sign-in and the workflows' id tokens."""

from __future__ import annotations

from functools import partial

from starlette.routing import Route

from sandbox.identity.calls import Handler, endpoint
from sandbox.identity.grants import forget_expired
from sandbox.identity.handlers import actions_token, device, discovery, github_oauth, graph, sign_in, token
from sandbox.identity.keys import ACTIONS, ENTRA, signing_key
from sandbox.identity.secrets import ensure_secrets
from sandbox.service import Service
from sandbox.world import World

BOTH = (
    ("GET", "/metadata/endpoints", discovery.cloud_metadata),
    ("GET", "/{tenant}/v2.0/.well-known/openid-configuration", discovery.openid_configuration),
    ("GET", "/{tenant}/discovery/v2.0/keys", discovery.keys),
    ("POST", "/{tenant}/oauth2/v2.0/token", token.token),
    ("POST", "/{tenant}/oauth2/v2.0/devicecode", device.entra_device_code),
    ("GET", "/{tenant}/oauth2/v2.0/authorize", sign_in.authorize),
    ("POST", "/{tenant}/oauth2/v2.0/authorize", sign_in.authorize_as),
    ("GET", "/{tenant}/oauth2/v2.0/logout", sign_in.logout),
    ("GET", "/oidc/userinfo", sign_in.userinfo),
    ("POST", "/oidc/userinfo", sign_in.userinfo),
    ("GET", "/v1.0/servicePrincipals(appId='{app}')", graph.service_principal),
    ("GET", "/v1.0/users/{user}/appRoleAssignments", graph.role_assignments),
    ("POST", "/login/oauth/access_token", github_oauth.access_token),
    ("DELETE", "/api/v3/applications/{client}/grant", github_oauth.delete_grant),
    ("POST", "/login/device/code", github_oauth.device_code),
    ("GET", "/actions/oidc/.well-known/openid-configuration", discovery.actions_configuration),
    ("GET", "/actions/oidc/.well-known/jwks", discovery.actions_keys),
    ("GET", "/actions/oidc/token", actions_token.actions_token),
)
BROWSER_ONLY = (
    ("GET", "/login/oauth/authorize", github_oauth.authorize),
    ("POST", "/login/oauth/authorize", github_oauth.authorize_as),
    ("GET", device.GITHUB_PAGE, device.device_page),
    ("POST", device.GITHUB_PAGE, device.device_answer),
    ("GET", device.ENTRA_PAGE, device.device_page),
    ("POST", device.ENTRA_PAGE, device.device_answer),
    ("POST", "/control/device", device.device_answer_by_script),
    ("POST", "/control/roles", graph.assign_by_script),
)


def service(world: World) -> Service:
    ensure_secrets(world)
    return Service(
        name="identity",
        routes=[_route(world, world.settings.url, *row) for row in BOTH],
        browser_routes=[_route(world, world.settings.browser_url, *row) for row in (*BOTH, *BROWSER_ONLY)],
        start=partial(_start, world),
    )


def _start(world: World) -> None:
    """Make the keys of a new world now, so that the first sign-in does not wait for them."""
    for name in (ENTRA, ACTIONS):
        signing_key(world, name)
    forget_expired(world)


def _route(world: World, base_url: str, method: str, path: str, handler: Handler) -> Route:
    return Route(path, endpoint(world, base_url, handler), methods=[method])
