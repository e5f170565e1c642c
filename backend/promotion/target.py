"""What a version is when it serves. Pure."""

from __future__ import annotations

from backend.domain.endpoints import deployment_name
from backend.domain.promotions import Target
from backend.domain.registry import ModelVersion


def target_on(endpoint: str, version: ModelVersion) -> Target:
    """A version as it is now, fixed: its deployment is named by what it is made of."""
    lineage = version.lineage
    return Target(
        endpoint=endpoint,
        model=version.name,
        version=version.version,
        digest=version.digest,
        threshold=version.threshold,
        environment=lineage.environment,
        deployment=deployment_name(version.version, version.digest, version.threshold, lineage.environment),
        commit=lineage.commit,
        run=lineage.run,
    )
