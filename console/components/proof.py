"""The seal "Serving what was approved", with its age and with what it cannot see."""

from __future__ import annotations

from backend.domain.clock import utc_now
from console import topics
from console.components.header import pill
from console.components.markup import Html, fill
from console.viewmodels.proof import seal
from console.wiring import Wiring


def proof_seal(wired: Wiring, endpoint: str) -> Html:
    """From our own database: it waits for no service, and is held against what was read of the endpoint since."""
    read = wired.snapshots.watch(topics.endpoint(endpoint))
    told = seal(wired.backend.events.proof(endpoint), utc_now(), read)
    return fill(
        '<div class="proof" role="status"><p>{pill} <span class="quiet">{age}</span></p><p>{said}</p>'
        '<p class="quiet limits">{limits}</p></div>',
        pill=pill(told.pill),
        age=told.age,
        said=told.said,
        limits=told.limits,
    )


def proof_mark(wired: Wiring, endpoint: str) -> tuple[str, ...]:
    """What makes a page draw its seal again; its age is written anew each minute anyway."""
    proof = wired.backend.events.proof(endpoint)
    return (proof.state.value, proof.reason) if proof else ()
