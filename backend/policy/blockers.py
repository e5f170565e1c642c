"""What stands between a version and production, each with who can clear it. One list for page, button and CLI."""

from __future__ import annotations

from collections.abc import Iterable

from backend.domain.decisions import Blocker, Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.evidence import Comparison, SmokeResult, Verdict
from backend.domain.people import Right, who_may
from backend.domain.promotions import Hold, Phase, Promotion, Target
from backend.domain.registry import Approval
from backend.policy.comparison import in_words

WORKER = "the worker"


def comparison_with(dossier: Dossier, champion: Target) -> Comparison | None:
    """The newest comparison of exactly this version with exactly what serves now, each at its threshold of now.

    Comparisons made before they knew their thresholds count for any.
    """
    for evidence in dossier.evidence:
        found = evidence.comparison
        if found is None or evidence.model_digest != dossier.version.digest:
            continue
        same = (found.champion.version, found.champion.digest) == (champion.version, champion.digest)
        thresholds = (
            (found.champion.threshold, champion.threshold),
            (found.challenger.threshold, dossier.version.threshold),
        )
        if same and all(then is None or then == now for then, now in thresholds):
            return found
    return None


def smoke_of(dossier: Dossier) -> SmokeResult | None:
    of_this = (e for e in dossier.evidence if e.model_digest == dossier.version.digest)
    return next((e.smoke for e in of_this if e.smoke is not None), None)


def standing_approval(dossier: Dossier) -> Approval | None:
    """The latest decision, if it approves what the version is now; a changed digest or threshold voids it."""
    latest = next(iter(dossier.approvals), None)
    if latest is None or latest.decision != "approved":
        return None
    version = dossier.version
    same = (latest.digest, latest.threshold) == (version.digest, version.threshold)
    return latest if same else None


def rejection(dossier: Dossier) -> Approval | None:
    latest = next(iter(dossier.approvals), None)
    return latest if latest is not None and latest.decision == "rejected" else None


def of_version(dossier: Dossier, champion: Target | None) -> tuple[Blocker, ...]:
    """Those that concern the version whatever the endpoint is doing: they refuse an approval too."""
    return tuple(
        found
        for found in (_identity(dossier), _staging(dossier), _rollout(dossier), _quality(dossier, champion))
        if found
    )


def of_approval(dossier: Dossier, *, can_approve: bool) -> tuple[Blocker, ...]:
    """The missing approval: hard, unless the person looking can give it with the same click."""
    rejected = rejection(dossier)
    if rejected is not None:
        why = f"Rejected by {rejected.actor}: {rejected.reason}"
        return (Blocker(what="Approval", why=why, who=who_may(Right.APPROVE), hard=not can_approve),)
    if standing_approval(dossier) is not None:
        return ()
    version = dossier.version.version
    void = bool(dossier.approvals)
    why = (
        f"The approval of v{version} was for another digest or threshold, so it is void."
        if void
        else f"v{version} has not been approved."
    )
    return (Blocker(what="Approval", why=why, who=who_may(Right.APPROVE), hard=not can_approve),)


def of_endpoint(
    target: Target, active: Promotion | None, hold: Hold | None, stable: Promotion | None
) -> tuple[Blocker, ...]:
    """Those that concern the endpoint: something is under way, it is on hold, or it serves this version already."""
    found = []
    if active is not None:
        what = f"v{active.target.version} by {active.requested_by} is {active.phase.value} on {target.endpoint}."
        found.append(Blocker(what="Active promotion", why=what, who=who_may(Right.CONTROL)))
    if hold is not None:
        why = f"{target.endpoint} is on hold since {hold.set_at:%d %b %H:%M} UTC: {hold.reason}"
        found.append(Blocker(what="Hold", why=why, who=who_may(Right.PROMOTE)))
    if stable is not None and stable.target.deployment == target.deployment:
        why = f"{target.endpoint} serves v{target.version} already."
        found.append(Blocker(what="Already serving", why=why, who="nobody needs to"))
    return tuple(found)


def of_production(target: Target, endpoint: Endpoint | None, expected_stable: str) -> tuple[Blocker, ...]:
    """Those that only the live endpoint can tell."""
    if endpoint is None:
        why = f"{target.endpoint} has not answered yet, so what it serves is not known."
        return (Blocker(what="Production", why=why, who=who_may(Right.SETUP)),)
    live = endpoint.stable or ""
    if live != expected_stable:
        told = expected_stable or "nothing"
        why = f"{target.endpoint} serves {live or 'nothing'}, the ledger says {told}: it was changed elsewhere."
        return (Blocker(what="Production", why=why, who=who_may(Right.CONTROL)),)
    return ()


def sentences(blockers: Iterable[Blocker]) -> tuple[str, ...]:
    return tuple(f"{blocker.what}: {blocker.why}" for blocker in blockers)


def _identity(dossier: Dossier) -> Blocker | None:
    version = dossier.version
    if version.archived:
        return Blocker(
            what="Archived", why=f"v{version.version} is archived in the registry.", who=who_may(Right.APPROVE)
        )
    missing = [n for n in ("commit", "run", "environment") if not getattr(version.lineage, n)]
    missing += [] if version.digest else ["digest"]
    if missing:
        why = f"v{version.version} was registered without {', '.join(missing)}, so nobody can tell what it was made of."
        return Blocker(what="Lineage", why=why, who="train and register it through the pipeline")
    return None


def _staging(dossier: Dossier) -> Blocker | None:
    version, staging = dossier.version, dossier.staging
    if staging is None:
        return Blocker(what="Test", why=f"v{version.version} has not been tested on the test endpoint yet.", who=WORKER)
    if staging.target.digest != version.digest or staging.target.threshold != version.threshold:
        why = f"v{version.version} was tested with another digest or threshold than it has now."
        return Blocker(what="Test", why=why, who=who_may(Right.APPROVE))
    if staging.phase is Phase.SUCCEEDED:
        return None
    if staging.phase.final:
        return Blocker(what="Test", why=f"The test did not pass. {staging.reason}", who="the author of the change")
    return Blocker(what="Test", why=f"The test is {staging.phase.value}. {staging.reason}", who=WORKER)


def _rollout(dossier: Dossier) -> Blocker | None:
    if dossier.rollout is not None:
        return None
    why = "The rollout plan of its commit has not been read; the test does that."
    return Blocker(what="Rollout", why=why, who=WORKER)


def _quality(dossier: Dossier, champion: Target | None) -> Blocker | None:
    if champion is None or champion.digest == dossier.version.digest:
        return None
    comparison = comparison_with(dossier, champion)
    if comparison is None:
        why = f"No comparison with v{champion.version}, which serves now. Test it again to make one."
        return Blocker(what="Quality", why=why, who=who_may(Right.APPROVE))
    if comparison.shared_groups:
        why = f"{comparison.shared_groups} patients are in both training and holdout, so the comparison proves nothing."
        return Blocker(what="Quality", why=why, who="the author of the change")
    difference = comparison.on("auc")
    words = in_words(difference, comparison.rows)
    if difference.verdict is Verdict.WORSE:
        return Blocker(
            what="Quality", why=f"Against v{champion.version} it is {words}.", who="the author of the change"
        )
    if difference.verdict is Verdict.TOO_LITTLE_DATA:
        return Blocker(
            what="Quality", why=f"Against v{champion.version}: {words}.", who=who_may(Right.PROMOTE), hard=False
        )
    return None
