"""A person's inbox, and the targets that are told beside it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Mapping

from backend.domain.clock import Clock
from backend.domain.notifications import (
    Notification,
    NotificationKind,
    Sending,
    SendingState,
    TargetStanding,
    concerns,
)
from backend.domain.people import Actor, Right
from backend.errors import Conflict, NotFound
from backend.operations.authorise import require
from backend.operations.notifying import deliver, kinds_of
from backend.settings import Target
from backend.store import Store

MOST = 100


class Inbox:
    """`tls` is made when something is sent: reading the roots of trust takes time that no page has to wait for."""

    def __init__(
        self, store: Store, targets: Mapping[str, Target], console: str, tls: Callable[[], ssl.SSLContext], clock: Clock
    ) -> None:
        self._store = store
        self._targets = targets
        self._console = console
        self._tls = tls
        self._clock = clock

    def of(self, actor: Actor, limit: int = MOST) -> tuple[Notification, ...]:
        """What concerns this person, newest first, with what they have read marked."""
        require(actor, Right.READ)
        return self._store.notifications.of(actor.name, _kinds(actor), limit)

    def unread(self, actor: Actor) -> int:
        """How many of the newest hundred: the bell of each page asks, so nothing is read but their number."""
        require(actor, Right.READ)
        return self._store.notifications.unread(actor.name, _kinds(actor), MOST)

    def read(self, actor: Actor, sequences: Collection[int]) -> None:
        """Mark as read by this person, and nobody else."""
        require(actor, Right.READ)
        self._store.notifications.mark_read(actor.name, sequences)

    def targets(self, actor: Actor) -> tuple[TargetStanding, ...]:
        """Every target, also one that is in the settings no more while something for it was given up."""
        require(actor, Right.READ)
        counts, dead = self._store.notifications.counts(), self._store.notifications.dead()
        names = sorted({*self._targets, *(sending.target for sending in dead)})
        return tuple(self._standing(name, counts, [one for one in dead if one.target == name]) for name in names)

    def test(self, actor: Actor, name: str) -> None:
        """Send a target a message of this person, now. Raises what the target answered, without its address."""
        require(actor, Right.SETUP)
        target = self._targets.get(name)
        if target is None:
            raise NotFound(
                f"There is no target {name!r}; the settings have {', '.join(sorted(self._targets)) or 'none'}."
            )
        told = Notification(
            sequence=0,
            kind=NotificationKind.SETUP,
            sentence=f"A test by {actor.name}: notifications reach {name}.",
            digest="no entry",
            link="/inbox",
            actor=actor.name,
            at=self._clock(),
        )
        deliver(name, target, told, self._console, self._tls())

    def send_again(self, actor: Actor, sequence: int, name: str) -> Sending:
        """Take up again what was given up. Raises Conflict where it was not."""
        require(actor, Right.SETUP)
        taken = self._store.notifications.send_again(sequence, name, actor.name, actor.channel)
        if taken is None:
            raise Conflict(
                f"Notification {sequence} for {name} was not given up.", expected="given up", actual="waiting or sent"
            )
        return taken

    def _standing(
        self, name: str, counts: Mapping[tuple[str, SendingState], int], dead: list[Sending]
    ) -> TargetStanding:
        target = self._targets.get(name)
        return TargetStanding(
            name=name,
            form=target.form if target else "not in the settings",
            kinds=tuple(sorted(kinds_of(target))) if target else (),
            waiting=counts.get((name, SendingState.WAITING), 0),
            sent=counts.get((name, SendingState.SENT), 0),
            dead=tuple(dead),
        )


def _kinds(actor: Actor) -> list[NotificationKind]:
    return [kind for kind in NotificationKind if concerns(actor, kind)]
