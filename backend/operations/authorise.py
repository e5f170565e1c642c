"""Who may do what, and the reason that every decision carries."""

from __future__ import annotations

from backend.domain.people import Actor, Right, who_may
from backend.errors import Invalid, NotPermitted

SHORTEST_REASON = 10
LONGEST_REASON = 2000
LONGEST_KEY = 80


def refusal(actor: Actor, right: Right) -> str:
    """Why the actor may not, in a sentence for the disabled button; "" where they may."""
    if actor.may(right):
        return ""
    roles = " and ".join(sorted(role.value for role in actor.roles)) or "no role"
    return f"To {right.value} takes the role {who_may(right)}; {actor.name} has {roles}."


def require(actor: Actor, right: Right) -> None:
    """Raises NotPermitted with the sentence of `refusal`."""
    sentence = refusal(actor, right)
    if sentence:
        raise NotPermitted(sentence)


def require_reason(reason: str) -> str:
    """The reason without its surrounding space; raises Invalid where it says too little or too much."""
    said = reason.strip()
    if len(said) < SHORTEST_REASON:
        raise Invalid(f"A reason of at least {SHORTEST_REASON} characters is needed: the ledger keeps it for ever.")
    if len(said) > LONGEST_REASON:
        raise Invalid(f"The reason has {len(said):,} characters; at most {LONGEST_REASON:,} are kept.")
    return said


def require_key(key: str) -> str:
    """The click's idempotency key; raises Invalid where it is missing or unusable."""
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise Invalid(f"The request needs an idempotency key of 1 to {LONGEST_KEY} printable characters.")
    return key
