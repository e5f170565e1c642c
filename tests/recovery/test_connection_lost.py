"""The database goes away at any boundary of a promotion: nothing committed is lost, and nothing happens twice."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.domain.clock import utc_now
from backend.domain.promotions import Phase
from backend.errors import RemoteUnavailable
from backend.promotion.engine import Engine
from backend.store import Store
from backend.store.tables import promotions
from tests.recovery.crashes import FINISHED
from tests.recovery.hospital import LEASE, PROJECT, Hospital
from tests.recovery.tellings import CLICK, Telling

AWAY = "The database does not answer"
SAMPLE = 97
"""The quick run loses the connections at every 97th boundary, and the answer of every 49th commit."""


class Lost(Telling):
    """A promotion whose way to the database is cut at one boundary, in one of two manners, or not at all."""

    def __init__(self, folder, cluster, manner: str = "") -> None:
        folder.mkdir()
        super().__init__(Hospital.after(folder, "1", staged="2", databases=cluster))
        self.manner, self.cuts, self.said = manner, 0, frozenset()
        self.hospital.click("2", CLICK)
        self.stands = self.promotion

    def look(self):
        if AWAY in self.stands.reason:
            self.said |= {AWAY}  # it was noticed within a step, whose outcome tells it
        try:
            with self.boundaries.counting():
                busy = self.hospital.engine.tick()
        except RemoteUnavailable as away:
            # What the worker does: it says so and looks again, until the lease of the promotion has run out.
            self.said |= {str(away).partition(":")[0]}
            self.hospital.clock.pass_(LEASE + 1)
        else:
            self.hospital.cloud.check()
            if not busy:
                self.hospital.clock.pass_(1.0)
        self.stands = self.promotion

    def cut(self, where):
        getattr(self, self.manner)(where)
        assert self.cuts > 0

    def ended(self):
        return self.stands.phase in FINISHED

    def check(self):
        assert self.said <= {AWAY}
        assert self.said or self.manner != "lose_the_answer", "the worker heard the answer"
        assert self.stands.phase is Phase.SUCCEEDED
        assert not self.effects_twice(), "happened more than once"
        report = self.hospital.store.audit.verify()
        assert report.whole, report.problem
        told = self.hospital.store.audit.entries(limit=1000, subject=f"promotion/{CLICK}")
        assert len({(e.action, e.before, e.after, str(e.detail)) for e in told}) == len(told), "told twice"

    def end_all(self, _where):
        """As a failover does: what was not committed is undone by the server."""
        self.cuts += self.hospital.databases.disconnect(self.hospital.url)

    def lose_the_answer(self, _where):
        """The server commits, and the worker never hears of it."""
        connection = self.boundaries.committing
        connection.commit()
        connection.close()
        self.cuts += 1


def lose(folder, cluster, stride):
    whole = Lost(folder / "whole", cluster).play()
    passed = whole.boundaries.passed
    commits = [number for number, where in enumerate(passed, 1) if where == "commit"]
    assert len(commits) > 20
    chosen = {
        "end_all": range(min(7, stride), len(passed) + 1, stride),
        "lose_the_answer": commits[min(3, stride) - 1 :: (stride + 1) // 2],
    }
    for manner, numbers in chosen.items():
        Lost(folder / f"{manner} again", cluster, manner).cut_at_each(numbers, whole, folder / manner)


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
