"""All that is found about a version, a word and a sentence each: where it came from, every gate, who decided.

Nothing is judged from memory: evidence about another digest, threshold or champion, or under another gate file, counts
for nothing and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from backend.domain.clock import stamp
from backend.domain.comparison import Comparison
from backend.domain.contract import ContractEvidence
from backend.domain.decisions import Dossier
from backend.domain.evidence import Evidence
from backend.domain.gates import Finding, FindingState
from backend.domain.production_flips import ProductionFlips
from backend.domain.promotions import Target
from backend.domain.registry import ModelVersion
from backend.policy.approval import missing_approval, standing_approval
from backend.policy.gates import Exhibits, judge_gates

Paired = TypeVar("Paired", Comparison, ProductionFlips)
"""What is said of two versions at once."""


def findings(dossier: Dossier, champion: Target | None) -> tuple[Finding, ...]:
    """In the order of reading."""
    return (
        _code(dossier),
        *_data(dossier),
        *gate_findings(dossier, champion),
        _approval(dossier),
    )


def gate_findings(dossier: Dossier, champion: Target | None) -> tuple[Finding, ...]:
    """One a gate. Without a gate file there is one finding that says so."""
    gates = dossier.gates
    if gates is None:
        sentence = "The gate file has not been read for this version yet; the test does that."
        return (Finding(gate="gates", group="Quality", state=FindingState.NOT_RUN, sentence=sentence),)
    found = judge_gates(gates.rules, exhibits(dossier, champion))
    moved = moved_since(dossier)
    if moved:
        version = f"v{dossier.version.version}"
        sentence = (
            f"This was measured for another {' and '.join(moved)} than {version} is registered with now. Test it again."
        )
        found = tuple(f.model_copy(update={"state": FindingState.STALE, "sentence": sentence}) for f in found)
    if not dossier.gates_are_current:
        sentence = "The gate file on main has changed since this was judged. Test it again."
        found = tuple(f.model_copy(update={"state": FindingState.STALE, "sentence": sentence}) for f in found)
    if champion is None:
        first = "No champion yet: nothing to compare with."
        return (*found, Finding(gate="comparison", group="Quality", state=FindingState.NOT_RUN, sentence=first))
    return found


def exhibits(dossier: Dossier, champion: Target | None) -> Exhibits:
    """The newest of each kind that is about this digest at this threshold."""
    serves = is_champion(champion, dossier.version.digest, dossier.version.threshold)
    about = _about(dossier)
    compared = comparison_with(dossier, champion) if champion is not None and not serves else None
    return Exhibits(
        comparison=compared,
        holdout=next(
            (e.holdout for e in about if e.holdout and e.holdout.threshold == dossier.version.threshold), None
        ),
        smoke=next((e.smoke for e in about if e.smoke), None),
        robustness=next((e.robustness for e in about if e.robustness), None),
        load=next((e.load for e in about if e.load), None),
        card=next((e.card for e in about if e.card), None),
        production=production_with(dossier, champion) if champion is not None and not serves else None,
        stale_production=any(e.production_flips is not None for e in dossier.evidence),
        champion=champion.version if champion is not None and not serves else "",
        stale_comparison=any(e.comparison is not None for e in dossier.evidence),
        contract=contract_with(dossier, None if serves else champion),
        stale_contract=any(e.contract is not None for e in dossier.evidence),
    )


def is_champion(champion: Target | None, digest: str, threshold: float) -> bool:
    """Whether this is what serves: the same bytes at another threshold give patients other answers."""
    return champion is not None and (champion.digest, champion.threshold) == (digest, threshold)


def comparison_with(dossier: Dossier, champion: Target) -> Comparison | None:
    """The newest comparison of this version with what serves now."""
    return _newest_between((e.comparison for e in _about(dossier)), champion, dossier.version)


def stale_comparison(dossier: Dossier, champion: Target | None) -> str:
    """Why the newest comparison of this version is not about now, in a sentence; "" where it is, or there is none."""
    compared = next((e.comparison for e in _about(dossier) if e.comparison), None)
    if compared is None:
        return ""
    version, moved = dossier.version, moved_since(dossier)
    serves = is_champion(champion, version.digest, version.threshold)
    if champion is not None and not serves and _newest_between((compared,), champion, version) is None:
        then, now = (
            _at(compared.champion.version, compared.champion.threshold),
            _at(champion.version, champion.threshold),
        )
        if then != now:
            return f"Compared with {then}; production serves {now}."
        tested, chosen = _at(version.version, compared.challenger.threshold), _at(version.version, version.threshold)
        if compared.challenger.threshold not in {None, version.threshold}:
            return f"{tested} was compared; {chosen} would serve."
        return f"Compared with other files of v{champion.version} than production serves."
    if moved:
        return f"Compared for another {' and '.join(moved)} than v{version.version} is registered with."
    return "" if dossier.gates_are_current else "Judged by another gate file than main has now."


def _at(version: str, threshold: float | None) -> str:
    return f"v{version}" if threshold is None else f"v{version} at {threshold:g}"


def production_with(dossier: Dossier, champion: Target) -> ProductionFlips | None:
    """The newest replay of production's inputs between this version and what serves."""
    return _newest_between((e.production_flips for e in _about(dossier)), champion, dossier.version)


