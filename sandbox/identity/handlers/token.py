"""Entra's token endpoint: one handler per grant type."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.accounts import TENANT
from sandbox.identity.calls import Call
from sandbox.identity.clients import CLIENTS, Client
from sandbox.identity.errors import (
    EntraError,
    missing_parameter,
    missing_secret,
    unknown_client,
    wrong_secret,
)
from sandbox.identity.federation import ASSERTION_TYPE, check_assertion
from sandbox.identity.grants import Grant, issue_refresh_token, poll_device, redeem_code, redeem_refresh_token
from sandbox.identity.keys import ENTRA, signing_key
from sandbox.identity.secrets import secret_matches
from sandbox.identity.tokens import (
    entra_issuer,
    issue_access_token,
    person_claims,
    person_named,
)

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
GRAPH = "00000003-0000-0000-c000-000000000000"
OPENID_SCOPES = {"openid", "profile", "email", "offline_access"}


def token(call: Call) -> Response:
    """An access token for a program, or access and id tokens for a person, by the `grant_type` of the form."""
    _ = call.tenant
    grant_type = call.form.get("grant_type", "")
    if not grant_type:
        raise missing_parameter("grant_type")
    handler = GRANT_TYPES.get(grant_type)
    if handler is None:
        raise EntraError(
            70003, "unsupported_grant_type", f"The app requested an unsupported grant type '{grant_type}'."
        )
    answer = handler(call, _client(call))
    return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _client(call: Call) -> Client:
    client_id, _ = call.client_credentials()
    if not client_id:
        raise missing_parameter("client_id")
    client = CLIENTS.get(client_id.lower())
    if client is None:
        raise unknown_client(client_id, call.path["tenant"])
    return client


def _client_credentials(call: Call, client: Client) -> dict[str, Any]:
    if client.signs_in_people and not client.confidential:
        raise EntraError(7000214, "unauthorized_client", f"Application '{client.client_id}' is a public client.", 401)
    _prove(call, client)
    scope = call.form.get("scope", "")
    if not scope:
        raise missing_parameter("scope")
    resource, separator, rest = scope.partition("/.default")
    if not separator or rest or not resource:
        raise EntraError(
            1002012,
            "invalid_scope",
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
            "/.default suffixed to the resource identifier (application ID URI).",
        )
    lifetime = call.world.settings.entra_token_seconds
    access = issue_access_token(call.world, client.name, resource, lifetime, issuer=entra_issuer(call.base_url))
    return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": access}


def _authorization_code(call: Call, client: Client) -> dict[str, Any]:
    code = call.form.get("code", "")
    if not code:
        raise missing_parameter("code")
    if client.confidential:
        _prove(call, client)
    grant = redeem_code(call.world, code)
    if grant is None or grant.provider != "entra" or grant.client_id != client.client_id:
        raise EntraError(
            70008,
            "invalid_grant",
            "The provided authorization code or refresh token has expired, was already redeemed or is not of this "
            "application. Send a new interactive authorization request for this user and resource.",
        )
    if call.form.get("redirect_uri") != grant.redirect_uri:
        raise EntraError(
            500112, "invalid_grant", "The redirect URI does not match the one used to obtain the authorization code."
        )
    _check_verifier(grant, call.form.get("code_verifier", ""))
    return _person_tokens(call, grant)


def _check_verifier(grant: Grant, verifier: str) -> None:
    if not grant.challenge:
        return
    if not verifier or not grant.verifier_matches(verifier):
        raise EntraError(
            501481,
            "invalid_grant",
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        )


def _refresh_token(call: Call, client: Client) -> dict[str, Any]:
    presented = call.form.get("refresh_token", "")
    if not presented:
        raise missing_parameter("refresh_token")
    if client.confidential and call.client_credentials()[1]:
        _prove(call, client)
    grant = redeem_refresh_token(call.world, presented)
    if grant is None or grant.provider != "entra" or grant.client_id != client.client_id:
        raise EntraError(
            700082, "invalid_grant", "The refresh token has expired due to inactivity, was already used or is unknown."
        )
    return _person_tokens(call, grant, scope=call.form.get("scope") or grant.scope)


DEVICE_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "authorization_pending": (
        70016,
        "authorization_pending",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    "slow_down": (90009, "slow_down", "OAuth 2.0 device flow error. Polling faster than the interval; slow down."),
    "expired_token": (70020, "expired_token", "OAuth 2.0 device flow error. The device code has expired."),
    "access_denied": (65004, "authorization_declined", "User declined to consent to access the app."),
    "incorrect_device_code": (70018, "bad_verification_code", "Invalid verification code: it is not of this client."),
}


def _device_code(call: Call, client: Client) -> dict[str, Any]:
    device_code = call.form.get("device_code") or call.form.get("code", "")
    if not device_code:
        raise missing_parameter("device_code")
    poll = poll_device(call.world, "entra", device_code, client.client_id)
    if poll.grant is None:
        number, error, message = DEVICE_ERRORS[poll.error]
        raise EntraError(number, error, message)
    return _person_tokens(call, poll.grant)


GRANT_TYPES: Mapping[str, Callable[[Call, Client], dict[str, Any]]] = {
    "client_credentials": _client_credentials,
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    DEVICE_GRANT: _device_code,
    "device_code": _device_code,
}


def _prove(call: Call, client: Client) -> None:
    """Check the client's secret or assertion."""
    assertion = call.form.get("client_assertion", "")
    if assertion:
        if call.form.get("client_assertion_type") != ASSERTION_TYPE:
            raise missing_parameter("client_assertion_type")
        check_assertion(call.world, client.name, client.client_id, assertion)
        return
    _, secret = call.client_credentials()
    if not secret:
        raise missing_secret()
    if not secret_matches(call.world, client.client_id, secret):
        raise wrong_secret(client.client_id)


def _person_tokens(call: Call, grant: Grant, scope: str = "") -> dict[str, Any]:
    scopes = (scope or grant.scope).split()
    issuer, lifetime = entra_issuer(call.base_url), call.world.settings.entra_token_seconds
    access = issue_access_token(call.world, grant.login, _audience(scopes), lifetime, issuer=issuer)
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": " ".join(scopes),
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": access,
    }
    if "openid" in scopes:
        answer["id_token"] = _id_token(call, grant, issuer)
    if "offline_access" in scopes:
        answer["refresh_token"] = issue_refresh_token(call.world, grant)
    return answer


def _audience(scopes: list[str]) -> str:
    """The resource of the first scope that names one: `https://x/.default` and `https://x/y` mean `https://x`."""
    for scope in scopes:
        if scope not in OPENID_SCOPES and "/" in scope:
            return scope.rpartition("/")[0]
    return GRAPH


def _id_token(call: Call, grant: Grant, issuer: str) -> str:
    claims: dict[str, Any] = {
        **person_claims(call.world, person_named(grant.login)),
        "aud": grant.client_id,
        "iss": issuer,
        "tid": TENANT,
        "ver": "2.0",
        "uti": uuid.uuid4().hex,
        "iat": call.now,
        "nbf": call.now,
        "exp": call.now + call.world.settings.entra_token_seconds,
        "auth_time": grant.auth_time,
    }
    # An id token is no access token: without the kind of caller it opens nothing.
    del claims["idtyp"]
    if grant.nonce:
        claims["nonce"] = grant.nonce
    return signing_key(call.world, ENTRA).sign(claims)
