"""GitHub's public record of what serves: a deployment of environment `production` after every success."""

from __future__ import annotations

from backend.gateways.github.deployments import Deployments
from backend.settings_project import Project
from backend.store import Store

ENVIRONMENT = "production"


class Announcement:
    """Makes GitHub's latest record agree with the ledger; converging, so that nothing of its own must be kept."""

    def __init__(self, store: Store, deployments: Deployments, project: Project) -> None:
        self._store = store
        self._deployments = deployments
        self._project = project
        self._told = ""

    def announce(self) -> None:
        stable = self._store.promotions.stable(self._project.endpoint)
        if stable is None or not stable.target.commit or stable.id == self._told:
            return
        target = stable.target
        description = (
            f"v{target.version} serves {target.endpoint} ({target.digest[:19]}), asked by {stable.requested_by}"
        )
        self._deployments.record(target.commit, ENVIRONMENT, description)
        self._told = stable.id
