"""Who is asked about: patients as they were, or ones that a model has not learned from. Changed on the control page.

Each change touches what is sent, never what becomes of the patient: a wrong unit makes nobody healthier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Literal, get_args

from sandbox.control.patients import Row, Visit
from sandbox.world import World

KIND = "practitioners"
KEY = "population"

OLDER_FROM = 45
PMOL_PER_MICROUNIT = 6.0
"""WHO standard 83/500; another laboratory reports insulin in pmol/L."""
STUCK_PRESSURE = 62
"""A device that shows everybody the same blood pressure."""

Shift = Literal["older", "insulin", "stuck", "before"]
SHIFTS: tuple[Shift, ...] = get_args(Shift)


@dataclass(frozen=True, slots=True)
class Population:
    """What differs from the patients whom the first model learned from."""

    older: bool = False
    insulin: bool = False
    stuck: bool = False

    def changed(self, shift: Shift) -> Population:
        """After one of the buttons: one thing more or less, or everything as before."""
        if shift == "before":
            return Population()
        return replace(self, **{shift: not getattr(self, shift)})

    def choose(self, visits: Sequence[Visit], random: Random) -> Visit:
        """The next patient; an old one where only those come and there are any."""
        visit = random.choice(visits)
        for _ in range(200):
            if not self.older or visit.row.get("Age", OLDER_FROM) >= OLDER_FROM:
                break
            visit = random.choice(visits)
        return visit

    def sent(self, row: Row) -> Row:
        """What practitioners type for this patient."""
        changes: dict[str, float] = {}
        if self.insulin and "SerumInsulin" in row:
            changes["SerumInsulin"] = round(row["SerumInsulin"] * PMOL_PER_MICROUNIT, 1)
        if self.stuck and "DiastolicBloodPressure" in row:
            changes["DiastolicBloodPressure"] = STUCK_PRESSURE
        return {**row, **changes}


def read_population(world: World) -> Population:
    document = world.documents.get(KIND, KEY) or {}
    return Population(**{name: bool(document.get(name)) for name in Population.__slots__})


def write_population(world: World, population: Population) -> None:
    world.documents.put(KIND, KEY, asdict(population))
