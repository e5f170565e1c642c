"""The database goes away at any boundary of a promotion: nothing committed is lost, and nothing happens twice."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from itertools import islice

import pytest
from sqlalchemy import event, select

from backend.domain.clock import utc_now
from backend.domain.promotions import Phase
from backend.errors import RemoteUnavailable
from backend.promotion.engine import Engine
from backend.store import Store
from backend.store.tables import promotions
from tests.recovery.crashes import FINISHED, Boundaries
from tests.recovery.hospital import LEASE, PROJECT, Hospital

AWAY = "The database does not answer"
SAMPLE = 97
"""The quick run loses the connections at every 97th boundary, and the answer of every 49th commit."""


class Line:
    """The way between a worker and its server, which can be cut in two manners."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.cuts = 0
        self._committing = None
        event.listen(hospital.store.database.engine, "commit", self._remember)

    def _remember(self, connection):
        self._committing = connection.connection.dbapi_connection

    def end_all(self, _where):
        """As a failover does: what was not committed is undone by the server."""
        self.cuts += self.hospital.databases.disconnect(self.hospital.url)

    def lose_the_answer(self, _where):
        """The server commits, and the worker never hears of it."""
        self._committing.commit()
        self._committing.close()
        self.cuts += 1


def play(folder, cluster, lost_at: int | None = None, manner: str = "end_all") -> list[str]:
    """Promote while the line is cut at one boundary; the boundaries that were crossed."""
    folder.mkdir()
    hospital = Hospital.after(folder, "1", staged="2", databases=cluster)
    line = Line(hospital)
    boundaries = Boundaries(hospital)
    boundaries.cut_at, boundaries.cut = lost_at, getattr(line, manner)
    first_effect = len(hospital.cloud.effects)
    hospital.click("2", "click")
    said = set()
    while (promotion := hospital.store.promotions.get("click")).phase not in FINISHED:
        if AWAY in promotion.reason:
            said.add(AWAY)  # it was noticed within a step, whose outcome tells it
        try:
            with boundaries.counting():
                busy = hospital.engine.tick()
        except RemoteUnavailable as away:
            # What the worker does: it says so and looks again, until the lease of the promotion has run out.
            said.add(str(away).partition(":")[0])
            hospital.clock.pass_(LEASE + 1)
            continue
        hospital.cloud.check()
        if not busy:
            hospital.clock.pass_(1.0)
    assert said <= {AWAY}
    assert said or manner == "end_all", "the worker heard the answer"
    assert (line.cuts > 0) is (lost_at is not None)
    assert hospital.store.promotions.get("click").phase is Phase.SUCCEEDED
    repeated = {effect: n for effect, n in Counter(hospital.cloud.effects[first_effect:]).items() if n > 1}
    assert not repeated, f"happened more than once: {repeated}"
    report = hospital.store.audit.verify()
    assert report.whole, report.problem
    told = hospital.store.audit.entries(limit=1000, subject="promotion/click")
    assert len({(e.action, e.before, e.after, str(e.detail)) for e in told}) == len(told), "told twice"
    hospital.close()
    return boundaries.passed


def lose(folder, cluster, stride):
    boundaries = play(folder / "whole", cluster)
    commits = [number for number, where in enumerate(boundaries, 1) if where == "commit"]
    assert len(commits) > 20
    for number in range(min(7, stride), len(boundaries) + 1, stride):
        play(folder / f"all-{number}", cluster, number)
    for number in islice(commits, min(3, stride) - 1, None, (stride + 1) // 2):
        play(folder / f"answer-{number}", cluster, number, "lose_the_answer")


def test_a_sample_of_boundaries(tmp_path, cluster):
    lose(tmp_path, cluster, SAMPLE)


@pytest.mark.recovery
@pytest.mark.timeout(1800)
def test_every_boundary(tmp_path, cluster):
    lose(tmp_path, cluster, 1)


def test_a_lease_outlives_a_short_absence_of_the_database(tmp_path, cluster, caplog):
    """In real time: while a step runs, one renewal fails and the next ones succeed, so nobody else takes over."""
    hospital = Hospital.after(tmp_path, "1", staged="2", databases=cluster)
    store, lease = Store(hospital.url), 3.0
    hospital.click("2", "click")
    look, leases = hospital.cloud.look, []

    def until(condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, caplog.text
            time.sleep(0.05)

    def lease_end():
        with store.database.reading() as connection:
            return connection.execute(select(promotions.c.lease_until).where(promotions.c.id == "click")).scalar_one()

    def slow_look():
        look()
        if not leases:
            leases.append(lease_end())
            cluster.stop()
            until(lambda: "could not be renewed: The database does not answer" in caplog.text)
            cluster.start()
            until(lambda: lease_end() > leases[0] + timedelta(seconds=lease / 3))

    hospital.cloud.look = slow_look
    engine = Engine(store, hospital.cloud.reach(), PROJECT, utc_now, owner="patient", lease_seconds=lease)
    assert engine.tick()
    assert (store.promotions.get("click").position, store.promotions.get("click").fence) == (1, 1)
    store.close()
    hospital.close()
