"""Ending a worker at an exact boundary, in the process: before or after an effect on the cloud, or at a commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from backend.domain.promotions import Phase
from tests.recovery.hospital import LEASE, Hospital


class PowerCut(BaseException):
    """Passes through every handler, as a kill -9 does."""


def power_cut(where: str) -> None:
    raise PowerCut(where)


class Boundaries:
    """Counts the boundaries that a worker crosses, and ends it at the chosen one, or does to it what `cut` does.

    Boundaries are the beginning and the commit of each of the engine's transactions, and the moments before and after
    each effect. Whatever was not committed is undone, as the database does for a dead process.
    """

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.passed: list[str] = []
        self.cut_at: int | None = None
        self.cut: Callable[[str], object] = power_cut
        self.where = ""
        self.committing: DBAPIConnection | None = None
        """The driver's connection of the latest commit."""
        self._counting = False
        self._worker = threading.current_thread()
        hospital.cloud.crossings = self._cross
        engine = hospital.store.database.engine
        event.listen(engine, "begin", lambda _connection: self._cross("begin"))
        event.listen(engine, "commit", self._commit)

    def _commit(self, connection: Connection) -> None:
        self.committing = connection.connection.dbapi_connection
        self._cross("commit")

    @property
    def crossed(self) -> int:
        return len(self.passed)

    def distinct(self, since: int = 0) -> list[int]:
        """Of the boundaries after `since`, one of each stretch in which nothing lasting was done.

        A dead worker leaves behind what is in the database and in the cloud; wherever within such a stretch it died,
        that is the same. What lasts comes right after a commit or an effect.
        """
        numbers = range(since + 1, self.crossed + 1)
        return [n for n in numbers if n == since + 1 or _lasting(self.passed[n - 2])]

    def _cross(self, where: str) -> None:
        if not self._counting or threading.current_thread() is not self._worker:
            return
        self.passed.append(where)
        if self.crossed == self.cut_at:
            self.where = where
            self.cut(where)

    @contextmanager
    def counting(self) -> Iterator[None]:
        self._counting = True
        try:
            yield
        finally:
            self._counting = False


def _lasting(where: str) -> bool:
    return where == "commit" or where.startswith("after ")


def live_through(hospital: Hospital, boundaries: Boundaries, until: str) -> None:
    """Run the promotion to its end; after the power cut a new worker starts, and the dead one's lease runs out."""
    for _ in range(3000):
        if hospital.store.promotions.get(until).phase in FINISHED:
            return
        try:
            with boundaries.counting():
                busy = hospital.engine.tick()
        except PowerCut:
            hospital.engine = hospital.new_worker()
            hospital.clock.pass_(LEASE + 1)
            continue
        hospital.cloud.check()
        if not busy:
            hospital.clock.pass_(1.0)
    raise AssertionError(f"did not end after a cut at {boundaries.where}")


FINISHED = {Phase.SUCCEEDED, Phase.FAILED, Phase.ERRORED, Phase.ROLLED_BACK, Phase.NEEDS_ATTENTION, Phase.PAUSED}
