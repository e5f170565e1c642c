"""What a long history costs: each page, the decision and the click, with 1,000 past promotions and 100,000 ledger rows.

The same world twice, one young and one old; pages are drawn warm by the script runner, without a browser.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from backend.domain.people import Actor, Role
from backend.policy.blockers import to_acknowledge
from backend.store import Store
from backend.store.audit import Note
from backend.store.tables import promotions, steps
from benchmarks.measure import Row, Sample, alternate, seconds
from benchmarks.worlds import say

CONSOLE_TESTS = Path(__file__).resolve().parents[1] / "tests" / "console"
ENTRY = CONSOLE_TESTS.parents[1] / "console" / "app.py"
LONG = (1_000, 100_000)
SHORT = (60, 1_000)
"""Promotions and ledger rows: the short history fills every list of the pages too, so that only its length differs."""
ROUNDS = 12
PATIENCE = 60
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "overview": ("views/overview.py", {}),
    "models": ("views/models.py", {}),
    "version": ("views/models.py", {"version": "2"}),
    "decision": ("views/deployments.py", {"version": "2"}),
    "deployments": ("views/deployments.py", {}),
    "monitoring": ("views/monitoring.py", {}),
    "pull requests": ("views/pull_requests.py", {}),
    "contract": ("views/contract.py", {}),
    "setup": ("views/setup.py", {}),
    "inbox": ("views/inbox.py", {}),
    "audit": ("views/audit.py", {}),
}
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))


@dataclass(frozen=True)
class Worlds:
    """Two hospitals that differ in their past alone; `hospital` is the module that made them."""

    hospital: Any
    young: Any
    old: Any

    def choose(self, world: Any) -> None:
        """Pages find their world where the console's wiring holds it."""
        from console import wiring

        wiring.install(world.wired)


@contextmanager
def young_and_old() -> Iterator[Worlds]:
    sys.path.insert(0, str(CONSOLE_TESTS))
    import hospital

    folder = Path(tempfile.mkdtemp(prefix="mlops-bench-"))
    try:
        young, old = (hospital.populated(_made(folder / name)) for name in ("young", "old"))
        started = time.monotonic()
        for world, (past, rows) in ((young, SHORT), (old, LONG)):
            age(world.store, past, rows)
            say(f"{past:,} promotions and {rows:,} ledger rows", started)
        yield Worlds(hospital, young, old)
        young.store.close()
        old.store.close()
    finally:
        sys.path.remove(str(CONSOLE_TESTS))
        shutil.rmtree(folder)


def run(worlds: Worlds) -> list[Row]:
    rows = [row for name in PAGES for row in _page(worlds, name)]
    old, young = count(), count()
    click = alternate(lambda: _click(worlds.old, next(old)), lambda: _click(worlds.young, next(young)), ROUNDS, "ms")
    return [*rows, Row("Click to recorded promotion, long history against short", *click, aim="1.20x, 150 ms")]


def age(store: Store, past: int, rows: int) -> None:
    """Promotions of older versions that ended well before the present one, and a ledger that goes on about them."""
    with store.writing() as transaction:
        model = transaction.execute(select(promotions).where(promotions.c.kind == "promote")).mappings().one()
        taken = transaction.execute(select(steps).where(steps.c.promotion == model["id"])).mappings().all()
        transaction.execute(insert(promotions), [_past(model, n) for n in range(past)])
        transaction.execute(insert(steps), [_taken(step, n) for n in range(past) for step in taken])
        for n in range(rows):
            subject = f"promotion/past-{n % past}"
            store.audit.append(
                Note("worker", "worker", "step.observe.succeeded", subject, after=model["phase"]), transaction
            )


def _past(model: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The same promotion, of another version and as many hours earlier."""
    moments, version = _earlier(model, number, "next_at", "created_at", "updated_at", "finished_at"), f"0.{number}"
    target = {**json.loads(model["target"]), "version": version, "deployment": f"v{version}"}
    return {**model, **moments, "id": f"past-{number}", "version": version, "target": json.dumps(target)}


def _taken(step: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {**step, "promotion": f"past-{number}", **_earlier(step, number, "started_at", "finished_at")}


def _earlier(row: Mapping[str, Any], number: int, *names: str) -> dict[str, datetime]:
    """Those moments of a row that it has, an hour earlier for each number."""
    return {name: row[name] - timedelta(hours=1 + number) for name in names if row[name] is not None}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _page(worlds: Worlds, name: str) -> list[Row]:
    """Its ratio in CPU time, which a busy machine blurs least; and by the clock."""
    young, old = _visit(worlds, worlds.young, name), _visit(worlds, worlds.old, name)
    old(), young()
    pairs = [(old(), young()) for _ in range(ROUNDS)]
    said, rows = f"Page {name} drawn warm, long history against short", []
    for unit, what, aim in ((1, f"{said}, CPU time", "1.20x"), (0, said, "400 ms" if name == "decision" else "")):
        ours, peer = (Sample(tuple(pair[side][unit] for pair in pairs), "ms") for side in (0, 1))
        rows.append(Row(what, ours, peer, aim))
    return rows


def _visit(worlds: Worlds, world: Any, name: str) -> Callable[[], tuple[float, float]]:
    """A tab that has the page open; each call draws it once more and answers milliseconds, by the clock and of CPU."""
    from streamlit.testing.v1 import AppTest
    from visitors import claims

    path, query = PAGES[name]
    worlds.choose(world)
    app = AppTest.from_file(str(ENTRY), default_timeout=PATIENCE)
    app.user.update(claims())
    app.run()
    for key, value in query.items():
        app.query_params[key] = value
    app.switch_page(path)
    app.run()
    assert not app.exception

    def draw() -> tuple[float, float]:
        worlds.choose(world)
        cpu = time.process_time()
        wall = seconds(app.run)
        return 1000 * wall, 1000 * (time.process_time() - cpu)

    return draw


def _click(world: Any, number: int) -> float:
    """Milliseconds until approval and promotion are recorded; then aborted, so that the next click finds it free."""
    from hospital_models import version

    backend, key = world.wired.backend, f"bench-{number}"
    stable = backend.promotions.stable()
    known = version(2)
    told = to_acknowledge(backend.promotions.decision(LEAD, known, None).blockers)
    taken = seconds(
        lambda: backend.promotions.approve_and_promote(LEAD, known, stable, "Measured in a benchmark.", key, told)
    )
    promotion = backend.steering.abort(LEAD, key, "The measurement is over.")
    world.walk(promotion)
    _end(world.store, key)
    return 1000 * taken


def _end(store: Store, key: str) -> None:
    """The abort of a promotion that nobody began ends it at once."""
    from backend.domain.clock import utc_now
    from backend.promotion import transitions
    from backend.promotion.engine import told

    store.promotions.change(key, lambda row: transitions.honour(row, utc_now()), told)
