"""Break-glass: which hard gates two people may go past, for how long, and what no glass lets through. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from backend.domain.approvals import Override
from backend.domain.clock import stamp
from backend.domain.decisions import Dossier
from backend.domain.gates import Finding

NEVER = frozenset({"contract"})
"""What smoke and contract tests found is no judgement that a person could weigh: the app would break."""


def overridable(found: Iterable[Finding]) -> tuple[str, ...]:
    """The hard gates that did not pass and that two people may go past."""
    return tuple(f.gate for f in found if f.rule is not None and f.rule.hard and not f.passed and f.gate not in NEVER)


def open_override(dossier: Dossier, overrides: Iterable[Override], now: datetime) -> Override | None:
    """The newest that is confirmed, within its box, and about what the version is now."""
    return next((o for o in overrides if o.confirmed_at is not None and not closed_because(dossier, o, now)), None)


def closed_because(dossier: Dossier, override: Override, now: datetime) -> str:
    """Why it lets nothing through any more, as a sentence; "" while it may still be confirmed or used."""
    if override.ended_at is not None and override.ended_at <= now:
        return f"It was ended by {override.ended_by} on {stamp(override.ended_at)}."
    if now >= override.ends_at:
        return f"Its time ended on {stamp(override.ends_at)}."
    version, gates = dossier.version, dossier.gates.digest if dossier.gates else ""
    bound = (
        ("model digest", override.digest, version.digest),
        ("threshold", override.threshold, version.threshold),
        ("gate file", override.gate_file, gates),
    )
    changed = [name for name, then, now_ in bound if then != now_]
    return f"It is void: it was for another {' and '.join(changed)}." if changed else ""


def in_words(dossier: Dossier, override: Override, now: datetime) -> str:
    """One sentence about where it stands, for page, command and file."""
    gates = ", ".join(override.gates)
    asked = f"{override.asked_by} asked on {stamp(override.asked_at)} to go past {gates}: {override.reason}"
    if override.confirmed_at is not None:
        asked += f" Confirmed by {override.confirmed_by} on {stamp(override.confirmed_at)}: {override.confirmed_reason}"
    closed = closed_because(dossier, override, now)
    if closed:
        return f"{asked} {closed}"
    if override.confirmed_at is None:
        return f"{asked} Waits for a second person until {stamp(override.ends_at)}."
    return f"{asked} Open until {stamp(override.ends_at)}."
