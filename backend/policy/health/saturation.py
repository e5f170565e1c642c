"""Processor and memory of the candidate's instances, from the platform's metrics: one mean a minute."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.analysis import Check, Health, Seen
from backend.domain.promotions import Step

MINUTES = 3
"""In a row above the limit: a single minute may be a start or a batch job."""


def of_processor(seen: Seen, step: Step) -> Check | None:
    return _check("Processor", seen.cpu, step.max_cpu_percent, seen, step)


def of_memory(seen: Seen, step: Step) -> Check | None:
    return _check("Memory", seen.memory, step.max_memory_percent, seen, step)


def _check(name: str, minutes: Sequence[float], limit: float, seen: Seen, step: Step) -> Check | None:
    """Fails after three minutes in a row above the limit; a step shorter than that is judged by the minutes it has."""
    if not limit:
        return None
    told, wanted = f"≤ {limit:g} %", min(MINUTES, int(step.min_seconds // 60))
    lower = name.lower()
    if seen.blind:
        words = f"{lower}: {seen.blind}"
        return Check(measure=name, health=Health.UNMEASURED, measured="–", limit=told, n=0, sentence=words)
    if not minutes and not wanted:
        words = f"{lower}: the platform measures once a minute, and this step is shorter"
        return Check(measure=name, health=Health.UNMEASURED, measured="–", limit=told, n=0, sentence=words)
    latest = list(minutes[-MINUTES:])
    measured = f"{sum(latest) / len(latest):.0f} %" if latest else "no minute yet"
    words = f"{lower} {measured}, limit {limit:g} %, {len(minutes)} minutes"
    over = [value for value in latest if value > limit]
    if len(over) == MINUTES:
        health = Health.BAD
    elif len(minutes) < wanted or (over and over[-1] == latest[-1]):
        health = Health.UNCLEAR
    else:
        health = Health.GOOD
    return Check(measure=name, health=health, measured=measured, limit=told, n=len(minutes), sentence=words)
