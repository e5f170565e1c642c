"""How Entra and GitHub's OAuth say no."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from starlette.responses import JSONResponse, Response


class EntraError(Exception):
    """An error of the token endpoints: OAuth's word in `error`, Entra's number in the description.

    Source: "Microsoft Entra authentication & authorization error codes".
    """

    def __init__(self, number: int, error: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.number = number
        self.error = error
        self.message = message
        self.status = status

    @property
    def code(self) -> str:
        return f"AADSTS{self.number}"

    def response(self, now: datetime, correlation_id: str, base_url: str) -> Response:
        """The envelope with its trace and correlation ids, which support would ask for."""
        trace_id = str(uuid.uuid4())
        correlation_id = correlation_id or str(uuid.uuid4())
        stamp = now.strftime("%Y-%m-%d %H:%M:%SZ")
        ids = f"Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {stamp}"
        body = {
            "error": self.error,
            "error_description": f"{self.code}: {self.message} {ids}",
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"{base_url}/error?code={self.number}",
        }
        headers = {"Cache-Control": "no-store", "x-ms-request-id": trace_id, "client-request-id": correlation_id}
        return JSONResponse(body, self.status, headers)


class GitHubOAuthError(Exception):
    """GitHub answers 200 with the error in the body; `extra` are fields beside it, such as `interval`."""

    def __init__(self, error: str, description: str, extra: Mapping[str, int] | None = None) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.extra = dict(extra or {})

    def body(self) -> dict[str, str | int]:
        uri = f"https://docs.github.com/apps/oauth-errors#{self.error.replace('_', '-')}"
        return {"error": self.error, "error_description": self.description, "error_uri": uri, **self.extra}


class PageError(Exception):
    """A sign-in request that must not be redirected, because its client or its address is not known."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title
        self.message = message


def missing_parameter(name: str) -> EntraError:
    return EntraError(900144, "invalid_request", f"The request body must contain the following parameter: '{name}'.")


def unknown_tenant(tenant: str) -> EntraError:
    return EntraError(
        90002,
        "invalid_request",
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
    )


def unknown_client(client_id: str, tenant: str) -> EntraError:
    return EntraError(
        700016,
        "unauthorized_client",
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant.",
    )


def wrong_secret(client_id: str) -> EntraError:
    return EntraError(
        7000215,
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not "
        f"the client secret ID, for a secret added to app '{client_id}'.",
        401,
    )


def missing_secret() -> EntraError:
    return EntraError(
        7000218,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        401,
    )
