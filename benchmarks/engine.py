"""What the engine adds to a step (claim, lease, commit, ledger row), on both databases, against a bare commit.

By the clock, which knows a busy machine and a slow disk too, and in CPU time of this process, which does not (and knows
nothing of what PostgreSQL's own processes do).
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import update

from backend.store import Store
from backend.store.tables import audit_head
from benchmarks.measure import Row, alternate
from benchmarks.worlds import say
from tests.databases import FILES, Databases
from tests.postgres import Cluster
from tests.recovery.hospital import Hospital

ROUNDS = 5
COMMITS = 100
DURABLE: dict[str, str] = {}
"""The settings a server has by itself: every commit reaches the disk, as SQLite's do."""


@contextmanager
def both_databases() -> Iterator[Mapping[str, Databases]]:
    """SQLite files and a PostgreSQL of the benchmark's own, on a socket file."""
    started = time.monotonic()
    cluster = Cluster(DURABLE)
    try:
        cluster.begin()
        say("A PostgreSQL of its own", started)
        yield {"SQLite": FILES, "PostgreSQL": cluster}
    finally:
        cluster.end()


def run(world: Mapping[str, Databases]) -> list[Row]:
    rows = []
    for name, databases in world.items():
        for clock, said in ((time.perf_counter, ""), (time.process_time, ", CPU time")):
            ours, peer = alternate(
                lambda d=databases, c=clock: step(d, c), lambda d=databases, c=clock: commit(d, c), ROUNDS, "ms"
            )
            rows.append(Row(f"Engine per step on {name}{said}, against one bare commit", ours, peer, "50 ms"))
    ours, peer = alternate(lambda: step(world["PostgreSQL"]), lambda: step(world["SQLite"]), ROUNDS, "ms")
    return [*rows, Row("Engine per step, PostgreSQL against SQLite", ours, peer)]


def step(databases: Databases, clock: Callable[[], float] = time.perf_counter) -> float:
    """Milliseconds a step of a whole promotion, over a cloud in memory that answers at once."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-bench-"))
    hospital = Hospital.after(folder, "1", staged="2", databases=databases)
    hospital.click("2", "click")
    taken, steps = 0.0, 0
    while not hospital.store.promotions.get("click").phase.final:
        started = clock()
        busy = hospital.engine.tick()
        if busy:
            taken += clock() - started
            steps += 1
        else:
            hospital.clock.pass_(1.0)
    hospital.close()
    shutil.rmtree(folder)
    return 1000 * taken / steps


def commit(databases: Databases, clock: Callable[[], float] = time.perf_counter) -> float:
    """Milliseconds a transaction that changes one row, by the database's own library and nothing of ours."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-bench-"))
    url = databases.fresh(folder)
    store = Store(url)
    with store.database.engine.connect() as connection:
        started = clock()
        for _ in range(COMMITS):
            connection.execute(update(audit_head).values(sequence=audit_head.c.sequence + 1))
            connection.commit()
        taken = clock() - started
    store.close()
    databases.drop(url)
    shutil.rmtree(folder)
    return 1000 * taken / COMMITS
