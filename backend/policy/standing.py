"""Where a version stands, from our own records about it and about production. Pure."""

from __future__ import annotations

from datetime import datetime

from backend.domain.decisions import Dossier
from backend.domain.promotions import Kind, Phase, Promotion
from backend.domain.registry import VersionState
from backend.policy.approval import changes_requested, quarantined, rejection, standing_approval

Standing = tuple[VersionState, str]
"""The state, and the sentence behind it where a word does not tell enough."""


def latest(dossier: Dossier) -> Promotion | None:
    """The last time that production had to do with this version."""
    return next(iter(dossier.promotions), None)


def standing(dossier: Dossier, stable: Promotion | None, followed_by: Promotion | None) -> Standing:
    """`stable` serves now; `followed_by` is what next succeeded there after this version's own latest promotion.

    A version that production has done with waits for nobody, until somebody approves or tests it anew.
    """
    version = dossier.version
    if stable is not None and (stable.target.version, stable.target.digest) == (version.version, version.digest):
        return VersionState.SERVING, quarantined(version.version, dossier.quarantine) if dossier.quarantine else ""
    if dossier.quarantine is not None:
        return VersionState.QUARANTINED, quarantined(version.version, dossier.quarantine)
    rejected, wanted = rejection(dossier), changes_requested(dossier)
    if rejected is not None:
        return VersionState.REJECTED, f"Rejected by {rejected.actor}: {rejected.reason}"
    if wanted is not None:
        return VersionState.CHANGES_REQUESTED, f"Changes were requested by {wanted.actor}: {wanted.reason}"
    ended = _ended(latest(dossier), followed_by) or _passed_over(dossier, stable)
    if ended is not None and not _taken_up_again(dossier, ended[0]):
        return ended[1]
    return _before_production(dossier)


def _ended(own: Promotion | None, followed_by: Promotion | None) -> tuple[datetime, Standing] | None:
    """When and how production was done with it."""
    if own is None:
        return None
    at = own.finished_at or own.updated_at
    if not own.phase.final:
        return own.updated_at, (VersionState.PROMOTING, own.reason)
    if own.phase is Phase.ROLLED_BACK:
        # The promotion keeps who asked for its abort; analysis that sends traffic back asks nobody.
        return at, (VersionState.ABORTED if own.request_by else VersionState.ROLLED_BACK, own.reason)
    if own.phase is Phase.SUCCEEDED and followed_by is not None:
        to = f"v{followed_by.target.version}"
        if followed_by.kind is Kind.ROLL_BACK:
            why = f"{followed_by.requested_by} rolled production back to {to}: {followed_by.requested_reason}"
            return followed_by.created_at, (VersionState.ROLLED_BACK, why)
        return followed_by.created_at, (VersionState.SUPERSEDED, f"{to} has served since.")
    return None


def _passed_over(dossier: Dossier, stable: Promotion | None) -> tuple[datetime, Standing] | None:
    """A newer version serves, and this one never did."""
    if stable is None or stable.finished_at is None:
        return None
    mine, serving = dossier.version.version, stable.target.version
    if not (mine.isdecimal() and serving.isdecimal() and int(mine) < int(serving)):
        return None
    usable = _before_production(dossier)[0] in {VersionState.READY, VersionState.APPROVED}
    return (stable.finished_at, (VersionState.SUPERSEDED, f"v{serving} serves now.")) if usable else None


def _taken_up_again(dossier: Dossier, ended: datetime) -> bool:
    approved = standing_approval(dossier)
    staging = dossier.staging
    return (approved is not None and approved.at > ended) or (staging is not None and staging.created_at > ended)


def _before_production(dossier: Dossier) -> Standing:
    staging = dossier.staging
    if standing_approval(dossier) is not None:
        return VersionState.APPROVED, ""
    if staging is None:
        return VersionState.REGISTERED, ""
    if not staging.phase.final:
        return VersionState.TESTING, staging.reason
    if staging.phase is Phase.SUCCEEDED:
        return VersionState.READY, ""
    return VersionState.TEST_FAILED, staging.reason