def contract_with(dossier: Dossier, champion: Target | None) -> ContractEvidence | None:
    """The newest contract of this version that was laid beside that of what serves; any where that is itself."""
    about = [e.contract for e in _about(dossier) if e.contract is not None]
    wanted = champion.digest if champion is not None else None
    return next((found for found in about if wanted is None or found.champion_digest == wanted), None)


def _newest_between(known: Iterable[Paired | None], champion: Target, version: ModelVersion) -> Paired | None:
    """The first of exactly this version with exactly what serves, each at its threshold of now.

    Comparisons made before they knew their thresholds count for any.
    """
    for found in known:
        if found is None or (found.champion.version, found.champion.digest) != (champion.version, champion.digest):
            continue
        thresholds = (
            (found.champion.threshold, champion.threshold),
            (found.challenger.threshold, version.threshold),
        )
        if all(then is None or then == now for then, now in thresholds):
            return found
    return None


def moved_since(dossier: Dossier) -> tuple[str, ...]:
    """Which of commit, run and data the registry tells otherwise than the newest evidence about this digest."""
    about, now = _about(dossier), dossier.version.lineage
    compared = next((e.comparison for e in about if e.comparison), None)
    held = next((e.holdout for e in about if e.holdout), None)
    robust = next((e.robustness for e in about if e.robustness), None)
    card = next((e.card for e in about if e.card), None)
    told = (
        ("commit", compared.challenger.commit if compared else "", now.commit),
        ("commit", card.commit if card else "", now.commit),
        ("run", held.run if held else "", now.run),
        ("run", robust.run if robust else "", now.run),
        ("data", compared.data_digest if compared else "", now.data_digest),
        ("data", held.data_digest if held else "", now.data_digest),
    )
    return tuple(dict.fromkeys(name for name, then, is_now in told if then and then != is_now))


def _about(dossier: Dossier) -> tuple[Evidence, ...]:
    return tuple(e for e in dossier.evidence if e.model_digest == dossier.version.digest)


def _code(dossier: Dossier) -> Finding:
    lineage = dossier.version.lineage
    if not lineage.commit or not lineage.run:
        sentence = "Registered without a commit and a run."
        return Finding(gate="code", group="Code", state=FindingState.FAIL, sentence=sentence)
    pull = f", pull request #{lineage.pull_request}" if lineage.pull_request else ""
    sentence = f"Commit {lineage.commit[:7]}{pull}, run {lineage.run}."
    return Finding(gate="code", group="Code", state=FindingState.PASS, sentence=sentence)


def _data(dossier: Dossier) -> tuple[Finding, ...]:
    """Only where somebody counted the patients on both sides."""
    counted = [found for e in _about(dossier) for found in (e.comparison, e.holdout) if found is not None]
    if not counted:
        return ()
    newest = counted[0]
    shared = max(found.shared_groups for found in counted)
    sentence = f"{newest.data_asset}, holdout of {newest.rows:,} rows, patients in both sides: {shared}."
    state = FindingState.FAIL if shared else FindingState.PASS
    return (Finding(gate="data", group="Data", state=state, sentence=sentence),)


def _approval(dossier: Dossier) -> Finding:
    def said(state: FindingState, sentence: str) -> Finding:
        return Finding(gate="approval", group="Approvals", state=state, sentence=sentence)

    found, approved = dossier.assent, standing_approval(dossier)
    if found.refused is not None:
        return said(FindingState.FAIL, missing_approval(dossier))
    if approved is not None:
        until = f" It stands until {stamp(found.expires_at)}." if found.expires_at else ""
        others = f" {found.progress}." if found.needed > 1 else ""
        return said(
            FindingState.PASS, f"Approved by {approved.actor} on {stamp(approved.at)}: {approved.reason}{others}{until}"
        )
    if found.set_aside:
        return said(FindingState.STALE, missing_approval(dossier))
    return said(FindingState.NOT_RUN, missing_approval(dossier) if found.counted else "Nobody has decided yet.")
