"""Ten thousand runs: the index filled over a slow network, and our pages in Chromium beside MLflow's own ones.

Both read the same tracking store in the same run, which has its statistics (`ANALYZE`): as shipped, SQLite would sort
for ten seconds. A turn is timed inside the browser until what was asked for is drawn.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import cast
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

from backend.domain.clock import utc_now
from backend.errors import RemoteUnavailable
from backend.gateways.azureml.run_feed import RunFeed
from backend.gateways.azureml.run_index import RunIndex
from backend.gateways.azureml.runs import Runs
from benchmarks.measure import Row, Sample, alternate, seconds
from benchmarks.pages import LINK, WAIT_MS, empty_app, new_page, sign_in, there_and_back, turn
from benchmarks.runs_store import KINDS, fill
from benchmarks.worlds import World, console_world, say
from sandbox.demo.install import ensure_chromium

RUNS, COMPARED = 10_000, 100
ROUNDS = 8
DELAY_MS, REFUSALS = 100, 3
FILLED_WITHIN = 600.0
EXPERIMENT = "many"

OURS = """([wanted]) => new Promise((resolve, reject) => {
  const app = document.querySelector('[data-testid="stApp"]');
  const grid = () => [...document.querySelectorAll('[class*="st-key-runs_grid"]')].map(e => e.className).join();
  const before = grid(), began = performance.now();
  const look = () => {
    const took = performance.now() - began;
    if (app.dataset.testScriptState === 'notRunning' && grid() && grid() !== before) { resolve(took); }
    else if (took > 60000) { reject(new Error(`the grid stayed as it was after ${wanted}`)); }
    else { requestAnimationFrame(look); }
  };
  document.querySelector(`.st-key-${wanted} button`).click();
  requestAnimationFrame(look);
})"""
"""Ends when the run is over and another grid stands: its key is of the runs that it holds."""

THEIRS = """([hash, first]) => new Promise((resolve, reject) => {
  const began = performance.now();
  const top = () => [...document.querySelectorAll('[role=row][row-index="0"]')].some(e => e.innerText.includes(first));
  if (top()) { reject(new Error(`${first} is the first row already`)); return; }
  const look = () => {
    const took = performance.now() - began;
    if (top()) { resolve(took); }
    else if (took > 60000) { reject(new Error(`${first} did not become the first row`)); }
    else { requestAnimationFrame(look); }
  };
  location.hash = hash;
  requestAnimationFrame(look);
})"""


COMPARE = """([link, hash, drawn]) => new Promise((resolve, reject) => {
  const began = performance.now();
  const look = () => {
    const took = performance.now() - began;
    if (document.querySelector(drawn)) { resolve(took); }
    else if (took > 60000) { reject(new Error(`${drawn} was not drawn`)); }
    else { requestAnimationFrame(look); }
  };
  if (link) { document.querySelector(link).click(); } else { location.hash = hash; }
  requestAnimationFrame(look);
})"""


@contextmanager
def ten_thousand_runs() -> Iterator[World]:
    """Sandbox, worker and console, with the runs in the production workspace's tracking store."""
    with console_world() as world:
        started = time.monotonic()
        experiment = world.parts.workspace.tracking().create_experiment(EXPERIMENT)
        fill(database(world), str(experiment), RUNS)
        say(f"{RUNS:,} runs", started)
        yield world


def database(world: World) -> Path:
    return world.home / "sandbox" / "mlflow" / "mlflow.db"


def run(world: World) -> list[Row]:
    rows = [_filled(world)]
    world.wait("the console's own index", lambda: _known(world) >= RUNS, FILLED_WITHIN, pause=2.0)
    ensure_chromium()
    with empty_app(world) as address, sync_playwright() as playwright, ExitStack() as stack:
        console, theirs, empty = (new_page(playwright, stack) for _ in range(3))
        sign_in(console, f"http://127.0.0.1:{world.ports.console}")
        empty.goto(address, timeout=WAIT_MS)
        empty.get_by_role("heading", name="First").wait_for(timeout=WAIT_MS)
        rows.append(_drawn(console, empty))
        rows += _sorted_and_filtered(world, console, theirs)
        rows += _compared(world, console, theirs)
    return rows


def _known(world: World) -> int:
    """Rows of the index that the console keeps."""
    return int(RunIndex(world.home / "cache").table.num_rows)


