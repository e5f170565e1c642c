"""Who is at this terminal: an id token by device flow, one file a profile, checked at each use."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from backend.bootstrap import Backend, build
from backend.domain.people import Actor
from backend.errors import CredentialsRejected, NotPermitted, RemoteUnavailable
from backend.settings import Settings, load

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid profile email offline_access"


def backend() -> Backend:
    return build(load())


def profile_file(settings: Settings) -> Path:
    return settings.home / "cli" / f"{os.environ.get('MLOPS_PROFILE', 'default')}.json"


def current_actor(settings: Settings, known: Backend) -> Actor:
    """The signed-in person; the id token is refreshed when it is about to end. Raises NotPermitted if nobody is."""
    path = profile_file(settings)
    if not path.exists():
        raise NotPermitted("Nobody is signed in at this terminal: run `mlops login` first.")
    try:
        tokens = dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise NotPermitted(f"The sign-in kept in {path} cannot be read: run `mlops login` again.") from error
    claims = _claims(settings, tokens)
    return known.people.actor(claims, "cli")


def sign_in(settings: Settings, show: Any) -> Mapping[str, Any]:
    """Run the device flow: `show(user_code, address)` is called once; answers the id token's claims."""
    import httpx

    metadata = _metadata(settings)
    with httpx.Client(timeout=15, verify=_verify(settings)) as http:
        form = {"client_id": settings.signin.client_id, "scope": SCOPE}
        started = http.post(metadata["device_authorization_endpoint"], data=form)
        if started.status_code != 200:
            raise _refused("device sign-in", started.text)
        code = started.json()
        show(code["user_code"], code.get("verification_uri_complete") or code["verification_uri"])
        form = {"grant_type": DEVICE_GRANT, "client_id": settings.signin.client_id, "device_code": code["device_code"]}
        end, interval = time.monotonic() + float(code["expires_in"]), float(code.get("interval", 5))
        while time.monotonic() < end:
            answer = http.post(metadata["token_endpoint"], data=form)
            body = answer.json()
            if answer.status_code == 200:
                _save(profile_file(settings), body)
                return _claims(settings, body)
            if body.get("error") == "slow_down":
                interval += 5
            elif body.get("error") != "authorization_pending":
                raise _refused("device sign-in", str(body.get("error_description", body.get("error"))))
            time.sleep(min(interval, 1.0) if interval <= 1 else interval)
    raise _refused("device sign-in", "the code was not used in time")


def sign_out(settings: Settings) -> bool:
    path = profile_file(settings)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def _claims(settings: Settings, tokens: Mapping[str, Any]) -> Mapping[str, Any]:
    import jwt

    metadata = _metadata(settings)
    token = str(tokens.get("id_token"))
    try:
        if jwt.decode(token, options={"verify_signature": False})["exp"] < time.time() + 30:
            token = _refreshed(settings, metadata, tokens)
        keys = jwt.PyJWKClient(metadata["jwks_uri"], timeout=10, ssl_context=_verify(settings))
        return dict(
            jwt.decode(
                token, keys.get_signing_key_from_jwt(token).key, algorithms=["RS256"],
                audience=settings.signin.client_id, issuer=metadata["issuer"], leeway=10,
            )
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise _refused("sign-in", f"{error}; run `mlops login` again") from error


def _refreshed(settings: Settings, metadata: Mapping[str, str], tokens: Mapping[str, Any]) -> str:
    import httpx

    if not tokens.get("refresh_token"):
        raise NotPermitted("Your sign-in has ended: run `mlops login` again.")
    form = {
        "grant_type": "refresh_token", "client_id": settings.signin.client_id,
        "refresh_token": tokens["refresh_token"], "scope": SCOPE,
    }  # fmt: skip
    with httpx.Client(timeout=15, verify=_verify(settings)) as http:
        answer = http.post(metadata["token_endpoint"], data=form)
    if answer.status_code != 200:
        raise NotPermitted("Your sign-in has ended: run `mlops login` again.")
    body = {**tokens, **answer.json()}
    _save(profile_file(settings), body)
    return str(body["id_token"])


def _metadata(settings: Settings) -> dict[str, str]:
    import httpx

    try:
        answer = httpx.get(settings.signin.metadata_url, timeout=10, verify=_verify(settings))
        answer.raise_for_status()
        return dict(answer.json())
    except (httpx.HTTPError, ValueError) as error:
        raise RemoteUnavailable(
            f"The identity provider does not answer at {settings.signin.metadata_url}: {error}",
            service="identity", operation="read its metadata",
        ) from error  # fmt: skip


def _verify(settings: Settings) -> Any:
    from backend.gateways.credentials import tls_context

    return tls_context(settings.cloud)


def _save(path: Path, tokens: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_text(json.dumps({name: tokens[name] for name in ("id_token", "refresh_token") if name in tokens}))


def _refused(operation: str, problem: str) -> CredentialsRejected:
    return CredentialsRejected(f"Sign-in refused: {problem}", service="identity", operation=operation)


def echo_code(user_code: str, address: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"user_code": user_code, "verification_uri": address}))
    else:
        click.echo(f"Open {address} and enter the code {user_code}")
