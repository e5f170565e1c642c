"""The GitHub App's user sign-in: web flow with PKCE, device flow, refresh; errors come with status 200, as GitHub's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.accounts import GITHUB_APP_CLIENT_ID
from sandbox.identity.calls import Call
from sandbox.identity.clients import GITHUB_APP, may_return_to
from sandbox.identity.errors import GitHubOAuthError, PageError
from sandbox.identity.grants import (
    REFRESH_LIFETIME,
    Grant,
    begin_device,
    end_github_grant,
    issue_code,
    issue_refresh_token,
    poll_device,
    redeem_code,
    redeem_refresh_token,
)
from sandbox.identity.handlers.device import GITHUB_PAGE
from sandbox.identity.handlers.token import DEVICE_GRANT
from sandbox.identity.pages import choose_account
from sandbox.identity.secrets import secret_matches
from sandbox.identity.tokens import NEVER, authenticate, issue_github_token, person_named

DENIED = "The user has denied your application access."
REST_DOCS = "https://docs.github.com/rest/apps/oauth-applications"
BAD_CODE = "The code passed is incorrect or expired."


def authorize(call: Call) -> Response:
    """The page on which a person lets the app act as them on GitHub."""
    _check_request(call)
    asking = f"{GITHUB_APP.name} wants to read and review pull requests, and to merge, as you."
    return choose_account("Authorize application", asking, f"/login/oauth/authorize?{call.query_text}", deny=True)


def authorize_as(call: Call) -> Response:
    """The choice: back to the app with a code, or with `access_denied`."""
    _check_request(call)
    login = call.form.get("account", "")
    if not login:
        return _back(call, {"error": "access_denied", "error_description": DENIED})
    try:
        person_named(login)
    except LookupError as error:
        raise PageError("Unknown account", str(error)) from error
    grant = Grant(
        provider="github",
        client_id=GITHUB_APP_CLIENT_ID,
        login=login,
        redirect_uri=call.query["redirect_uri"],
        challenge=call.query.get("code_challenge", ""),
        auth_time=call.now,
    )
    return _back(call, {"code": issue_code(call.world, grant)})


def device_code(call: Call) -> Response:
    """Begin GitHub's device flow."""
    if call.form.get("client_id") != GITHUB_APP_CLIENT_ID:
        return JSONResponse({"error": "Not Found"}, 404)
    request = begin_device(call.world, "github", GITHUB_APP_CLIENT_ID, "")
    return _answer(
        call,
        {
            "device_code": request.device_code,
            "user_code": request.user_code,
            "verification_uri": f"{call.world.settings.browser_url}{GITHUB_PAGE}",
            "expires_in": request.expires_in,
            "interval": request.interval,
        },
    )


def access_token(call: Call) -> Response:
    """A person's token, for a code, a device code or a refresh token."""
    grant_type = call.form.get("grant_type", "authorization_code")
    try:
        return _answer(call, _tokens(call, GRANT_TYPES.get(grant_type, _unsupported)(call)))
    except GitHubOAuthError as error:
        return _answer(call, error.body())


def delete_grant(call: Call) -> Response:
    """`DELETE /applications/{client_id}/grant`: ends every token of the person, refresh tokens included."""
    client_id, secret = call.client_credentials()
    known = client_id == GITHUB_APP_CLIENT_ID == call.path["client"]
    if not known or not secret_matches(call.world, client_id, secret):
        return JSONResponse({"message": "Requires authentication", "documentation_url": REST_DOCS}, 401)
    principal = authenticate(call.world, f"token {call.form.get('access_token', '')}")
    if principal is None or principal.kind != "person":
        return JSONResponse({"message": "Not Found", "documentation_url": REST_DOCS}, 404)
    end_github_grant(call.world, principal.name)
    return Response(status_code=204)


