"""Whether what was approved serves, in words; and what happened outside the console."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.domain.endpoints import Endpoint
from backend.domain.proofs import LIMITS, Proof, ProofState
from backend.domain.unexplained import EventState, UnexplainedEvent
from backend.domain.value import Reading
from console.viewmodels.figures import ago, plural
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted

OLD = timedelta(seconds=60)
"""The worker proves every 20 s: after a minute without one, nobody has looked."""

MOVED = "Traffic has changed since the worker asked last; it asks again within 20 s."
SERVING = "Serving what was approved"


@dataclass(frozen=True, slots=True)
class Seal:
    """`said` is the reason of the latest look, `limits` what it cannot see."""

    pill: Pill
    age: str
    said: Untrusted
    limits: str


def seal(proof: Proof | None, now: datetime, endpoint: Reading[Endpoint | None] | None = None) -> Seal:
    """Green only while a look that found everything right is younger than a minute, and traffic is as it was then.

    `endpoint` is what the page shows beside it: where that is newer and differs, the look is of what was before.
    """
    if proof is None:
        said = Untrusted("No look has been recorded yet: a running worker asks every 20 s.")
        return Seal(Pill("Not proved yet", "quiet", "help"), "", said, LIMITS)
    said, looked = Untrusted(proof.reason, 300), f"asked {ago(proof.at, now)}"
    if proof.state is ProofState.MISMATCH:
        return Seal(Pill("Not what was approved", "bad", "gpp_bad"), looked, said, proof.limits)
    last = f"last proved {ago(proof.proven_at, now)}" if proof.proven_at else "never proved"
    if now - proof.at > OLD:
        late = Untrusted("The worker has not asked for more than a minute, so nothing is claimed.")
        return Seal(Pill("Unproven", "quiet", "help"), last, late, proof.limits)
    if _moved_since(proof, endpoint):
        return Seal(Pill("Being proved", "blue", "hourglass_top"), last, Untrusted(MOVED), proof.limits)
    if proof.state is ProofState.UNPROVEN:
        return Seal(Pill("Unproven", "quiet", "help"), last, said, proof.limits)
    return Seal(Pill(SERVING, "good", "verified"), looked, said, proof.limits)


def _moved_since(proof: Proof, endpoint: Reading[Endpoint | None] | None) -> bool:
    if endpoint is None or endpoint.value is None or endpoint.at is None or endpoint.at <= proof.at:
        return False
    return endpoint.value.live != {part.deployment: part.weight for part in proof.served}


def event_state(event: UnexplainedEvent) -> Pill:
    if event.state is EventState.EXPLAINED:
        return Pill("explained", "good", "check_circle")
    if event.state is EventState.OWNED:
        return Pill("owned", "warn", "person")
    return Pill("open", "bad", "error")


def headline(events: tuple[UnexplainedEvent, ...]) -> str:
    """`Something happened outside the console`, or how many things did."""
    if len(events) == 1:
        return "Something happened outside the console"
    return f"{plural(len(events), 'thing')} happened outside the console"
