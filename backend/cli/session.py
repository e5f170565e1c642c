"""Who is at this terminal: an id token by device flow, kept in the profile, checked and renewed at each use."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from backend.cli.profile import profile_file, read_profile, renewing, save_profile
from backend.domain.people import FIRST_LOOK, Actor
from backend.errors import CredentialsRejected, NotPermitted, RemoteUnavailable
from backend.settings import Settings, load

if TYPE_CHECKING:
    from backend.bootstrap import Backend

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid profile email offline_access"
RENEW_BEFORE = 30.0
"""Seconds an id token must last yet, so that it does not end in the middle of a command."""
ENDED = "Your sign-in has ended: run `mlops login` again."


def backend() -> Backend:
    """Every operation. Imported here, so that wrong usage and wrong settings are told at once."""
    settings = load()
    from backend.bootstrap import build

    return build(settings)


def current_actor(settings: Settings, known: Backend) -> Actor:
    """The signed-in person; the id token is renewed when it is about to end.

    Raises NotPermitted if nobody is signed in, or the sign-in has ended, was revoked or is not to be trusted, and
    RemoteUnavailable while the identity provider cannot be asked.
    """
    path = profile_file(settings)
    tokens = read_profile(path)
    metadata = _metadata(settings)
    if _ends(tokens) < time.time() + RENEW_BEFORE:
        with renewing(path):
            tokens = read_profile(path)
            if _ends(tokens) < time.time() + RENEW_BEFORE:
                tokens = _renewed(settings, metadata, tokens)
                save_profile(path, tokens)
    try:
        claims = _claims(settings, metadata, tokens)
    except CredentialsRejected as error:
        raise NotPermitted(f"{error}; run `mlops login` again.") from error
    return known.people.acting(claims, "cli")


def sign_in(settings: Settings, show: Callable[[str, str], None]) -> Mapping[str, Any]:
    """Run the device flow: `show(user_code, address)` is called once; answers the id token's claims."""
    metadata = _metadata(settings)
    form = {"client_id": settings.signin.client_id, "scope": SCOPE}
    status, code = _post(settings, metadata["device_authorization_endpoint"], form)
    if status != 200:
        raise _refused(str(code.get("error_description", code.get("error"))))
    show(code["user_code"], code.get("verification_uri_complete") or code["verification_uri"])
    form = {"grant_type": DEVICE_GRANT, "client_id": settings.signin.client_id, "device_code": code["device_code"]}
    end, interval = time.monotonic() + float(code["expires_in"]), float(code.get("interval", 5))
    time.sleep(min(FIRST_LOOK, interval))
    while time.monotonic() < end:
        status, body = _post(settings, metadata["token_endpoint"], form)
        if status == 200:
            claims = _claims(settings, metadata, body)
            save_profile(profile_file(settings), body)
            return claims
        if body.get("error") == "slow_down":
            interval += 5
        elif body.get("error") != "authorization_pending":
            raise _refused(str(body.get("error_description", body.get("error"))))
        time.sleep(interval)
    raise _refused("the code was not used in time")


def sign_out(settings: Settings) -> bool:
    path = profile_file(settings)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def echo_code(user_code: str, address: str, as_json: bool) -> None:
    """Beside standard output, which is for what came of the sign-in: one JSON document, if that was asked for."""
    text = f"Open {address} and enter the code {user_code}"
    click.echo(json.dumps({"user_code": user_code, "verification_uri": address}) if as_json else text, err=True)


def _ends(tokens: Mapping[str, Any]) -> float:
    """When the id token ends by its own word, which `_claims` verifies; 0 if it cannot be read."""
    import jwt

    try:
        return float(jwt.decode(str(tokens.get("id_token")), options={"verify_signature": False}).get("exp", 0))
    except (jwt.PyJWTError, TypeError, ValueError):
        return 0.0


def _claims(settings: Settings, metadata: Mapping[str, str], tokens: Mapping[str, Any]) -> Mapping[str, Any]:
    """The verified claims. Raises CredentialsRejected for a token that is not the provider's, or not for us."""
    import jwt

    token = str(tokens.get("id_token"))
    try:
        keys = jwt.PyJWKClient(metadata["jwks_uri"], timeout=10, ssl_context=_verify(settings))
        return dict(
            jwt.decode(
                token, keys.get_signing_key_from_jwt(token).key, algorithms=["RS256"],
                audience=settings.signin.client_id, issuer=metadata["issuer"], leeway=10,
            )
        )  # fmt: skip
    except jwt.PyJWKClientConnectionError as error:
        raise _silent(metadata["jwks_uri"], "read its keys", error) from error
    except jwt.PyJWTError as error:
        raise _refused(str(error)) from error


def _renewed(settings: Settings, metadata: Mapping[str, str], tokens: Mapping[str, str]) -> dict[str, Any]:
    """What the refresh token brings. Raises NotPermitted where the provider no longer takes it."""
    if "refresh_token" not in tokens:
        raise NotPermitted(ENDED)
    form = {
        "grant_type": "refresh_token", "client_id": settings.signin.client_id,
        "refresh_token": tokens["refresh_token"], "scope": SCOPE,
    }  # fmt: skip
    status, body = _post(settings, metadata["token_endpoint"], form)
    if status != 200 or "id_token" not in body:
        raise NotPermitted(ENDED)
    return {**tokens, **body}


def _metadata(settings: Settings) -> dict[str, str]:
    import httpx

    url = settings.signin.metadata_url
    with _asking(url, "read its metadata"):
        answer = httpx.get(url, timeout=10, verify=_verify(settings)).raise_for_status()
        return dict(answer.json())


def _post(settings: Settings, url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """The status and JSON of an answer of the provider's; RemoteUnavailable where it gave none of its own."""
    import httpx

    with _asking(url, "sign in"):
        answer = httpx.post(url, data=form, timeout=15, verify=_verify(settings))
        if answer.status_code >= 500 or answer.status_code == 429:
            answer.raise_for_status()
        return answer.status_code, dict(answer.json())


@contextmanager
def _asking(url: str, operation: str) -> Iterator[None]:
    """What is no answer of the provider's, a proxy's page included, is its absence."""
    import httpx

    try:
        yield
    except (httpx.HTTPError, ValueError) as error:
        raise _silent(url, operation, error) from error


def _silent(url: str, operation: str, error: Exception) -> RemoteUnavailable:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return RemoteUnavailable(
        f"The identity provider does not answer at {url}: {first}", service="identity", operation=operation
    )


def _verify(settings: Settings) -> Any:
    from backend.gateways.credentials import tls_context

    return tls_context(settings.cloud)


def _refused(problem: str) -> CredentialsRejected:
    return CredentialsRejected(f"Sign-in refused: {problem}", service="identity", operation="sign in")