def _filled(world: World) -> Row:
    """Seconds from nothing, the network slow and refusing now and then, against reading every run without either."""
    tracked = Runs(world.parts.workspace)

    def everything() -> None:
        token = None
        while True:
            _, token = tracked.page(token, 1000)
            if token is None:
                return

    everything()
    peer = Sample((seconds(everything),), "s")
    search = {"service": "tracking", "path": "runs/search"}
    _control(world, {**search, "status": 429, "requests": REFUSALS, "retry_after": 1})
    _control(world, {**search, "delay_ms": DELAY_MS})
    try:
        ours = Sample((seconds(lambda: _fill(tracked, world)),), "s")
    finally:
        _control(world, None)
    return Row(f"Index of {RUNS:,} runs from nothing, {DELAY_MS} ms away and with 429s, against reading them", ours,
               peer, "60 s")  # fmt: skip


def _fill(tracked: Runs, world: World) -> None:
    """As the console does it: a look that was refused is followed by another."""
    name = world.parts.workspace.name
    with tempfile.TemporaryDirectory(prefix="mlops-index-") as folder:
        index = RunIndex(Path(folder))
        feed = RunFeed(name, tracked, index, utc_now)
        while not index.complete(name):
            try:
                feed.look(6.0)
            except RemoteUnavailable as refusal:
                time.sleep(refusal.retry_after or 1.0)
        index.write()
        if index.table.num_rows < RUNS:
            raise RuntimeError(f"{index.table.num_rows} of {RUNS} runs were indexed")


def _drawn(console: Page, empty: Page) -> Row:
    turn(console, LINK, "Experiments", "Experiments")
    turn(console, LINK, "Overview", "Overview")
    ours, peer = alternate(
        lambda: there_and_back(console, "Experiments", "Overview"),
        lambda: there_and_back(empty, "Second", "First"),
        ROUNDS,
        "ms",
    )
    return Row(f"Experiments with {RUNS:,} runs drawn warm, against an empty page", ours, peer, "400 ms")


def _sorted_and_filtered(world: World, console: Page, theirs: Page) -> list[Row]:
    """Both on their list; theirs is moved by its own address, ours by a click and by its search line."""
    console.goto(f"http://127.0.0.1:{world.ports.console}/experiments?sort=-metrics.auc", timeout=WAIT_MS)
    console.locator('[class*="st-key-runs_grid"]').wait_for(timeout=WAIT_MS)
    theirs.goto(f"{_mlflow(world)}/#{_list(world)}", timeout=WAIT_MS)
    theirs.locator('[role=row][row-index="0"]').first.wait_for(timeout=WAIT_MS)
    ways = cycle(("true", "false"))

    def sort_theirs() -> float:
        way = next(ways)
        first = _first(world, WORST if way == "true" else BEST)
        order = f"&orderByKey={quote('metrics.`auc`')}&orderByAsc={way}"
        return float(theirs.evaluate(THEIRS, [_list(world) + order, first]))

    sorts = alternate(lambda: float(console.evaluate(OURS, ["sort_turn"])), sort_theirs, ROUNDS, "ms")
    kinds, others = cycle(KINDS[2:]), cycle(KINDS[2:])

    def filter_theirs() -> float:
        kind = next(others)
        first = _first(world, NEWEST, kind)
        wanted = f"&orderByKey=attributes.start_time&orderByAsc=false&searchFilter={quote(f'params.model = {kind!r}')}"
        return float(theirs.evaluate(THEIRS, [_list(world) + wanted, first]))

    filters = alternate(lambda: _searched(world, console, next(kinds)), filter_theirs, ROUNDS, "ms")
    return [
        Row(f"{RUNS:,} runs sorted by a metric, against MLflow's page", *sorts, "250 ms"),
        Row(f"{RUNS:,} runs filtered by a parameter, against MLflow's page", *filters, "250 ms"),
    ]


def _searched(world: World, console: Page, kind: str) -> float:
    """Milliseconds from Enter until the number of runs of this kind stands."""
    line = console.get_by_role("textbox", name="Search", exact=True)
    line.fill(f"model={kind}", timeout=WAIT_MS)
    count = f"{_count(world, kind):,} runs"
    began = time.perf_counter()
    line.press("Enter")
    console.get_by_role("heading", level=2, name=count).wait_for(timeout=WAIT_MS)
    return (time.perf_counter() - began) * 1000


