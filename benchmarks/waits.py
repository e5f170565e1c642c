"""What a worker costs while the platform takes its time, against the same worker with nothing to do.

The container of a new version sleeps in its `init()`, so its deployment stays `Creating`, and meanwhile Azure ML
answers 429 with a Retry-After, again and again. Measured are the first two minutes of a wait that would last ten:
later a wait is looked at less often, so the share of a core that is printed is the most that ten minutes cost.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.bootstrap import open_store
from backend.domain.promotions import Phase
from backend.store import Store
from benchmarks.measure import Row, Sample
from benchmarks.worlds import World, say
from sandbox.demo.launch import CHECKOUT

SLICE = 20.0
"""Seconds; the pause between two proofs of an endpoint, so that each slice holds one of both."""
IDLE, WAITING = 3, 6
THROTTLE_EVERY = 5.0
THROTTLE = {"path": "/onlineEndpoints/", "status": 429, "retry_after": 5, "requests": 1}
PATIENCE = 600.0
SLEEPER = '''

_load_at_once = init


def init() -> None:
    """A container that takes ten minutes to start."""
    import time

    time.sleep(600)
    _load_at_once()
'''


def run(world: World) -> list[Row]:
    _ = world.parts
    store = open_store(world.settings)
    world.start_worker()
    _warm(world, store)
    idle = [_slice(world) for _ in range(IDLE)]
    _begin_to_wait(world, store)
    with _throttled(world) as throttled:
        waiting = [_slice(world, throttled) for _ in range(WAITING)]
    _still_waiting(world, store)
    refused = _throttled_answers(world)
    store.close()
    if not refused:
        raise RuntimeError("no request was answered 429, so nothing was measured of throttling")
    say(f"{refused} requests were answered 429")
    nothing_to_do = Sample(tuple(share for share, _ in idle), "%")
    added = tuple(max(share - nothing_to_do.median, 0.0) for share, _ in waiting)
    return [
        Row(
            "What the wait adds, of one core, against the worker with nothing to do",
            Sample(added, "%"),
            nothing_to_do,
            aim="under 2 %",
        ),
        Row(
            "Worker while a deployment is created under throttling, of one core, against idle",
            Sample(tuple(share for share, _ in waiting), "%"),
            nothing_to_do,
        ),
        Row(
            "Its requests a minute, against idle",
            Sample(tuple(calls for _, calls in waiting), "calls"),
            Sample(tuple(calls for _, calls in idle), "calls"),
        ),
    ]


def _warm(world: World, store: Store) -> None:
    """Until both endpoints have been looked at once: everything is imported and connected then."""
    project = world.settings.project
    names = (project.endpoint, project.test_endpoint)
    world.wait("a first proof of both endpoints", lambda: all(map(store.proofs.of, names)), PATIENCE)
    time.sleep(SLICE)


def _begin_to_wait(world: World, store: Store) -> None:
    started, slow = time.monotonic(), world.home / "slow"
    shutil.copytree(CHECKOUT / "training", slow / "training", ignore=shutil.ignore_patterns("__pycache__"))
    script = slow / "training" / "score.py"
    script.write_text(script.read_text() + SLEEPER)
    version = world.register(world.train(slow)).version

    def waits() -> bool:
        active = store.promotions.active(world.settings.project.test_endpoint)
        return active is not None and active.target.version == version and active.phase is Phase.WAITING

    world.wait(f"the test of v{version} to wait for its container", waits, PATIENCE)
    say(f"v{version} is being created", started)


def _still_waiting(world: World, store: Store) -> None:
    active = store.promotions.active(world.settings.project.test_endpoint)
    if active is None:
        raise RuntimeError("the test ended while its wait was measured")
    say(f"After it: {active.reason}")


def _slice(world: World, throttled: Iterator[None] | None = None) -> tuple[float, float]:
    """Percent of a core and requests a minute over one slice; `throttled` is advanced every few seconds."""
    process = world.children.pid("worker")
    cpu, requests, started = cpu_seconds(process), world.requests(), time.monotonic()
    while (left := started + SLICE - time.monotonic()) > 0:
        if throttled is not None:
            next(throttled)
        time.sleep(min(left, THROTTLE_EVERY))
    world.children.check()
    took = time.monotonic() - started
    return 100 * (cpu_seconds(process) - cpu) / took, 60 * (world.requests() - requests) / took


@contextmanager
def _throttled(world: World) -> Iterator[Iterator[None]]:
    """Each `next` lets one more request be refused; nothing is when the block has ended."""

    def refusing() -> Iterator[None]:
        while True:
            if not _control(world, "GET", "faults")["faults"]:
                _control(world, "POST", "faults", THROTTLE)
            yield

    try:
        yield refusing()
    finally:
        _control(world, "DELETE", "faults")


def _throttled_answers(world: World) -> int:
    told = _control(world, "GET", "journal?limit=5000&contains=onlineEndpoints")
    return sum(request["status"] == 429 for request in told["requests"])


def _control(world: World, method: str, what: str, body: object = None) -> dict[str, list[dict[str, object]]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{world.ports.browser}/control/{what}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback, built above
        told: dict[str, list[dict[str, object]]] = json.load(answer)
    return told


def cpu_seconds(process: int) -> float:
    """What a process and its threads have used of a core so far, by the kernel's count."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
