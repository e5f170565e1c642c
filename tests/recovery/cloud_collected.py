"""The collected inputs of the cloud in memory: `asked` rows of whatever serves, each with the answer it got."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from backend.domain.production_flips import Collected, CollectedRow
from backend.domain.promotions import Target

if TYPE_CHECKING:
    from tests.recovery.cloud import Cloud

OTHERS = {
    "Pregnancies": 2.0, "PlasmaGlucose": 108.0, "DiastolicBloodPressure": 70.0, "TricepsThickness": 30.0,
    "SerumInsulin": 90.0, "BMI": 31.5, "DiabetesPedigree": 0.3,
}  # fmt: skip
AGES = (24.0, 36.0, 51.0, 66.0)
BANDS = ("under 30", "30 to 44", "45 to 59", "60 and over")


def _moment(row: CollectedRow) -> datetime:
    assert row.at is not None
    return row.at


def _hour(row: CollectedRow) -> datetime:
    return _moment(row).replace(minute=0, second=0, microsecond=0)


class CollectedInMemory:
    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def newest(self, served: Target, since: datetime, now: datetime, most: int) -> Collected:
        """Ages in turn; the risks are what the deployments of this cloud answer."""
        self.cloud.look()
        assert since < now
        if self.cloud.no_storage is not None:
            raise self.cloud.no_storage
        if self.cloud.answered:
            rows = tuple(sorted(self.cloud.answered, key=_moment, reverse=True))[:most]
            return Collected(rows=rows, digest="sha256:a", blobs=1, oldest=rows[-1].at, newest=rows[0].at)
        machine = self.cloud.places[served.endpoint].machines[served.deployment]
        count = min(self.cloud.asked, most) if machine.collects else 0
        rows = tuple(self._row(served, place) for place in range(count))
        digest = f"sha256:{count:064x}"
        ends = (now - timedelta(hours=2), now) if rows else (None, None)
        return Collected(rows=rows, digest=digest, blobs=1, oldest=ends[0], newest=ends[1])

    def _row(self, served: Target, place: int) -> CollectedRow:
        age = AGES[place % len(AGES)]
        risk = 0.3 + 0.0001 * age + self.cloud.shifts.get(served.version, 0.0)
        return CollectedRow(
            features=OTHERS | {"Age": age},
            probability=risk,
            positive=risk >= served.threshold,
            bands=(f"age {BANDS[place % len(AGES)]}",),
        )

    def hours(self, endpoint: str, since: datetime) -> dict[datetime, tuple[str, ...]]:
        """One blob an hour, named by it."""
        self.cloud.look()
        if self.cloud.no_storage is not None:
            raise self.cloud.no_storage
        found = {_hour(row) for row in self.cloud.answered if _hour(row) + timedelta(hours=1) > since}
        return {hour: (f"{endpoint}/{hour.isoformat()}",) for hour in found}

    def answers(self, names: Sequence[str]) -> dict[str, tuple[CollectedRow, ...]]:
        self.cloud.look()
        wanted = {name.rpartition("/")[2] for name in names}
        return {"1": tuple(row for row in self.cloud.answered if _hour(row).isoformat() in wanted)}

    def older(self, endpoint: str, before: datetime, most: int) -> tuple[str, ...]:
        self.cloud.look()
        return tuple(
            name for name, hour in sorted(self.cloud.blobs.items()) if f"/{endpoint}/" in name and hour < before
        )[:most]

    def delete(self, name: str) -> bool:
        self.cloud.look()
        return self.cloud.blobs.pop(name, None) is not None
