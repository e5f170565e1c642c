"""Who is calling: every token of this world is issued here and read back here.

Entra access tokens and job tokens are RS256 JWTs signed with the world's key. GitHub tokens are opaque
(`ghu_` a person's, `ghs_` an installation's or a workflow's) and stored as SHA-256 only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import jwt

from sandbox.accounts import PEOPLE, PROGRAMS, TENANT, Person, Program
from sandbox.identity.assignments import roles_of
from sandbox.identity.keys import ACTIONS, ENTRA, signing_key
from sandbox.world import World

Kind = Literal["person", "program", "workflow", "job"]

GITHUB_TOKENS = "github_token"  # the kind of document
GITHUB_TOKEN_LIFETIME = timedelta(seconds=28_800)
NEVER = timedelta(days=36_500)
"""The lifetime of a token that does not expire."""
ACCESS_TOKEN_LIFETIME = timedelta(seconds=3_599)
JOB_TOKEN_LIFETIME = timedelta(days=7)
WORKFLOW_TOKEN_LIFETIME = timedelta(hours=6)
ACTIONS_REQUEST_AUDIENCE = "actions-id-token-request"
APP_BOT = "mlops-console[bot]"
WORKFLOW_BOT = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    `name` is a login, a program's name, a bot's login or a job's name. `permissions` are GitHub's
    (`{"contents": "write"}`), empty for people, whose rights are their account's. `workspaces` are the Azure ML
    workspaces the principal may touch, `*` meaning all; `roles` a person's app roles.
    """

    kind: Kind
    name: str
    repository: str = ""
    permissions: Mapping[str, str] = field(default_factory=dict, hash=False)
    workspaces: tuple[str, ...] = ("*",)
    may_write_endpoints: bool = False
    roles: tuple[str, ...] = ()


