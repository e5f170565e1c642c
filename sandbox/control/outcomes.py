"""What became of the patients: files of outcomes that a register would send days later. A day here is a minute.

    labels/outcomes-20261127-1405.csv      request_id,outcome

A file is written whole when its five minutes are over and never changed; yesterday's are removed.
"""

from __future__ import annotations

import csv
import threading
from collections import deque
from datetime import datetime, timedelta
from random import Random

from sandbox.world import World

FOLDER = "labels"
DAY = timedelta(minutes=1)
FEWEST_DAYS, MOST_DAYS = 1.0, 4.0
KNOWN_SHARE = 0.8
"""Of some patients nobody ever hears."""
EVERY = timedelta(minutes=5)
KEPT = timedelta(hours=24)
MOST_WAITING = 20_000


class Outcomes:
    """Gathers what was answered; `hand_out` writes what has become known since. Lost with the process, as memory is."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._lock = threading.Lock()
        self._waiting: deque[tuple[datetime, str, bool]] = deque(maxlen=MOST_WAITING)
        self._next = world.now() + EVERY
        world.folder(FOLDER)

    def answered(self, request_id: str, ill: bool) -> None:
        """Remember one answer, of which the outcome comes later, if ever."""
        with self._lock:
            if request_id and self._random.random() < KNOWN_SHARE:
                due = self._world.now() + DAY * self._random.uniform(FEWEST_DAYS, MOST_DAYS)
                self._waiting.append((due, request_id, ill))

    def hand_out(self) -> int:
        """Write the outcomes that are due, once in EVERY; how many they were."""
        now = self._world.now()
        with self._lock:
            if now < self._next:
                return 0
            self._next = now + EVERY
            due = [each for each in self._waiting if each[0] <= now]
            self._waiting = deque((each for each in self._waiting if each[0] > now), maxlen=MOST_WAITING)
        folder = self._world.folder(FOLDER)
        for old in folder.glob("outcomes-*.csv"):
            if old.stat().st_mtime < (now - KEPT).timestamp():
                old.unlink(missing_ok=True)
        if due:
            target = folder / f"outcomes-{now:%Y%m%d-%H%M%S}.csv"
            with target.with_suffix(".part").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(("request_id", "outcome"))
                writer.writerows((request, int(ill)) for _, request, ill in due)
            target.with_suffix(".part").rename(target)
        return len(due)
