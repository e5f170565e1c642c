"""Feeds the run index from the tracking API of one workspace: what is new at once, everything else by and by.

The service has no list of changes. So each look reads the newest runs, asks after those that had not ended, and goes
one page further on a walk through all of them, newest first; what two walks in turn did not meet is forgotten. The
first walk goes on without a pause. Pages are numbered by how many runs are before them: a run that begins meanwhile
makes the walk meet one twice, and one that is deleted makes it miss one, hence the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from backend.domain.clock import Clock
from backend.domain.runs import Run, RunState
from backend.errors import NotFound, RemoteRejected, RemoteUnavailable
from backend.gateways.azureml.run_index import RunIndex
from backend.gateways.azureml.runs import Runs

NEWEST = 100
WALK_PAGE = 1_000
LEAST = 100
WALK_SECONDS = 60.0
"""Between two pages of a walk after the first: a label changed long after a run is seen some minutes later."""
MOST_ASKED = 25
"""Unfinished runs asked after in one look, beside the newest."""


class RunFeed:
    """`newest` and `page` are how many runs one look and one page of the walk ask for."""

    def __init__(
        self,
        name: str,
        tracked: Runs,
        index: RunIndex,
        clock: Clock,
        elapsed: Callable[[], float] = time.monotonic,
        *,
        newest: int = NEWEST,
        page: int = WALK_PAGE,
    ) -> None:
        self._newest, self._page = newest, page
        self._name, self._tracked, self._index = name, tracked, index
        self._clock, self._elapsed = clock, elapsed
        self._token: str | None = None
        self._met: set[str] = set()
        self._before: frozenset[str] = frozenset()
        self._missed: frozenset[str] = frozenset()
        self._walking = False
        self._next_page = 0.0
        self._asked_first = 0

    def look(self, seconds: float) -> None:
        """One look; the first walk goes on for about `seconds` of it. Raises RemoteUnavailable, keeping what is read.

        A page that was refused is asked for again at the next look.
        """
        began = self._elapsed()
        newest = self._read_newest()
        self._ask_after(newest)
        while not self._index.complete(self._name) and self._elapsed() - began < seconds:
            self._walk()
        if self._index.complete(self._name) and self._elapsed() >= self._next_page:
            self._walk()
            self._next_page = self._elapsed() + WALK_SECONDS
        self._index.asked(self._name, self._clock(), complete=False)

    def _read_newest(self) -> set[str]:
        """Pages until one holds nothing new; the first look at an empty index leaves that to the walk."""
        met: set[str] = set()
        token: str | None = None
        while True:
            runs, token = self._tracked.page(token, self._newest)
            changed = self._index.take_in(runs)
            met.update(run.key for run in runs)
            if not token or changed < len(runs) or not self._index.complete(self._name):
                return met

    def _ask_after(self, met: set[str]) -> None:
        """Runs that had not ended and are not among the newest, in turns."""
        going = [key for key in self._unfinished() if key not in met]
        turn = [*going[self._asked_first :], *going[: self._asked_first]][:MOST_ASKED]
        self._asked_first = (self._asked_first + MOST_ASKED) % len(going) if len(going) > MOST_ASKED else 0
        found: list[Run] = []
        for key in turn:
            try:
                found.append(self._tracked.get(key.partition("/")[2]))
            except NotFound:
                self._index.forget([key])
        self._index.take_in(found)

    def _unfinished(self) -> list[str]:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = self._index.table
        going = pa.array([state.value for state in RunState if not state.ended])
        mine = pc.and_(pc.equal(table["workspace"], self._name), pc.is_in(table["state"], value_set=going))
        return [str(key) for key in table.filter(mine)["key"].to_pylist()]

    def _walk(self) -> None:
        """One page further; at the end the walk is whole, and the next one begins anew."""
        if not self._walking:
            self._walking, self._token, self._met = True, None, set()
            self._before = frozenset(self._keys())
        try:
            runs, token = self._tracked.page(self._token, self._page)
        except RemoteRejected:
            self._walking = False  # a page's token does not live for ever
            raise
        except RemoteUnavailable:
            self._page = max(LEAST, self._page // 2)  # a slow service may need less to answer in time
            raise
        self._index.take_in(runs)
        self._met.update(run.key for run in runs)
        self._token = token
        if not token:
            self._walking = False
            missed = self._before - self._met
            self._index.forget(sorted(missed & self._missed))
            self._missed = missed
            self._index.asked(self._name, self._clock(), complete=True)

    def _keys(self) -> list[str]:
        import pyarrow.compute as pc

        table = self._index.table
        return [str(key) for key in table.filter(pc.equal(table["workspace"], self._name))["key"].to_pylist()]
