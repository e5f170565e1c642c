"""The GitHub App proves itself with a JWT of its own making, signed with the key that GitHub once gave it.

Source: GitHub's docs, "Generating a JSON Web Token (JWT) for a GitHub App": RS256; `iss` is the app's id or client id,
`iat` lies in the past, `exp` at most ten minutes ahead. The sentences are GitHub's.
"""

from __future__ import annotations

from typing import Any

import jwt

from sandbox.accounts import GITHUB_APP_CLIENT_ID, GITHUB_APP_ID
from sandbox.identity.secrets import GITHUB_APP_KEY
from sandbox.world import World

LONGEST = 600
UNREADABLE = "A JSON web token could not be decoded"
ENDED = (
    "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion "
    "expires"
)
TOO_LONG = "'Expiration time' claim ('exp') is too far in the future"
NOT_YET = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
NO_ISSUER = "'Issuer' claim ('iss') must be an Integer"
UNKNOWN = "Integration not found"


class AppRefusedError(Exception):
    """The JWT is not the app's, or not of now; `status` is 404 for an app that nobody registered."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def authenticate_app(world: World, authorization: str | None) -> None:
    """Return if the header carries a valid JWT of the app of this world, else raise AppRefusedError."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise AppRefusedError(401, UNREADABLE)
    issuer = str(_claims(token.strip(), None).get("iss", ""))
    if not issuer:
        raise AppRefusedError(401, NO_ISSUER)
    if issuer not in {str(GITHUB_APP_ID), GITHUB_APP_CLIENT_ID}:
        raise AppRefusedError(404, UNKNOWN)
    document = world.documents.get(GITHUB_APP_KEY, str(GITHUB_APP_ID))
    if document is None:
        raise AppRefusedError(404, UNKNOWN)
    _check_times(_claims(token.strip(), document["public"]), world.now().timestamp())


def _claims(token: str, public_key: str | None) -> dict[str, Any]:
    """The claims, verified with the key if one is given; the times are judged by this world's clock, not here."""
    options: Any = dict.fromkeys(("verify_exp", "verify_nbf", "verify_iat", "verify_aud", "verify_iss"), False)
    options |= {"verify_signature": public_key is not None}
    try:
        claims: dict[str, Any] = jwt.decode(token, public_key or "", algorithms=["RS256"], options=options)
    except jwt.InvalidTokenError as error:
        raise AppRefusedError(401, UNREADABLE) from error
    return claims


def _check_times(claims: dict[str, Any], now: float) -> None:
    ends, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(ends, int) or ends <= now:
        raise AppRefusedError(401, ENDED)
    if ends > now + LONGEST:
        raise AppRefusedError(401, TOO_LONG)
    if not isinstance(issued, int) or issued > now:
        raise AppRefusedError(401, NOT_YET)
