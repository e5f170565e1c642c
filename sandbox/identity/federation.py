"""Workflows sign in without a secret: which run of which repository may become which program.

Entra compares the subject of a federated credential literally. A program whose identity has federated credentials of
its own trusts those, and no other. Before that it trusts what it was born with: repository ids of this sandbox are
made with the world, so there the ids inside the subject are free while everything around them is literal.
"""

from __future__ import annotations

import re
from typing import Any

import jwt

from sandbox.accounts import ORGANISATION
from sandbox.identity.errors import EntraError
from sandbox.identity.keys import ACTIONS
from sandbox.identity.tokens import actions_issuer, read_jwt
from sandbox.world import World

AUDIENCE = "api://AzureADTokenExchange"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REPOSITORY = rf"repo:{ORGANISATION}(@\d+)?/diabetes(@\d+)?"

FEDERATED_SUBJECTS = {
    "mlops-ci-dev": re.compile(rf"{REPOSITORY}:pull_request"),
    "mlops-ci-prod": re.compile(rf"{REPOSITORY}:ref:refs/heads/main"),
}
"""Pull requests reach the dev workspace only; the main branch alone reaches production's."""
CREDENTIALS = "federated_credentials"
"""The kind of document: by a program's name, whom its identity trusts (`issuer`, `subject`, `audiences`)."""


def check_assertion(world: World, program: str, client_id: str, assertion: str) -> None:
    """Return if `assertion` is a workflow's token that `program` trusts; EntraError says which part it does not."""
    subjects = FEDERATED_SUBJECTS.get(program)
    if subjects is None:
        raise _refused(70025, f"The client '{client_id}' has no configured federated identity credentials.")
    claims = _unverified(assertion)
    if claims.get("iss") != actions_issuer(world):
        raise _mismatch(700211, "issuer", str(claims.get("iss")))
    if read_jwt(world, assertion, ACTIONS) is None:
        if float(claims.get("exp", 0)) <= world.now().timestamp():
            raise _refused(700024, "Client assertion is not within its valid time range.")
        raise _refused(700027, "Client assertion failed signature validation.")
    audiences = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    if AUDIENCE not in audiences:
        raise _mismatch(700212, "audience", str(claims.get("aud")))
    if not _trusted(world, program, str(claims.get("sub")), subjects):
        raise _mismatch(700213, "subject", str(claims.get("sub")))


def _trusted(world: World, program: str, subject: str, born_with: re.Pattern[str]) -> bool:
    declared = world.documents.get(CREDENTIALS, program)
    if declared is None:
        return born_with.fullmatch(subject) is not None
    return any(subject == one["subject"] and AUDIENCE in one["audiences"] for one in declared["trusted"])


def _unverified(assertion: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise _refused(50027, "JWT token is invalid or malformed.") from error
    return claims


def _mismatch(number: int, part: str, value: str) -> EntraError:
    return _refused(
        number,
        f"No matching federated identity record found for presented assertion {part} '{value}'. Check your federated "
        "identity credential Subject, Audience and Issuer against the presented assertion. "
        "https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
    )


def _refused(number: int, message: str) -> EntraError:
    return EntraError(number, "invalid_client", message, 401)
