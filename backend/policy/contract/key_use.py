"""Which key is still in use, inferred from what callers say of themselves. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from backend.domain.key_rotation import MARK_DIGITS, Caller, Keys, KeyStanding, KeyUse, Which, key_mark

SAID = re.compile(rf"\bkey/([0-9a-f]{{{MARK_DIGITS}}})\b")
OURS = "mlops-console"
"""The console's own calls read the primary key anew after a rotation."""
STALE = timedelta(minutes=30)
"""Logs arrive minutes late; what ends earlier than this says nothing about now."""
NAMED = 8


def key_use(
    endpoint: str,
    keys: Keys,
    callers: Iterable[Caller],
    window: tuple[datetime, datetime],
    data_until: datetime | None,
) -> KeyUse:
    known = [caller for caller in callers if not caller.user_agent.startswith(OURS)]
    marks = {which: key_mark(keys.of(which)) for which in Which}
    unstated = [c for c in known if c.requests > c.denied and _said(c) not in marks.values()]
    denied = [c for c in known if c.denied]
    return KeyUse(
        endpoint=endpoint,
        start=window[0],
        end=window[1],
        data_until=data_until,
        keys=tuple(_standing(which, mark, known) for which, mark in marks.items()),
        unstated=sum(c.requests - c.denied for c in unstated),
        unstated_callers=_names(unstated),
        denied=sum(c.denied for c in denied),
        denied_callers=_names(denied),
    )


def in_the_way(use: KeyUse | None, which: Which, now: datetime) -> tuple[str, ...]:
    """What speaks against replacing this key now, a sentence each."""
    if use is None:
        return ("Nobody has looked yet who uses which key.",)
    found, standing = [], use.of(which)
    if standing.requests:
        named = ", ".join(standing.callers[:3])
        found.append(f"{standing.requests:,} calls in the last hour came with the {which.value} key, from {named}.")
    if use.unstated:
        named = ", ".join(use.unstated_callers[:3])
        found.append(f"{use.unstated:,} calls do not say which key they use, from {named}.")
    if use.data_until is None:
        found.append("The log holds no call of the last hour at all: it may be late, or not set up.")
    if now - use.end > STALE:
        found.append("What is known of the calls is older than half an hour.")
    return tuple(found)


def _standing(which: Which, mark: str, callers: list[Caller]) -> KeyStanding:
    mine = [c for c in callers if _said(c) == mark and c.requests > c.denied]
    return KeyStanding(
        which=which,
        mark=mark,
        requests=sum(c.requests - c.denied for c in mine),
        last=max((c.last for c in mine), default=None),
        callers=_names(mine),
    )


def _said(caller: Caller) -> str:
    found = SAID.search(caller.user_agent)
    return found.group(1) if found else ""


def _names(callers: list[Caller]) -> tuple[str, ...]:
    """The busiest first, without what they say of the key."""
    ordered = sorted(callers, key=lambda c: (-c.requests, c.user_agent))
    names = (SAID.sub("", c.user_agent).strip() or "no User-Agent" for c in ordered)
    return tuple(dict.fromkeys(names))[:NAMED]
