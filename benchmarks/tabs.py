"""Fifty signed-in tabs of Monitoring on one core, against one; what they ask of Azure; and what a while of them leaves.

The tabs speak the web socket's protocol; the console runs on one core, they on the others. `MLOPS_BENCH_SOAK_MINUTES`
(3, at most 30) is how long twenty tabs stay open for the last row.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import quantiles

from playwright.sync_api import sync_playwright

from benchmarks.measure import Row, Sample
from benchmarks.pages import new_page, sign_in
from benchmarks.tab import Tab
from benchmarks.worlds import World, say
from sandbox.demo.install import ensure_chromium

MANY, SOAKING = 50, 20
SECONDS = 60.0
OPENING = 25.0
"""Seconds over which the tabs are opened: people do not come all at once."""
PAGE, QUERY = "monitoring", "range=24+h"
QUERIES = "/query"
MOST_ENTRIES = 5_000


def run(world: World) -> list[Row]:
    ensure_chromium()
    address = f"http://127.0.0.1:{world.ports.console}"
    cookies = _cookies(address)
    console = _console(world)
    os.sched_setaffinity(console, {max(os.sched_getaffinity(0))})
    alone, asked_alone = _lived(world, address, cookies, 1)
    many, asked_many = _lived(world, address, cookies, MANY)
    before, after = _soaked(address, cookies, console)
    return [
        Row(f"{MANY} open tabs on one core: p95 of an answer, against one tab", _p95(many), _p95(alone), "250 ms"),
        Row(f"Queries to Azure Monitor a minute with {MANY} tabs, against one", asked_many, asked_alone, "1.00x"),
        Row(f"Memory after {SOAKING} tabs for {_minutes():g} min, against the first minute", after, before, "1.10x"),
    ]


def _cookies(address: str) -> dict[str, str]:
    """Those of the lead, who signs in once in a browser."""
    with sync_playwright() as playwright, ExitStack() as stack:
        page = new_page(playwright, stack)
        sign_in(page, address)
        return {str(one["name"]): str(one["value"]) for one in page.context.cookies()}


def _console(world: World) -> int:
    """The process that listens on the console's port: every thread of it moves with it."""
    wanted = f":{world.ports.console:04X}"
    sockets = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[1].endswith(wanted) and line.split()[3] == "0A"
    }
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and _listens(folder, sockets):
            return int(folder.name)
    raise RuntimeError(f"nobody listens on port {world.ports.console}")


def _listens(folder: Path, sockets: set[str]) -> bool:
    try:
        return any(str(one.readlink()) in {f"socket:[{s}]" for s in sockets} for one in (folder / "fd").iterdir())
    except OSError:
        return False


def _lived(world: World, address: str, cookies: dict[str, str], number: int) -> tuple[list[float], Sample]:
    """Every answer of so many tabs once all are open, in milliseconds; and the queries a minute meanwhile."""
    started = time.monotonic()
    _live(address, cookies, number, SECONDS / 4)
    before = _newest(world)
    tabs = _live(address, cookies, number, SECONDS)
    asked = _asked_since(world, before)
    say(f"{number} tabs", started)
    answers = [answer for tab in tabs for answer in tab.answers]
    minutes = (SECONDS + (OPENING if number > 1 else 0.0)) / 60
    return answers, Sample((asked / minutes,), "queries")


def _live(address: str, cookies: dict[str, str], number: int, seconds: float) -> list[Tab]:
    opening = OPENING if number > 1 else 0.0
    begin = time.monotonic()
    tabs = [Tab(address, cookies, PAGE, QUERY) for _ in range(number)]

    async def together() -> None:
        until = begin + opening + seconds
        await asyncio.gather(*(tab.live(begin + opening * n / number, until) for n, tab in enumerate(tabs)))

    asyncio.run(together())
    return tabs


def _soaked(address: str, cookies: dict[str, str], console: int) -> tuple[Sample, Sample]:
    """The console's memory after its first minute with the tabs, and at the end."""
    started = time.monotonic()
    _live(address, cookies, SOAKING, SECONDS)
    first = _megabytes(console)
    _live(address, cookies, SOAKING, 60 * _minutes())
    last = _megabytes(console)
    say(f"{SOAKING} tabs for {_minutes():g} minutes", started)
    return Sample((first,), "MB"), Sample((last,), "MB")


def _minutes() -> float:
    return min(30.0, max(1.0, float(os.environ.get("MLOPS_BENCH_SOAK_MINUTES", "3"))))


def _megabytes(process: int) -> float:
    """What the process holds of memory, resident."""
    line = next(one for one in Path(f"/proc/{process}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _p95(answers: list[float]) -> Sample:
    """One figure, the 95th percentile; n is how many answers it rests on, so that is printed beside."""
    say(f"{len(answers)} answers")
    return Sample((quantiles(answers, n=20)[-1],), "ms")


def _newest(world: World) -> int:
    found = _journal(world, 1)
    return int(found[0]["number"]) if found else 0


def _asked_since(world: World, number: int) -> int:
    return sum(int(str(entry["number"])) > number for entry in _journal(world, MOST_ENTRIES))


def _journal(world: World, limit: int) -> list[dict[str, object]]:
    """The newest queries of the logs that the sandbox was asked, by whomever."""
    address = f"http://127.0.0.1:{world.ports.browser}/control/journal?limit={limit}&contains={QUERIES}"
    with urllib.request.urlopen(address, timeout=20) as answer:
        found: list[dict[str, object]] = json.load(answer)["requests"]
    return found
