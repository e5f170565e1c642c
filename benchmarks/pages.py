"""Changing pages and clicking a widget in Chromium: the console in a complete world, against an empty Streamlit app.

A turn is timed inside the page, from the click until the server's run has ended and the new heading is drawn.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle

from playwright.sync_api import Page, Playwright, sync_playwright

from benchmarks.measure import Row, alternate
from benchmarks.worlds import World
from sandbox.demo.environments import python_of
from sandbox.demo.install import ensure_chromium
from sandbox.demo.launch import CHECKOUT
from sandbox.demo.preflight import free_port

ROUNDS = 15
WAIT_MS = 60_000
ACCOUNT = re.compile("Lee Lead")

TURN = """([css, text, heading, sign]) => new Promise((resolve, reject) => {
  const app = document.querySelector('[data-testid="stApp"]');
  const reads = (what, wanted) => [...document.querySelectorAll(what)].some(e => e.innerText.trim().startsWith(wanted));
  const clickable = [...document.querySelectorAll(css)].find(e => e.innerText.trim().endsWith(text));
  if (!clickable) { reject(new Error(`nothing to click reads ${text}`)); return; }
  const began = performance.now();
  let ran = reads('h1', heading) === false;
  new MutationObserver(() => { ran = true; }).observe(app, {attributeFilter: ['data-test-script-state']});
  const look = () => {
    const still = app.dataset.testScriptState === 'notRunning';
    const drawn = reads('h1', heading) && (sign ? reads('p', sign) : ran);
    const took = performance.now() - began;
    if (still && drawn) { resolve(took); }
    else if (took > 30000) { reject(new Error(`${heading} ${sign}: ran ${ran}, still ${still}, drawn ${drawn}`)); }
    else { requestAnimationFrame(look); }
  };
  clickable.click();
  requestAnimationFrame(look);
})"""
"""Ends when the heading stands, the run is over, and `sign` is read; without a sign the run must have been seen.

An empty page runs so briefly that the browser never draws it as running, hence its sign.
"""

LINK = '[data-testid="stSidebarNavLink"]'
CHOICE = '[data-testid="stButtonGroup"] button'


def run(world: World) -> list[Row]:
    ensure_chromium()
    with empty_app(world) as address, sync_playwright() as playwright, ExitStack() as stack:
        # A browser for each: a tab behind another one is throttled.
        console, empty = (new_page(playwright, stack) for _ in range(2))
        sign_in(console, f"http://127.0.0.1:{world.ports.console}")
        empty.goto(address, timeout=WAIT_MS)
        empty.get_by_role("heading", name="First").wait_for(timeout=WAIT_MS)
        return [*_switches(console, empty), *_clicks(console, empty)]


def new_page(playwright: Playwright, stack: ExitStack) -> Page:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    stack.callback(browser.close)
    return browser.new_page()


def _switches(console: Page, empty: Page) -> list[Row]:
    rows = []
    for title in ("Pull requests", "Deployments", "Monitoring"):
        there = partial(there_and_back, console, title, "Overview")
        ours, peer = alternate(there, partial(there_and_back, empty, "Second", "First"), ROUNDS, "ms")
        rows.append(Row(f"Page switch to {title}, against an empty page", ours, peer))
    return rows


def _clicks(console: Page, empty: Page) -> list[Row]:
    turn(console, LINK, "Monitoring", "Monitoring")
    turn(empty, LINK, "Second", "Second")
    on_console, on_empty = cycle(["15 min", "1 h"]), cycle(["15 min", "1 h"])
    ours, peer = alternate(
        lambda: turn(console, CHOICE, next(on_console), "Monitoring"),
        lambda: _choose(empty, next(on_empty)),
        ROUNDS,
        "ms",
    )
    return [Row("Click on a range in Monitoring, against the same on an empty page", ours, peer)]


def there_and_back(page: Page, title: str, home: str) -> float:
    """Milliseconds from `home` to the page called `title`; ends on `home` again."""
    took = turn(page, LINK, title, title)
    turn(page, LINK, home, home)
    return took


def _choose(empty: Page, choice: str) -> float:
    return turn(empty, CHOICE, choice, "Second", sign=f"Range {choice}")


def turn(page: Page, css: str, text: str, heading: str, sign: str = "") -> float:
    """Click what reads `text` and answer the milliseconds until the page with this heading stands."""
    return float(page.evaluate(TURN, [css, text, heading, sign]))


def sign_in(page: Page, address: str) -> None:
    page.goto(address, timeout=WAIT_MS)
    page.get_by_role("button", name="Sign in").click(timeout=WAIT_MS)
    page.get_by_role("button", name=ACCOUNT).click(timeout=WAIT_MS)
    page.get_by_role("heading", level=1, name="Overview").wait_for(timeout=WAIT_MS)


@contextmanager
def empty_app(world: World) -> Iterator[str]:
    """The empty app on a free port, with the console's own way of running."""
    port = free_port()
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "runner.postScriptGC": "false",
        "browser.gatherUsageStats": "false",
    }
    command = [str(python_of(CHECKOUT, "console")), "-m", "streamlit", "run", "benchmarks/empty_page.py"]
    command += [f"--{name}={value}" for name, value in options.items()]
    world.children.start("empty-page", command, cwd=CHECKOUT, env=dict(os.environ))
    world.children.wait_for(f"http://127.0.0.1:{port}/_stcore/health", 60, "The empty app")
    yield f"http://127.0.0.1:{port}"
