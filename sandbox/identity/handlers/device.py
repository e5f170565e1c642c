"""The device flow: a terminal asks for a code, a person answers it on a page, for Entra and for GitHub."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from sandbox.identity.calls import Call
from sandbox.identity.clients import CLIENTS, GITHUB_APP
from sandbox.identity.errors import EntraError, PageError, missing_parameter, unknown_client
from sandbox.identity.grants import answer_device, begin_device, waiting_device
from sandbox.identity.pages import choose_account, device_form, hidden_field, message_page
from sandbox.identity.tokens import person_named

ENTRA_PAGE = "/device"
GITHUB_PAGE = "/login/device"
NOT_WAITING = "No terminal waits for this code. It may have expired, or been used; codes last 15 minutes."


def entra_device_code(call: Call) -> Response:
    """Begin Entra's device flow for a client that signs in people."""
    tenant, client_id = call.tenant, call.form.get("client_id", "")
    if not client_id:
        raise missing_parameter("client_id")
    client = CLIENTS.get(client_id.lower())
    if client is None:
        raise unknown_client(client_id, tenant)
    if not client.signs_in_people:
        raise EntraError(7000218, "invalid_client", f"'{client.name}' is not enabled for public client flows.", 401)
    if not call.form.get("scope"):
        raise missing_parameter("scope")
    request = begin_device(call.world, "entra", client.client_id, call.form["scope"])
    address = f"{call.world.settings.browser_url}{ENTRA_PAGE}"
    answer = {
        "user_code": request.user_code,
        "device_code": request.device_code,
        "verification_uri": address,
        "expires_in": request.expires_in,
        "interval": request.interval,
        "message": f"To sign in, use a web browser to open the page {address} and enter the code "
        f"{request.user_code} to authenticate.",
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def device_page(call: Call) -> Response:
    """Ask for the code a terminal shows, then for the account to sign in with."""
    user_code = call.query.get("user_code", "")
    if not user_code:
        return device_form(ENTRA_PAGE)
    found = waiting_device(call.world, user_code)
    if found is None:
        return device_form(ENTRA_PAGE, user_code, NOT_WAITING)
    document = found[1]
    client = GITHUB_APP if document["provider"] == "github" else CLIENTS[document["client_id"]]
    title = "Authorize application" if document["provider"] == "github" else "Sign in"
    asking = f"{client.name} on a terminal that shows {document['user_code']} wants to act as you."
    return choose_account(title, asking, ENTRA_PAGE, hidden=hidden_field("user_code", document["user_code"]), deny=True)


def device_answer(call: Call) -> Response:
    """The choice made on the device page."""
    login = call.form.get("account", "")
    _check_login(login)
    if not answer_device(call.world, call.form.get("user_code", ""), login):
        raise PageError("Code not waiting", NOT_WAITING)
    if not login:
        return message_page("Cancelled", "The terminal was refused. You may close this page.")
    return message_page("Signed in", f"The terminal now acts as {login}. You may close this page.")


def device_answer_by_script(call: Call) -> Response:
    """What the device page does, for scripts: `{"user_code": ..., "account": ...}`."""
    login, user_code = call.form.get("account", ""), call.form.get("user_code", "")
    try:
        _check_login(login)
    except PageError as error:
        return JSONResponse({"error": str(error)}, 404)
    if not answer_device(call.world, user_code, login):
        return JSONResponse({"error": NOT_WAITING}, 404)
    return JSONResponse({"user_code": user_code, "account": login, "granted": bool(login)})


def _check_login(login: str) -> None:
    if not login:
        return
    try:
        person_named(login)
    except LookupError as error:
        raise PageError("Unknown account", str(error)) from error
