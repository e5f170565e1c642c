"""A promotion that is told once as a whole, and told on from any boundary of it in a world of its own.

A cut costs what comes after it and not the way to it: before the look of the worker in which it falls, the database
and the cloud are copied, and the copy goes on to the end.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from backend.domain.promotions import Promotion
from tests.recovery.crashes import Boundaries, power_cut
from tests.recovery.hospital import Hospital

CLICK = "click"
MOST_LOOKS = 3000


class Telling(ABC):
    """One telling: the looks of a worker at the promotion `CLICK`, and what else happens between them."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.boundaries = Boundaries(hospital)
        self.first_effect = len(hospital.cloud.effects)
        self.looks: list[int] = []
        """How many boundaries had been crossed when each look began."""

    @abstractmethod
    def look(self) -> None:
        """Let the worker do one thing, or time pass."""

    @abstractmethod
    def ended(self) -> bool: ...

    @abstractmethod
    def check(self) -> None:
        """What must hold at the end, however it came."""

    @property
    def promotion(self) -> Promotion:
        return self.hospital.store.promotions.get(CLICK)

    def play(self) -> Self:
        """To the end; the world is gone after it, and what was crossed is known."""
        for _ in range(MOST_LOOKS):
            if self.ended():
                self.check()
                self.hospital.close()
                return self
            self.looks.append(self.boundaries.crossed)
            self.look()
        raise AssertionError(f"did not end after a cut at {self.boundaries.where}: {self.promotion.reason}")

    def cut(self, where: str) -> None:
        """What happens to the worker at the chosen boundary."""
        power_cut(where)

    def cut_at_each(self, numbers: Iterable[int], whole: Telling, folder: Path) -> None:
        """Tell `whole` again from here on, which has not begun, and tell it on once for each boundary of `numbers`."""
        for number in sorted(numbers):
            begun = whole.looks[bisect_left(whole.looks, number) - 1]
            while self.boundaries.crossed < begun:
                self.look()
            told = self._copied(folder / str(number))
            told.boundaries.cut_at, told.boundaries.cut = number, told.cut
            told.play()
            where = whole.boundaries.passed[number - 1]
            assert told.boundaries.where == where, f"{where}, boundary {number}, was never crossed"
        self.hospital.close()

    def _copied(self, folder: Path) -> Self:
        folder.mkdir(parents=True)
        other = copy.copy(self)
        other.hospital = self.hospital.copied(folder)
        other.boundaries = Boundaries(other.hospital)
        other.boundaries.passed = list(self.boundaries.passed)
        other.looks = []
        return other

    def effects_twice(self) -> dict[str, int]:
        """What happened to the cloud more often than once since the beginning."""
        counted = Counter(self.hospital.cloud.effects[self.first_effect :])
        return {effect: times for effect, times in counted.items() if times > 1}