def _by_code(call: Call) -> Grant:
    _check_secret(call)
    grant = redeem_code(call.world, call.form.get("code", ""))
    if grant is None or grant.provider != "github":
        raise GitHubOAuthError("bad_verification_code", BAD_CODE)
    if call.form.get("redirect_uri", grant.redirect_uri) != grant.redirect_uri:
        raise GitHubOAuthError(
            "redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application."
        )
    if grant.challenge and not grant.verifier_matches(call.form.get("code_verifier", "")):
        raise GitHubOAuthError("bad_verification_code", BAD_CODE)
    return grant


def _by_device(call: Call) -> Grant:
    poll = poll_device(call.world, "github", call.form.get("device_code", ""), call.form.get("client_id", ""))
    if poll.grant is None:
        extra = {"interval": poll.interval} if poll.error == "slow_down" else None
        raise GitHubOAuthError(poll.error, DEVICE_ERRORS[poll.error], extra)
    return poll.grant


def _by_refresh_token(call: Call) -> Grant:
    _check_secret(call)
    grant = redeem_refresh_token(call.world, call.form.get("refresh_token", ""))
    if grant is None or grant.provider != "github":
        raise GitHubOAuthError("bad_refresh_token", "The refresh token passed is incorrect or expired.")
    return grant


def _unsupported(call: Call) -> Grant:
    raise GitHubOAuthError("unsupported_grant_type", f"The grant type {call.form['grant_type']!r} is not supported.")


DEVICE_ERRORS: Mapping[str, str] = {
    "authorization_pending": "The authorization request is still pending.",
    "slow_down": "Too many requests have been made in the same timeframe.",
    "expired_token": "The device_code has expired.",
    "access_denied": "The authorization request was denied.",
    "incorrect_device_code": "The device_code provided is not valid.",
}

GRANT_TYPES: Mapping[str, Callable[[Call], Grant]] = {
    "authorization_code": _by_code,
    "refresh_token": _by_refresh_token,
    DEVICE_GRANT: _by_device,
}


def _tokens(call: Call, grant: Grant) -> dict[str, Any]:
    lifetime = call.world.settings.github_user_token_seconds
    access = issue_github_token(call.world, login=grant.login, lifetime=lifetime or NEVER)
    answer: dict[str, Any] = {"access_token": access, "scope": "", "token_type": "bearer"}
    if not lifetime:
        return answer
    return answer | {
        "expires_in": lifetime,
        "refresh_token": issue_refresh_token(call.world, grant, access),
        "refresh_token_expires_in": int(REFRESH_LIFETIME.total_seconds()),
    }


def _check_secret(call: Call) -> None:
    client_id, secret = call.client_credentials()
    if client_id != GITHUB_APP_CLIENT_ID or not secret_matches(call.world, client_id, secret):
        raise GitHubOAuthError(
            "incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect."
        )


def _check_request(call: Call) -> None:
    """PageError unless the app, its address and its PKCE method are known; then nothing may be redirected."""
    if call.query.get("client_id") != GITHUB_APP_CLIENT_ID:
        raise PageError("Not found", "No application is registered under this client id.")
    if not may_return_to(call.query.get("redirect_uri", "")):
        raise PageError("Be careful!", "The redirect_uri is not associated with this application.")
    if call.query.get("code_challenge") and call.query.get("code_challenge_method") != "S256":
        raise PageError("Bad request", "Only S256 is a valid code_challenge_method.")


def _back(call: Call, answer: dict[str, str]) -> Response:
    state = call.query.get("state")
    address = call.query["redirect_uri"]
    parameters = urlencode(answer | ({"state": state} if state else {}))
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{parameters}", 302)


def _answer(call: Call, body: Mapping[str, Any]) -> Response:
    """JSON when asked for; otherwise a form, which is GitHub's habit."""
    headers = {"Cache-Control": "no-store"}
    if "json" in call.headers.get("accept", ""):
        return JSONResponse(body, headers=headers)
    return Response(urlencode(body), headers=headers, media_type="application/x-www-form-urlencoded")
