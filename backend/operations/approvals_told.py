"""The approvals of a version in lines of words: the same on the page and at the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from backend.domain.clock import stamp
from backend.domain.decisions import Decision, Dossier
from backend.policy.duty import authors, how_known, submitter_of


def approval_lines(decision: Decision) -> Iterator[str]:
    """How many there are of how many, until when they stand, who is awaited, what does not count, and what you made."""
    found = decision.dossier.assent
    until = f"; the first ends {stamp(found.expires_at)}" if found.expires_at else ""
    yield f"Approvals: {found.progress}{until}."
    if not found.complete:
        yield f"Still needed: {found.still_needed}."
    yield from dict.fromkeys(one.why for one in found.set_aside)
    yield from decision.duty
    yield f"Written by {', '.join(authors(decision.dossier)) or 'nobody known'}. {how_known(decision.dossier)}"
    yield f"Run submitted by {submitter_of(decision.dossier)}."


def hands(dossier: Dossier) -> tuple[str, str, str]:
    """Authors, how far they are known, and who submitted the run."""
    return ", ".join(authors(dossier)), how_known(dossier), submitter_of(dossier)
