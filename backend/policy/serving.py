"""What served production at a moment, by whose approval, on which evidence: a pure function over ledger rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from backend.domain.audit import AuditEntry
from backend.domain.promotions import Kind, Phase
from backend.domain.serving import Changing, LedgerRow, ServedAt, Share, UnderWay, quoted
from backend.policy.traffic_story import Split, Story, Told

T = TypeVar("T")
_SETTLED = {phase.value for phase in Phase if phase.final}


def served_at(story: Story, moment: datetime) -> ServedAt:
    """The one answer for `moment`. Rows of the same moment count as having happened.

    What was changed outside the console is known from when the service says it was written, where a look of the worker
    noticed it, and else from when a promotion found it so.
    """
    answer = ServedAt(
        moment=moment, began=story.began, changing=_changing(story, moment), under_way=_under_way(story, moment)
    )
    past = [split for split in story.splits if split.at <= moment]
    if not past:
        return answer.model_copy(update={"sentence": _sentence(answer)})
    now = past[-1]
    served = {
        "since": now.at,
        "because": quoted(now.cause),
        "elsewhere": now.found,
        "shares": tuple(
            _share(story, past, name, weight) for name, weight in sorted(now.weights.items(), key=lambda w: -w[1])
        ),
    }
    answer = answer.model_copy(update=served)
    return answer.model_copy(update={"sentence": _sentence(answer)})


def served_during(story: Story, start: datetime, end: datetime) -> tuple[ServedAt, ...]:
    """What served at `start`, and each new split of the traffic before `end`."""
    changes = sorted({split.at for split in story.splits if start < split.at < end})
    return tuple(served_at(story, moment) for moment in (start, *changes))


def _sentence(answer: ServedAt) -> str:
    if answer.began is None:
        return "The ledger is empty: nothing has been recorded yet."
    if not answer.recorded:
        return f"The ledger begins at {_stamp(answer.began)}; what served before is not recorded."
    parts = [_phrase(answer)]
    for change in answer.changing:
        seen = f"seen done at {_stamp(change.done)}" if change.done else "never seen done"
        parts.append(f"a change to {_split(change.wanted)} had been ordered at {_stamp(change.ordered)} and was {seen}")
    return "; ".join(parts) + "."


def _phrase(answer: ServedAt) -> str:
    where = "" if answer.under_way is None else f", during the {_in_words(answer.under_way)}"
    if not answer.shares:
        return f"Nothing was served{'' if answer.since else ' yet'}{where}"
    known = [share for share in answer.shares if share.version]
    named = " : ".join(f"v{share.version}" if share.version else share.deployment for share in answer.shares)
    if len(answer.shares) > 1:
        named += f" at {' : '.join(str(share.weight) for share in answer.shares)}"
    verb = "served" if known else "served, unknown to the ledger"
    return f"{named} {verb}{where}"


def _in_words(under_way: UnderWay) -> str:
    """`promotion of v2 by lead (running)`."""
    noun = "rollback to" if under_way.kind == Kind.ROLL_BACK else "promotion of"
    return f"{noun} v{under_way.version} by {under_way.requested.actor} ({under_way.phase})"


def _share(story: Story, past: list[Split], deployment: str, weight: int) -> Share:
    since = past[-1].at
    for split in reversed(past):
        if not split.weights.get(deployment):
            break
        since = split.at
    share = Share(deployment=deployment, weight=weight, since=since)
    ours = [s.promotion for s in past if s.promotion and not s.found]
    brought = [name for name in ours if _target(story.promotions[name]) == deployment]
    if not brought:
        return share
    told = story.promotions[brought[-1]]
    return share.model_copy(update=_provenance(story, brought[-1], told.requested))


def _provenance(story: Story, promotion: str, requested: AuditEntry) -> dict[str, object]:
    """Who promoted, who approved, and what had been measured by then."""
    detail = requested.detail
    model, version, digest = (str(detail.get(name, "")) for name in ("model", "version", "digest"))
    rows = [e for e in story.models.get(f"model/{model}:{version}", ()) if e.sequence < requested.sequence]
    approved = _approvals(story, rows, digest, requested)
    evidence = [e for e in rows if e.action.startswith("evidence.") and e.detail.get("model_digest") == digest]
    bound = approved[0].detail if approved else {}
    threshold = detail.get("threshold", bound.get("threshold"))
    return {
        "model": model,
        "version": version,
        "digest": digest,
        "threshold": None if threshold is None else float(threshold),
        "commit": str(detail.get("commit", bound.get("commit", ""))),
        "pull_request": str(bound.get("pull_request", "")),
        "author": str(bound.get("author", "")),
        "promotion": promotion,
        "promoted": quoted(requested),
        "approved": tuple(quoted(entry) for entry in approved),
        "evidence": tuple(_newest(evidence)),
    }


def _approvals(story: Story, rows: list[AuditEntry], digest: str, requested: AuditEntry) -> list[AuditEntry]:
    """What the promotion says it rested on, the latest first; a rollback rests on what brought its target before.

    Rows from before promotions said so leave the latest approval alone.
    """
    given = [e for e in reversed(rows) if e.action == "version.approved" and e.detail.get("digest") == digest]
    asked = (told.requested for told in story.promotions.values())
    same = (e for e in asked if e.detail.get("digest") == digest and e.sequence <= requested.sequence)
    told = _last(str(e.detail["approvers"]) for e in same if "approvers" in e.detail)
    if told is None:
        return given[:1]
    latest = {e.actor: e for e in reversed(given)}
    counted = [latest[name] for name in json.loads(told) if name in latest]
    return sorted(counted, key=lambda entry: -entry.sequence)


def _newest(evidence: list[AuditEntry]) -> Iterable[LedgerRow]:
    """The latest of each kind: an earlier comparison was with another champion."""
    return [quoted(entry) for entry in {entry.action: entry for entry in evidence}.values()]


def _changing(story: Story, moment: datetime) -> tuple[Changing, ...]:
    """Every order that may have been in force, the latest first: an abort leaves the one it cut short open."""
    found = []
    for window in reversed(story.windows):
        after = window.over or window.end or _settled_after(story, window.start)
        if window.start <= moment and (after is None or moment < after):
            found.append(
                Changing(promotion=window.promotion, wanted=window.wanted, ordered=window.start, done=window.end)
            )
    return tuple(found)


def _settled_after(story: Story, start: datetime) -> datetime | None:
    """When the traffic was next seen after an order that was never seen done."""
    return next((split.at for split in story.splits if split.at > start), None)


def _under_way(story: Story, moment: datetime) -> UnderWay | None:
    for name, told in story.promotions.items():
        phase = _last(phase for at, phase in told.phases if at <= moment)
        if phase is not None and phase not in _SETTLED:
            return UnderWay(
                promotion=name,
                kind=str(told.requested.detail["kind"]),
                version=str(told.requested.detail.get("version", "")),
                phase=phase,
                requested=quoted(told.requested),
            )
    return None


def _last(items: Iterable[T]) -> T | None:
    found = None
    for item in items:
        found = item
    return found


def _target(told: Told) -> str:
    return str(told.requested.detail.get("deployment", ""))


def _split(weights: dict[str, int]) -> str:
    return ", ".join(f"{name} {weight} %" for name, weight in weights.items()) or "no traffic"


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
