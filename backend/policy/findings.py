"""The verdict strip: one word and one sentence for each gate that has been measured."""

from __future__ import annotations

from backend.domain.decisions import Dossier
from backend.domain.evidence import Finding, FindingState, Verdict
from backend.domain.promotions import Target
from backend.policy.blockers import comparison_with, rejection, smoke_of, standing_approval
from backend.policy.comparison import in_words

_QUALITY = {
    Verdict.BETTER: FindingState.PASS,
    Verdict.NO_DIFFERENCE: FindingState.PASS,
    Verdict.WORSE: FindingState.FAIL,
    Verdict.TOO_LITTLE_DATA: FindingState.INCONCLUSIVE,
}


def findings(dossier: Dossier, champion: Target | None) -> tuple[Finding, ...]:
    """In the order of reading. A gate without a measurement says so and is never green."""
    return (
        _code(dossier),
        *_data(dossier, champion),
        _quality(dossier, champion),
        _contract(dossier),
        _approval(dossier),
    )


def _code(dossier: Dossier) -> Finding:
    lineage = dossier.version.lineage
    if not lineage.commit or not lineage.run:
        return Finding(gate="Code", state=FindingState.FAIL, sentence="Registered without a commit and a run.")
    pull = f", pull request #{lineage.pull_request}" if lineage.pull_request else ""
    return Finding(
        gate="Code", state=FindingState.PASS, sentence=f"Commit {lineage.commit[:7]}{pull}, run {lineage.run}."
    )


def _data(dossier: Dossier, champion: Target | None) -> tuple[Finding, ...]:
    """Only where a comparison counted the patients on both sides."""
    comparison = comparison_with(dossier, champion) if champion else None
    if comparison is None:
        return ()
    shared = comparison.shared_groups
    sentence = f"{comparison.data_asset}, holdout of {comparison.rows:,} rows, patients in both sides: {shared}."
    return (Finding(gate="Data", state=FindingState.FAIL if shared else FindingState.PASS, sentence=sentence),)


def _quality(dossier: Dossier, champion: Target | None) -> Finding:
    if champion is None:
        return Finding(gate="Quality", state=FindingState.NOT_RUN, sentence="No champion yet: nothing to compare with.")
    comparison = comparison_with(dossier, champion)
    if comparison is None:
        older = any(e.comparison is not None for e in dossier.evidence)
        state = FindingState.STALE if older else FindingState.NOT_RUN
        return Finding(
            gate="Quality", state=state, sentence=f"Not compared with v{champion.version}, which serves now."
        )
    difference = comparison.on("auc")
    words = in_words(difference, comparison.rows)
    return Finding(gate="Quality", state=_QUALITY[difference.verdict], sentence=f"Against v{champion.version} {words}.")


def _contract(dossier: Dossier) -> Finding:
    smoke = smoke_of(dossier)
    if smoke is None:
        return Finding(gate="Contract", state=FindingState.NOT_RUN, sentence="Not asked on the test endpoint yet.")
    passed = smoke.passed == smoke.requests
    first = "" if passed else f" {smoke.failures[0]}" if smoke.failures else ""
    sentence = f"{smoke.passed} of {smoke.requests} requests answered as the contract says.{first}"
    return Finding(gate="Contract", state=FindingState.PASS if passed else FindingState.FAIL, sentence=sentence)


def _approval(dossier: Dossier) -> Finding:
    rejected, approved = rejection(dossier), standing_approval(dossier)
    if rejected is not None:
        return Finding(
            gate="Approval", state=FindingState.FAIL, sentence=f"Rejected by {rejected.actor}: {rejected.reason}"
        )
    if approved is not None:
        sentence = f"Approved by {approved.actor} on {approved.at:%d %b %H:%M} UTC: {approved.reason}"
        return Finding(gate="Approval", state=FindingState.PASS, sentence=sentence)
    if dossier.approvals:
        sentence = "The approval was for another digest or threshold and is void."
        return Finding(gate="Approval", state=FindingState.STALE, sentence=sentence)
    return Finding(gate="Approval", state=FindingState.NOT_RUN, sentence="Nobody has decided yet.")