def authenticate(world: World, authorization_header: str | None) -> Principal | None:
    """The principal behind `Bearer <jwt>`, `token|Bearer <GitHub token>` or `Basic` with a token as password.

    None for a missing, unknown, foreign or expired credential.
    """
    scheme, _, value = (authorization_header or "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        value = _basic_password(value)
    elif scheme.lower() not in {"bearer", "token"}:
        return None
    if not value:
        return None
    return _from_jwt(world, value) if value.count(".") == 2 else _from_github_token(world, value)


def issue_access_token(
    world: World,
    principal_name: str,
    audience: str,
    lifetime: timedelta | float = ACCESS_TOKEN_LIFETIME,
    *,
    issuer: str = "",
) -> str:
    """An Entra access token for a program (by name or client id) or a person (by login); LookupError if neither."""
    program = program_named(principal_name)
    claims: dict[str, Any] = {"aud": audience, "iss": issuer or entra_issuer(world.settings.url), "ver": "2.0"}
    if program is not None:
        claims |= {"appid": program.client_id, "azp": program.client_id, "idtyp": "app"}
        claims |= {"app_displayname": program.name, "oid": object_id(program.name), "sub": object_id(program.name)}
    else:
        claims |= person_claims(world, person_named(principal_name))
    return _sign(world, claims, lifetime)


def issue_job_token(world: World, job_name: str, workspace: str) -> str:
    """What a running job uses as `MLFLOW_TRACKING_TOKEN`: its identity reaches one workspace."""
    claims = {"aud": "https://ml.azure.com", "iss": entra_issuer(world.settings.url), "idtyp": "job"}
    claims |= {"job": job_name, "workspace": workspace, "oid": object_id(job_name), "sub": object_id(job_name)}
    return _sign(world, claims, JOB_TOKEN_LIFETIME)


def issue_github_token(
    world: World,
    *,
    login: str = "",
    repository: str = "",
    permissions: Mapping[str, str] | None = None,
    lifetime: timedelta | float = GITHUB_TOKEN_LIFETIME,
) -> str:
    """A person's token (`login`), a workflow's (`repository` and its permissions), or the installed app's (neither)."""
    if login:
        person_named(login)
    kind: Kind = "person" if login else "workflow" if repository else "program"
    token = ("ghu_" if login else "ghs_") + secrets.token_urlsafe(27).replace("-", "A").replace("_", "B")
    document = {
        "kind": kind,
        "name": login or (WORKFLOW_BOT if repository else APP_BOT),
        "repository": repository,
        "permissions": dict(permissions or {}),
        "expires_at": world.now().timestamp() + _seconds(lifetime),
    }
    world.documents.put(GITHUB_TOKENS, digest(token), document)
    return token


def issue_workflow_request_token(world: World, claims: Mapping[str, Any]) -> str:
    """`ACTIONS_ID_TOKEN_REQUEST_TOKEN` of a run: exchanged at `/actions/oidc/token` for an id token with `claims`."""
    now = int(world.now().timestamp())
    key = signing_key(world, ACTIONS)
    return key.sign(
        {
            "aud": ACTIONS_REQUEST_AUDIENCE,
            "iss": actions_issuer(world),
            "iat": now,
            "nbf": now,
            "exp": now + int(WORKFLOW_TOKEN_LIFETIME.total_seconds()),
            "workflow_claims": dict(claims),
        }
    )


def read_jwt(world: World, token: str, key_name: str, audience: str | None = None) -> dict[str, Any] | None:
    """The claims of a JWT signed with one of this world's keys and valid now; None otherwise."""
    options: Any = {"verify_aud": audience is not None, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        claims: dict[str, Any] = jwt.decode(
            token, signing_key(world, key_name).public, algorithms=["RS256"], audience=audience, options=options
        )
    except jwt.InvalidTokenError:
        return None
    return claims if float(claims.get("exp", 0)) > world.now().timestamp() else None


def entra_issuer(base_url: str) -> str:
    return f"{base_url}/{TENANT}/v2.0"


def actions_issuer(world: World) -> str:
    return f"{world.settings.url}/actions/oidc"


def object_id(name: str) -> str:
    """The directory's object id of an account: stable across worlds, as ids of real accounts are across services."""
    return str(uuid.uuid5(uuid.UUID(TENANT), name))


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def program_named(name_or_client_id: str) -> Program | None:
    return next((program for program in PROGRAMS if name_or_client_id in {program.name, program.client_id}), None)


def person_named(login: str) -> Person:
    for person in PEOPLE:
        if person.login == login:
            return person
    raise LookupError(f"No account is called {login!r}; the accounts are {', '.join(p.login for p in PEOPLE)}")


def person_claims(world: World, person: Person) -> dict[str, Any]:
    """What Entra says about a person in id and access tokens."""
    return {
        "oid": object_id(person.login),
        "sub": object_id(person.login),
        "idtyp": "user",
        "preferred_username": person.login,
        "name": person.name,
        "email": person.email,
        "roles": list(roles_of(world, person)),
    }


def program_principal(program: Program) -> Principal:
    return Principal(
        "program", program.name, workspaces=program.workspaces, may_write_endpoints=program.may_write_endpoints
    )


def _seconds(lifetime: timedelta | float) -> float:
    return lifetime.total_seconds() if isinstance(lifetime, timedelta) else lifetime


def _sign(world: World, claims: Mapping[str, Any], lifetime: timedelta | float) -> str:
    now = int(world.now().timestamp())
    times = {"iat": now, "nbf": now, "exp": now + int(_seconds(lifetime)), "tid": TENANT, "uti": uuid.uuid4().hex}
    return signing_key(world, ENTRA).sign({**claims, **times})


def _basic_password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _from_jwt(world: World, token: str) -> Principal | None:
    claims = read_jwt(world, token, ENTRA)
    if claims is None:
        return None
    match claims.get("idtyp"):
        case "app":
            program = program_named(str(claims.get("appid")))
            return None if program is None else program_principal(program)
        case "job":
            return Principal("job", str(claims["job"]), workspaces=(str(claims["workspace"]),))
        case "user":
            return _person_principal(world, str(claims["preferred_username"]))
    return None


def _person_principal(world: World, login: str) -> Principal | None:
    try:
        person = person_named(login)
    except LookupError:
        return None
    return Principal("person", person.login, roles=roles_of(world, person))


def _from_github_token(world: World, token: str) -> Principal | None:
    document = world.documents.get(GITHUB_TOKENS, digest(token))
    if document is None or document["expires_at"] <= world.now().timestamp():
        return None
    if document["kind"] == "person":
        return _person_principal(world, document["name"])
    kind: Kind = "workflow" if document["kind"] == "workflow" else "program"
    return Principal(kind, document["name"], document["repository"], document["permissions"], workspaces=())
