"""Mounts every service on its port. A service that is not listed here does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.service import Service
from sandbox.world import World


def services(world: World) -> Sequence[Service]:
    """Build each service once, in the order in which they start."""
    from sandbox.actions.routes import service as actions
    from sandbox.arm.routes import service as arm
    from sandbox.blob.routes import service as blob
    from sandbox.control.routes import service as control
    from sandbox.endpoints.routes import service as endpoints
    from sandbox.github.routes import service as github
    from sandbox.identity.routes import service as identity
    from sandbox.monitor.routes import service as monitor
    from sandbox.tracking.routes import service as tracking

    return [build(world) for build in (identity, blob, arm, tracking, endpoints, monitor, github, actions, control)]
