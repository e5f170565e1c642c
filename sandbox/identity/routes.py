"""Routes of Entra, the GitHub OAuth app and the workflows' id tokens."""

from __future__ import annotations

from sandbox.identity.secrets import ensure_secrets
from sandbox.service import Service
from sandbox.world import World


def service(world: World) -> Service:
    ensure_secrets(world)
    return Service(name="identity")
