"""People sign in with a browser: Entra's authorize, userinfo and logout endpoints."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.identity.calls import Call
from sandbox.identity.clients import CLIENTS, Client, may_return_to
from sandbox.identity.errors import PageError
from sandbox.identity.grants import Grant, issue_code
from sandbox.identity.keys import ENTRA
from sandbox.identity.pages import choose_account, message_page
from sandbox.identity.tokens import person_claims, person_named, read_jwt

TITLE = "Sign in"


def authorize(call: Call) -> Response:
    """The page on which a person chooses an account."""
    client = _checked_client(call)
    problem = _problem(call)
    if problem is not None:
        return _back(call, {"error": problem[0], "error_description": problem[1]})
    asking = f"to continue to {client.name}"
    return choose_account(TITLE, asking, f"/{call.tenant}/oauth2/v2.0/authorize?{call.query_text}", deny=True)


def authorize_as(call: Call) -> Response:
    """The choice: back to the application with a code, or with `access_denied`."""
    client = _checked_client(call)
    problem = _problem(call)
    if problem is not None:
        return _back(call, {"error": problem[0], "error_description": problem[1]})
    login = call.form.get("account", "")
    if not login:
        return _back(call, {"error": "access_denied", "error_description": "AADSTS65004: User declined to sign in."})
    try:
        person_named(login)
    except LookupError as error:
        raise PageError("Unknown account", f"AADSTS50034: {error}") from error
    grant = Grant(
        provider="entra",
        client_id=client.client_id,
        login=login,
        scope=call.query.get("scope", "openid"),
        redirect_uri=call.query["redirect_uri"],
        nonce=call.query.get("nonce", ""),
        challenge=call.query.get("code_challenge", ""),
        auth_time=call.now,
    )
    return _back(call, {"code": issue_code(call.world, grant)})


def userinfo(call: Call) -> Response:
    """The claims about the person behind a bearer access token."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    claims = read_jwt(call.world, token.strip(), ENTRA) if scheme.lower() == "bearer" else None
    if claims is None or claims.get("idtyp") != "user":
        return JSONResponse(
            {"error": {"code": "InvalidAuthenticationToken", "message": "Access token is empty, invalid or expired."}},
            401,
            {"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    told = person_claims(call.world, person_named(str(claims["preferred_username"])))
    del told["idtyp"]
    return JSONResponse(told)


def logout(call: Call) -> Response:
    """End the session, and go back to `post_logout_redirect_uri` when it is one the application registered."""
    _ = call.tenant
    target = call.query.get("post_logout_redirect_uri", "")
    if not target:
        return message_page("You signed out", "You are signed out of the simulated hospital. You may close this page.")
    if not may_return_to(target):
        raise PageError("You signed out", f"The address to return to is not registered: {target[:200]}")
    state = call.query.get("state")
    return RedirectResponse(_with(target, {"state": state} if state else {}), 302)


def _checked_client(call: Call) -> Client:
    """The client, once it and its redirect address are known; PageError otherwise, never a redirect."""
    _ = call.tenant
    client_id = call.query.get("client_id", "")
    client = CLIENTS.get(client_id.lower())
    if client is None or not client.signs_in_people:
        raise PageError(
            "Unknown application",
            f"AADSTS700016: Application with identifier '{client_id[:80]}' was not found in the directory.",
        )
    redirect_uri = call.query.get("redirect_uri", "")
    if not may_return_to(redirect_uri):
        raise PageError(
            "Address not registered",
            f"AADSTS50011: The redirect URI '{redirect_uri[:200]}' specified in the request does not match the "
            f"redirect URIs configured for the application '{client_id}'.",
        )
    return client


def _problem(call: Call) -> tuple[str, str] | None:
    """OAuth's word and Entra's sentence for what is wrong with the rest of the request."""
    if call.query.get("response_type") != "code":
        return "unsupported_response_type", "AADSTS700051: only response_type=code is enabled for this application."
    if call.query.get("response_mode", "query") != "query":
        return "invalid_request", "AADSTS900144: only response_mode=query is supported."
    if call.query.get("code_challenge") and call.query.get("code_challenge_method") != "S256":
        return "invalid_request", "AADSTS501491: code_challenge_method must be S256."
    if call.query.get("prompt") == "none":
        return "login_required", "AADSTS50058: A silent sign-in request was sent but no user is signed in."
    return None


def _back(call: Call, answer: dict[str, str]) -> Response:
    state = call.query.get("state")
    return RedirectResponse(_with(call.query["redirect_uri"], answer | ({"state": state} if state else {})), 302)


def _with(address: str, parameters: dict[str, str]) -> str:
    if not parameters:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"
