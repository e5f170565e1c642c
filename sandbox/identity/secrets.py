"""The secrets of this world's programs: random, written once to `<home>/secrets.json`, remembered as digests only."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.accounts import GITHUB_APP_CLIENT_ID, PROGRAMS, SIGN_IN_CLIENT_ID
from sandbox.identity.tokens import digest, issue_github_token
from sandbox.world import World

PROGRAM_SECRETS = "program_secret"
SIGN_IN_CLIENT = "mlops-sign-in"
INSTALLATION_LIFETIME = timedelta(days=3650)
INSTALLATION_PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "pull_requests": "write",
    "checks": "read",
    "statuses": "read",
    "actions": "write",
    "deployments": "write",
    "administration": "write",
    "environments": "read",
    "variables": "write",
}


def secrets_file(world: World) -> Path:
    return world.settings.home / "secrets.json"


def ensure_secrets(world: World) -> None:
    """Make the secrets of a new world; a world that has them keeps them."""
    path = secrets_file(world)
    if path.exists() and len(world.documents.list(PROGRAM_SECRETS)) == len(PROGRAMS) + 2:
        return
    listing: dict[str, dict[str, Any]] = {}
    for program in PROGRAMS:
        listing[program.name] = {"client_id": program.client_id, "secret": _new(world, program.client_id)}
    listing[SIGN_IN_CLIENT] = {"client_id": SIGN_IN_CLIENT_ID, "secret": _new(world, SIGN_IN_CLIENT_ID)}
    listing["github"] = {
        "client_id": GITHUB_APP_CLIENT_ID,
        "client_secret": _new(world, GITHUB_APP_CLIENT_ID),
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


def _new(world: World, client_id: str) -> str:
    secret = secrets.token_urlsafe(30)
    world.documents.put(PROGRAM_SECRETS, client_id, {"sha256": digest(secret)})
    return secret
