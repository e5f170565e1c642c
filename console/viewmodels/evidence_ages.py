"""How old every piece of evidence is, and whether it speaks about what would be promoted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.domain.decisions import Decision
from backend.domain.evidence import Evidence
from backend.domain.gates import FindingState
from console.viewmodels.figures import ago, duration, plural, short_digest
from console.viewmodels.text import Untrusted

NAMES = {
    "comparison": "Champion vs challenger",
    "smoke": "Smoke test",
    "holdout": "Holdout figures",
    "robustness": "Robustness",
    "load": "Load test",
    "production_flips": "Production's inputs, replayed",
    "gates": "Gate file",
    "authorship": "Commits and authors",
    "card": "Model card",
    "contract": "Contract with callers",
    "supply_chain": "Files and environment",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """`about` says which data or commit it belongs to, "" where its digest of the model is all."""

    name: str
    age: str
    source: Untrusted
    about: Untrusted
    digest: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """`stale` names the checks whose evidence is about something else than what would be promoted."""

    line: str
    stale: tuple[str, ...]
    pieces: tuple[Piece, ...]


def freshness_of(decision: Decision, now: datetime) -> Freshness:
    """The newest piece of each kind about this very digest."""
    version = decision.dossier.version
    newest: dict[str, Evidence] = {}
    for found in sorted(decision.dossier.evidence, key=lambda e: e.made_at):
        if found.model_digest == version.digest:
            newest[found.kind] = found
    stale = tuple(dict.fromkeys(f.group for f in decision.findings if f.state is FindingState.STALE))
    pieces = tuple(_piece(newest[kind], now) for kind in NAMES if kind in newest)
    return Freshness(_line(tuple(newest.values()), now), stale, pieces)


def _line(found: tuple[Evidence, ...], now: datetime) -> str:
    if not found:
        return "No evidence has been collected yet; the test does that."
    ages = sorted((now - piece.made_at).total_seconds() for piece in found)
    newest, oldest = (duration(max(0.0, seconds)) for seconds in (ages[0], ages[-1]))
    span = f"{oldest} old" if newest == oldest else f"{newest} to {oldest} old"
    return f"{plural(len(found), 'piece')} of evidence, {span}"


def _piece(found: Evidence, now: datetime) -> Piece:
    return Piece(
        name=NAMES[found.kind],
        age=ago(found.made_at, now),
        source=Untrusted(found.source, 80),
        about=Untrusted(_about(found), 120),
        digest=short_digest(found.digest),
    )


def _about(found: Evidence) -> str:
    measured = found.comparison or found.holdout
    if measured is not None:
        return f"data {measured.data_asset.removeprefix('azureml:')}"
    if found.authorship is not None:
        return f"commit {found.authorship.head[:7]}"
    if found.card is not None:
        return f"commit {found.card.commit[:7]}"
    return f"run {found.robustness.run}" if found.robustness is not None else ""
