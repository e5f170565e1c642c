"""A running workflow job fetches an id token that says which run of which repository it is."""

from __future__ import annotations

import uuid

from starlette.responses import JSONResponse, Response

from sandbox.accounts import ORGANISATION
from sandbox.identity.calls import Call
from sandbox.identity.keys import ACTIONS, signing_key
from sandbox.identity.tokens import ACTIONS_REQUEST_AUDIENCE, actions_issuer, read_jwt

LIFETIME_SECONDS = 300


def actions_token(call: Call) -> Response:
    """An id token for the `audience` of the query, for the run behind the request token."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    claims = (
        read_jwt(call.world, token.strip(), ACTIONS, ACTIONS_REQUEST_AUDIENCE) if scheme.lower() == "bearer" else None
    )
    if claims is None:
        return JSONResponse({"message": "The id token request token is missing, expired or not of this world."}, 401)
    value = signing_key(call.world, ACTIONS).sign(
        {
            **claims["workflow_claims"],
            "iss": actions_issuer(call.world),
            "aud": call.query.get("audience") or f"https://github.com/{ORGANISATION}",
            "jti": str(uuid.uuid4()),
            "iat": call.now,
            "nbf": call.now,
            "exp": call.now + LIFETIME_SECONDS,
        }
    )
    return JSONResponse({"count": len(value), "value": value})
