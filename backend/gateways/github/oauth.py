"""How a person lends us their GitHub rights: in a browser (web flow with PKCE) or in a terminal (device flow).

Both end in a user token of the GitHub App: it can do what the person and the app may both do, and GitHub attributes
what is done with it to the person.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from backend.domain.clock import Clock, utc_now
from backend.domain.people import GitHubConsent, GitHubGrant
from backend.errors import ConfigurationError, CredentialsRejected, RemoteUnavailable, SignInEnded
from backend.gateways.credentials import tls_context
from backend.gateways.github.errors import SERVICE, github
from backend.settings import Cloud, GitHub

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
TIMEOUT = 15
SPENT = "bad_refresh_token"

REFUSALS = {
    "bad_verification_code": "the code has expired or was used before; start again",
    "incorrect_client_credentials": "the client secret is wrong; check github.client_secret",
    "redirect_uri_mismatch": "the callback address is not registered; check console.public_url",
    SPENT: "the sign-in has ended; connect GitHub again",
    "expired_token": "the code was not entered in time; start again",
    "access_denied": "the person refused",
    "device_flow_disabled": "the app does not allow the device flow; enable it in its settings",
}
"""GitHub's error words (docs: "Troubleshooting OAuth app access token request errors"), as sentences."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """`user_code` is what the person types at `url`; look every `interval` seconds, at most for `expires_in`."""

    device_code: SecretStr
    user_code: str
    url: str
    interval: float
    expires_in: float


class OAuth:
    """The app's two flows. Answers of 200 may carry an error: GitHub refuses that way."""

    def __init__(self, settings: GitHub, cloud: Cloud, callback: str, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._cloud = cloud
        self._callback = callback
        self._clock = clock
        self._tls: ssl.SSLContext | None = None

    def consent(self) -> GitHubConsent:
        """Begin the web flow; nothing is sent. The browser goes to `url` and comes back to the callback."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": self._client_id(),
            "redirect_uri": self._callback,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        url = f"{self._settings.web_url.rstrip('/')}/login/oauth/authorize?{urlencode(query)}"
        return GitHubConsent(url=url, state=state, verifier=verifier)

    def exchange(self, code: str, verifier: str) -> GitHubGrant:
        """The web flow's code for a token. Raises CredentialsRejected with the way out."""
        form = {"code": code, "code_verifier": verifier, "redirect_uri": self._callback, **self._client()}
        return self._grant(form, "exchange a sign-in code")

    def refresh(self, refresh: SecretStr) -> GitHubGrant:
        """A new token, with the new refresh token that must be kept in place of this one.

        From here on neither `refresh` nor the token it belongs to is worth anything (docs: "Refreshing user access
        tokens"). Raises SignInEnded where GitHub no longer takes it.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh.get_secret_value(), **self._client()}
        return self._grant(form, "renew a sign-in")

    def begin_device(self) -> DeviceCode:
        """Begin the device flow, for a terminal."""
        answer = self._post("/login/device/code", {"client_id": self._client_id()}, "begin a device sign-in")
        _refuse(answer, "begin a device sign-in")
        return DeviceCode(
            device_code=SecretStr(answer["device_code"]),
            user_code=answer["user_code"],
            url=answer["verification_uri"],
            interval=float(answer.get("interval", 5)),
            expires_in=float(answer["expires_in"]),
        )

    def poll_device(self, device: DeviceCode) -> GitHubGrant | None:
        """One look; None while the person has not decided. `slow_down` counts as not yet."""
        form = {
            "client_id": self._client_id(),
            "device_code": device.device_code.get_secret_value(),
            "grant_type": DEVICE_GRANT,
        }
        answer = self._post("/login/oauth/access_token", form, "finish a device sign-in")
        if answer.get("error") in {"authorization_pending", "slow_down"}:
            return None
        return self._as_grant(answer, "finish a device sign-in")

    def login(self, token: SecretStr) -> str:
        """Whose token this is, asked of GitHub itself."""
        headers = {"Authorization": f"Bearer {token.get_secret_value()}", "Accept": "application/json"}
        with github("read whose token this is"), self._http() as client:
            answer = client.get(f"{self._settings.api_url.rstrip('/')}/user", headers=headers)
        if answer.status_code == 401:
            raise CredentialsRejected(
                "GitHub does not accept the token; connect GitHub again",
                service=SERVICE,
                operation="read whose token this is",
                status=401,
            )
        if answer.status_code != 200:
            raise _unavailable("read whose token this is", answer.status_code)
        return str(answer.json()["login"])

    def give_back(self, token: SecretStr) -> None:
        """End all that the token's person has lent the app (docs: "Delete an app authorization").

        Nothing is left to end where GitHub no longer knows the token (404, 422). Raises RemoteUnavailable.
        """
        operation = "take back what a person has lent"
        client_id = self._client_id()
        with github(operation), self._http() as client:
            answer = client.request(
                "DELETE",
                f"{self._settings.api_url.rstrip('/')}/applications/{client_id}/grant",
                auth=(client_id, self._settings.client_secret.get_secret_value()),
                json={"access_token": token.get_secret_value()},
                headers={"Accept": "application/json"},
            )
        if answer.status_code not in {204, 404, 422}:
            raise _unavailable(operation, answer.status_code)

    def _grant(self, form: Mapping[str, str], operation: str) -> GitHubGrant:
        return self._as_grant(self._post("/login/oauth/access_token", form, operation), operation)

    def _as_grant(self, answer: Mapping[str, Any], operation: str) -> GitHubGrant:
        _refuse(answer, operation)
        lifetime = answer.get("expires_in")
        refresh = answer.get("refresh_token")
        return GitHubGrant(
            access=SecretStr(answer["access_token"]),
            refresh=SecretStr(refresh) if refresh else None,
            expires_at=self._clock() + timedelta(seconds=float(lifetime)) if lifetime else None,
        )

    def _post(self, path: str, form: Mapping[str, str], operation: str) -> dict[str, Any]:
        with github(operation), self._http() as client:
            answer = client.post(
                f"{self._settings.login_url.rstrip('/')}{path}", data=form, headers={"Accept": "application/json"}
            )
        if answer.status_code >= 500:
            raise _unavailable(operation, answer.status_code)
        try:
            return dict(answer.json())
        except ValueError as error:
            raise _unavailable(operation, answer.status_code) from error

    def _http(self) -> httpx.Client:
        self._tls = self._tls or tls_context(self._cloud)
        return httpx.Client(verify=self._tls, timeout=TIMEOUT)

    def _client_id(self) -> str:
        if not self._settings.client_id:
            raise ConfigurationError("github.client_id", "is not set, so nobody can connect GitHub under their name")
        return self._settings.client_id

    def _client(self) -> dict[str, str]:
        return {"client_id": self._client_id(), "client_secret": self._settings.client_secret.get_secret_value()}


def _refuse(answer: Mapping[str, Any], operation: str) -> None:
    error = str(answer.get("error") or "")
    if error:
        reason = REFUSALS.get(error) or str(answer.get("error_description") or error)
        sentence = f"GitHub did not {operation}: {reason}."
        kind = SignInEnded if error == SPENT else CredentialsRejected
        raise kind(sentence, service=SERVICE, operation=operation, status=200)


def _unavailable(operation: str, status: int) -> RemoteUnavailable:
    return RemoteUnavailable(
        f"GitHub could not {operation}: it answered {status}. Try again in a minute.",
        service=SERVICE,
        operation=operation,
        status=status,
    )
