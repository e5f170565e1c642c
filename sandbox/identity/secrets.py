"""The secrets of this world's programs: random, written once to `<home>/secrets.json`, remembered as digests only."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sandbox.accounts import (
    GITHUB_APP_CLIENT_ID,
    GITHUB_APP_ID,
    GITHUB_INSTALLATION_ID,
    PROGRAMS,
    SIGN_IN_CLIENT_ID,
)
from sandbox.identity.tokens import digest, issue_github_token
from sandbox.world import World

PROGRAM_SECRETS = "program_secret"
GITHUB_APP_KEY = "github_app_key"  # the kind of document: the public half, which is all that GitHub keeps
SIGN_IN_CLIENT = "mlops-sign-in"
INSTALLATION_LIFETIME = timedelta(days=3650)
INSTALLATION_PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "pull_requests": "write",
    "checks": "write",
    "statuses": "read",
    "actions": "write",
    "deployments": "write",
    "administration": "write",
    "variables": "write",
    "repository_hooks": "write",
}


def secrets_file(world: World) -> Path:
    return world.settings.home / "secrets.json"


def ensure_secrets(world: World) -> None:
    """Make the secrets of a new world; a world that has them keeps them."""
    path = secrets_file(world)
    known = len(world.documents.list(PROGRAM_SECRETS)) + len(world.documents.list(GITHUB_APP_KEY))
    if path.exists() and known == len(PROGRAMS) + 3:
        return
    listing: dict[str, dict[str, Any]] = {}
    for program in PROGRAMS:
        listing[program.name] = {"client_id": program.client_id, "secret": _new(world, program.client_id)}
    listing[SIGN_IN_CLIENT] = {"client_id": SIGN_IN_CLIENT_ID, "secret": _new(world, SIGN_IN_CLIENT_ID)}
    listing["github"] = {
        "client_id": GITHUB_APP_CLIENT_ID,
        "client_secret": _new(world, GITHUB_APP_CLIENT_ID),
        "app_id": GITHUB_APP_ID,
        "installation_id": GITHUB_INSTALLATION_ID,
        "private_key": _new_app_key(world),
        "installation_token": issue_github_token(
            world, permissions=INSTALLATION_PERMISSIONS, lifetime=INSTALLATION_LIFETIME
        ),
    }
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(listing, indent=2) + "\n")
    temporary.replace(path)


def secret_matches(world: World, client_id: str, secret: str) -> bool:
    document = world.documents.get(PROGRAM_SECRETS, client_id)
    return document is not None and secrets.compare_digest(document["sha256"], digest(secret))


def _new_app_key(world: World) -> str:
    """The private key as GitHub lets it be downloaded once: PKCS #1 in PEM."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    world.documents.put(GITHUB_APP_KEY, str(GITHUB_APP_ID), {"public": public})
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def _new(world: World, client_id: str) -> str:
    secret = secrets.token_urlsafe(30)
    world.documents.put(PROGRAM_SECRETS, client_id, {"sha256": digest(secret)})
    return secret