def _compared(world: World, console: Page, theirs: Page) -> list[Row]:
    """From the list to the drawn comparison, as people go; and from the address, with the page's load."""
    names = [f"bench-{number:05d}" for number in range(COMPARED)]
    place = world.settings.project.prod_workspace
    chosen = ",".join(f"{place}/{name}" for name in names)
    ours = f"http://127.0.0.1:{world.ports.console}/experiments"
    listed, experiments = quote(json.dumps(names)), quote(json.dumps([_experiment(world)]))
    comparison = f"/compare-runs?runs={listed}&experiments={experiments}&workspace={place}"
    grid, plot = ".st-key-card_facts [data-testid=stDataFrame]", ".js-plotly-plot"

    def from_our_list() -> float:
        console.goto(f"{ours}?pick={chosen}", timeout=WAIT_MS)
        console.locator(".st-key-to_compare a").wait_for(timeout=WAIT_MS)
        return float(console.evaluate(COMPARE, [".st-key-to_compare a", "", grid]))

    def from_their_list() -> float:
        theirs.goto("about:blank")
        theirs.goto(f"{_mlflow(world)}/#{_list(world)}", timeout=WAIT_MS)
        theirs.locator('[role=row][row-index="0"]').first.wait_for(timeout=WAIT_MS)
        return float(theirs.evaluate(COMPARE, ["", comparison, plot]))

    def our_address() -> float:
        return _loaded(console, f"{ours}?compare={chosen}", grid)

    def their_address() -> float:
        theirs.goto("about:blank")
        return _loaded(theirs, f"{_mlflow(world)}/#{comparison}", plot)

    clicked = alternate(from_our_list, from_their_list, 3, "ms")
    loaded = alternate(our_address, their_address, 3, "ms")
    return [
        Row(f"{COMPARED} runs of the list compared, against MLflow's page", *clicked, "1000 ms"),
        Row(f"{COMPARED} runs compared, page load included, against MLflow's page", *loaded),
    ]


def _loaded(page: Page, address: str, drawn: str) -> float:
    """Milliseconds from the address to what has to be drawn."""
    began = time.perf_counter()
    page.goto(address, timeout=WAIT_MS)
    page.locator(drawn).first.wait_for(timeout=WAIT_MS)
    return (time.perf_counter() - began) * 1000


def _mlflow(world: World) -> str:
    """Where the tracking server itself answers, with its own page."""
    connection = sqlite3.connect(f"file:{world.home / 'sandbox' / 'sandbox.db'}?mode=ro", uri=True)
    try:
        query = "SELECT body FROM documents WHERE kind = 'tracking_server' AND key = 'mlflow'"
        return str(json.loads(connection.execute(query).fetchone()[0])["url"])
    finally:
        connection.close()


def _list(world: World) -> str:
    return f"/experiments/{_experiment(world)}/runs?workspace={world.settings.project.prod_workspace}"


def _experiment(world: World) -> str:
    return str(_asked(world, "select experiment_id from experiments where name = ?", EXPERIMENT))


BEST = "order by m.value desc"
WORST = "order by m.value asc"
NEWEST = "and p.value = ? order by r.start_time desc"
FIRST = """select r.name from runs r
join latest_metrics m on m.run_uuid = r.run_uuid and m.key = 'auc'
join params p on p.run_uuid = r.run_uuid and p.key = 'model'
where r.run_uuid like 'bench-%' """


def _first(world: World, order: str, *values: str) -> str:
    """The name of the run that stands first in this order."""
    return str(_asked(world, f"{FIRST} {order} limit 1", *values))


def _count(world: World, kind: str) -> int:
    return cast("int", _asked(world, "select count(*) from params where key = 'model' and value = ?", kind))


def _asked(world: World, query: str, *values: str) -> object:
    connection = sqlite3.connect(f"file:{database(world)}?mode=ro", uri=True, timeout=60)
    try:
        return connection.execute(query, values).fetchone()[0]
    finally:
        connection.close()


def _control(world: World, fault: dict[str, object] | None) -> None:
    """Put a fault in force, or end all."""
    address = f"http://127.0.0.1:{world.ports.browser}/control/faults"
    body = None if fault is None else json.dumps(fault).encode()
    request = urllib.request.Request(address, body, method="DELETE" if fault is None else "POST")  # loopback
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  # loopback
