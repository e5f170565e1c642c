"""The few words that stand over a version: what page, command and check run all say first."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from backend.domain.decisions import Blocker, Decision
from backend.domain.registry import VersionState
from backend.domain.value import Value


class Readiness(StrEnum):
    """SETTLED is what there is nothing to decide about: it serves, is on its way, or somebody has said no."""

    READY = "ready"
    BLOCKED = "blocked"
    WAITING = "waiting"
    SETTLED = "settled"


class Headline(Value):
    """`Ready`, `Blocked by approval (lead)`, `Waiting for the window until Fri 27 Nov 18:00 UTC`, or the state's word.

    The words may come from outside: whoever shows them makes them harmless first. `past_a_gate` is set where it is
    ready only because two people broke the glass.
    """

    readiness: Readiness
    words: str
    past_a_gate: bool = False


_SETTLED = {VersionState.SERVING, VersionState.PROMOTING, VersionState.REJECTED, VersionState.QUARANTINED}
_UNTESTED = {VersionState.TESTING, VersionState.REGISTERED}


def headline(decision: Decision) -> Headline:
    """Ready, blocked by what and whose turn it is, or what it waits for; a version that serves or may not says that."""
    state, hard = decision.dossier.state, [blocker for blocker in decision.blockers if blocker.hard]
    if state in _SETTLED and not decision.another_threshold:
        return Headline(readiness=Readiness.SETTLED, words=state.value.capitalize())
    staging = decision.dossier.staging
    if state in _UNTESTED or (decision.another_threshold and staging is not None and not staging.phase.final):
        return Headline(readiness=Readiness.WAITING, words="Waiting for the test")
    ends = [blocker.until for blocker in hard if blocker.until is not None]
    if ends and len(ends) == len(hard):
        words = f"Waiting for the window until {max(ends):%a %d %b %H:%M} UTC"
        return Headline(readiness=Readiness.WAITING, words=words)
    if hard:
        first = _somebodys(hard)
        return Headline(readiness=Readiness.BLOCKED, words=f"Blocked by {first.what.lower()} ({first.who})")
    if any(blocker.overridden for blocker in decision.blockers):
        return Headline(readiness=Readiness.READY, words="Ready, by break-glass", past_a_gate=True)
    return Headline(readiness=Readiness.READY, words="Ready")


def _somebodys(hard: Iterable[Blocker]) -> Blocker:
    """What a person can clear comes before what ends by itself."""
    return min(hard, key=lambda blocker: blocker.until is not None)
