"""Reads what the stage rail and the overview need: snapshots of the services, and our own database."""

from __future__ import annotations

from backend.domain.registry import ModelVersion
from console import topics
from console.viewmodels.stages import Surroundings
from console.viewmodels.version_pages import version_of
from console.wiring import Wiring

LATEST = 8


def surroundings(wired: Wiring) -> Surroundings:
    project = wired.settings.project
    versions = wired.snapshots.watch(topics.versions())
    newest = newest_first(versions.value or ())[:LATEST]
    return Surroundings(
        plan=wired.snapshots.watch(topics.plan()),
        pulls=wired.snapshots.watch(topics.pulls()),
        versions=versions,
        endpoint=wired.snapshots.watch(topics.endpoint(project.endpoint)),
        dossiers=tuple(wired.backend.models.dossier(version) for version in newest),
        active=wired.backend.promotions.active(project.endpoint),
    )


def newest_first(versions: tuple[ModelVersion, ...]) -> tuple[ModelVersion, ...]:
    return tuple(sorted(versions, key=lambda version: version.created_at, reverse=True))


def find(versions: tuple[ModelVersion, ...], number: str) -> ModelVersion | None:
    return next((version for version in versions if version.version == number), None)


def champion(wired: Wiring) -> ModelVersion | None:
    """The version that serves production by the ledger; None where it is none of ours, or none was read yet."""
    return find(wired.snapshots.watch(topics.versions()).value or (), version_of(wired.backend.promotions.stable()))
