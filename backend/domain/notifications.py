"""What people are told of: a row of the ledger that concerns them, with its sentence, its hash and a link. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, urlencode

from backend.domain.audit import AuditEntry
from backend.domain.ledger_words import sentence
from backend.domain.people import Actor, Right
from backend.domain.promotions import Kind
from backend.domain.value import Value

LONGEST_SENTENCE = 2_000


class NotificationKind(StrEnum):
    """Kinds of events, as the settings of a target name them."""

    TO_DECIDE = "to decide"
    DECIDED = "decided"
    PROMOTION = "promotion"
    ATTENTION = "attention"
    UNEXPLAINED = "unexplained"
    BREAK_GLASS = "break-glass"
    MERGE = "merge"
    SETUP = "setup"
    ALERT = "alert"


CONCERNS: Mapping[NotificationKind, frozenset[Right]] = {
    NotificationKind.TO_DECIDE: frozenset({Right.APPROVE, Right.PROMOTE}),
    NotificationKind.DECIDED: frozenset({Right.APPROVE, Right.PROMOTE, Right.MANAGE_RUNS}),
    NotificationKind.PROMOTION: frozenset({Right.READ}),
    NotificationKind.ATTENTION: frozenset({Right.CONTROL}),
    NotificationKind.UNEXPLAINED: frozenset({Right.CONTROL, Right.SETUP}),
    NotificationKind.BREAK_GLASS: frozenset({Right.APPROVE, Right.CONTROL}),
    NotificationKind.MERGE: frozenset({Right.REVIEW, Right.OPEN_PULL_REQUEST}),
    NotificationKind.SETUP: frozenset({Right.SETUP}),
    NotificationKind.ALERT: frozenset({Right.CONTROL}),
}
"""Whose inbox a kind comes into: people who hold one of these rights."""

_ON_PRODUCTION = {Kind.PROMOTE.value, Kind.ROLL_BACK.value, Kind.ADOPT.value}
_ATTENTION = {"promotion.needs_attention", "promotion.errored", "hold.set"}
_DECIDED = {"version.approved", "version.rejected", "version.changes_requested", "version.held"}
_SETUP = {"setup.drifted", "setup.unknown", "setup.not_refused", "setup.in_order"}
_BEGUN_OR_ENDED = {
    *("promotion.promote_requested", "promotion.roll_back_requested", "promotion.abort_requested"),
    *("promotion.succeeded", "promotion.failed", "promotion.rolling_back", "promotion.rolled_back"),
    *("promotion.paused", "promotion.adopted", "hold.released"),
}
_EXACT = {
    **dict.fromkeys(("alert.raised", "alert.fires_again"), NotificationKind.ALERT),
    **dict.fromkeys(_ATTENTION, NotificationKind.ATTENTION),
    **dict.fromkeys(_DECIDED, NotificationKind.DECIDED),
    "event.noticed": NotificationKind.UNEXPLAINED,
    **dict.fromkeys(_SETUP, NotificationKind.SETUP),
    "github.merged": NotificationKind.MERGE,
    "gates.changed": NotificationKind.DECIDED,
}
_BEGINS = {
    "break_glass.": NotificationKind.BREAK_GLASS,
    "version.quarantine": NotificationKind.ATTENTION,
    "notification.": NotificationKind.SETUP,
}


class Notification(Value):
    """`sequence`, `digest` and `sentence` are those of a row of the ledger; `link` is a path of the console."""

    sequence: int
    kind: NotificationKind
    sentence: str
    digest: str
    link: str
    actor: str
    at: datetime
    read: bool = False


class SendingState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


class Sending(Value):
    """One notification for one target; `outcome` is what the last attempt came to, without the target's address."""

    sequence: int
    target: str
    state: SendingState
    attempts: int
    next_at: datetime
    outcome: str
    finished_at: datetime | None = None


class TargetStanding(Value):
    """A target of the settings with what became of what was sent to it; never its address."""

    name: str
    form: str
    kinds: tuple[NotificationKind, ...]
    waiting: int
    sent: int
    dead: tuple[Sending, ...]


def kind_of(entry: AuditEntry) -> NotificationKind | None:
    """What a row is to people; None for the many that nobody has to be told of."""
    begins = next((kind for begin, kind in _BEGINS.items() if entry.action.startswith(begin)), None)
    exact = _EXACT.get(entry.action, begins)
    if exact is not None:
        return exact
    if entry.detail.get("kind") == Kind.STAGE.value:
        return NotificationKind.TO_DECIDE if entry.action == "promotion.succeeded" else None
    if entry.detail.get("kind") in _ON_PRODUCTION and entry.action in _BEGUN_OR_ENDED:
        return NotificationKind.PROMOTION
    return NotificationKind.PROMOTION if entry.action == "hold.released" else None


def notification_of(entry: AuditEntry) -> Notification | None:
    kind = kind_of(entry)
    if kind is None or (kind is NotificationKind.ALERT and not entry.detail.get("told")):
        # Of alerts one a group, and nothing of what is silenced or acknowledged: whoever judged it has said so.
        return None
    said = sentence(entry)
    return Notification(
        sequence=entry.sequence,
        kind=kind,
        sentence=said if len(said) <= LONGEST_SENTENCE else f"{said[: LONGEST_SENTENCE - 1]}…",
        digest=entry.hash,
        link=link_of(entry),
        actor=entry.actor,
        at=entry.at,
    )


_LINKS = {"setup": "/setup", "notification": "/inbox", "alert": "/monitoring"}


def link_of(entry: AuditEntry) -> str:
    """The page of the very thing: a version's decision, a promotion's tracker, a pull request; else the ledger."""
    room, _, name = entry.subject.partition("/")
    if room == "promotion" and entry.detail.get("kind") == Kind.STAGE.value:
        return _path("deployments", version=str(entry.detail.get("version", "")))
    if room == "promotion":
        return _path("deployments", promotion=name)
    if room == "model":
        return _path("deployments", version=name.rpartition(":")[2])
    if room == "pull_request":
        return _path("pull-requests", number=name)
    if room in _LINKS:
        return _LINKS[room] + (f"?{entry.detail['chart']}" if room == "alert" else "")
    return "/audit" if room in {"event", "branch", "ruleset"} else _path("audit", subject=entry.subject)


def _path(page: str, **selects: str) -> str:
    return f"/{page}?{urlencode(selects, quote_via=quote, safe='')}"


def concerns(actor: Actor, kind: NotificationKind) -> bool:
    return any(actor.may(right) for right in CONCERNS[kind])


FIRST_PAUSE, LONGEST_PAUSE, MOST_ATTEMPTS = timedelta(seconds=10), timedelta(hours=1), 9
"""10 s, 40 s, 160 s ... at most an hour: in all a little more than four hours until a target is given up."""


def pause_after(attempts: int) -> timedelta | None:
    """How long after this many failed attempts the next one is; None when there is no next one."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return min(LONGEST_PAUSE, FIRST_PAUSE * int(4 ** (attempts - 1)))
