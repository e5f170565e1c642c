"""A day of minute data in six Plotly charts, in Chromium: the console's way against Streamlit's default.

A turn ends when all six charts have their lines in the page, and not when the server is done.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.measure import Row, Sample, alternate
from benchmarks.pages import CHOICE, LINK, WAIT_MS, new_page
from benchmarks.worlds import say
from sandbox.demo.children import Children
from sandbox.demo.environments import python_of
from sandbox.demo.install import ensure_chromium
from sandbox.demo.launch import CHECKOUT
from sandbox.demo.preflight import free_port

ROUNDS = 8
MILLION = 1_000_000
CHARTS = 6

TURN = """([css, text, sign]) => new Promise((resolve, reject) => {
  const app = document.querySelector('[data-testid="stApp"]');
  const reads = (what, wanted) => [...document.querySelectorAll(what)].some(e => e.innerText.trim().startsWith(wanted));
  const clickable = [...document.querySelectorAll(css)].find(e => e.innerText.trim().endsWith(text));
  if (!clickable) { reject(new Error(`nothing to click reads ${text}`)); return; }
  const lines = () => [...document.querySelectorAll('.js-plotly-plot .scatterlayer path.js-line')];
  const before = new Set(lines().map(e => e.getAttribute('d')));
  const began = performance.now();
  const look = () => {
    const still = app.dataset.testScriptState === 'notRunning';
    const plots = document.querySelectorAll('.js-plotly-plot .main-svg').length;
    const fresh = lines().filter(e => !before.has(e.getAttribute('d'))).length;
    const took = performance.now() - began;
    const drawn = sign === 'First' ? reads('h1', 'First') : reads('p', sign) && plots > 0 && fresh >= 6;
    if (still && drawn) { resolve(took); }
    else if (took > 30000) { reject(new Error(`${sign}: still ${still}, ${plots} plots, ${fresh} fresh lines`)); }
    else { requestAnimationFrame(look); }
  };
  clickable.click();
  requestAnimationFrame(look);
})"""


@dataclass
class Dashboards:
    """The addresses of the two apps."""

    ours: str
    peer: str


@contextmanager
def two_apps() -> Iterator[Dashboards]:
    """Ours with the console's setting of the collector, the peer as Streamlit comes."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-bench-"))
    children = Children(folder / "logs")
    try:
        yield Dashboards(_app(children, "ours", gc="false"), _app(children, "peer", gc="true"))
    finally:
        children.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(apps: Dashboards) -> list[Row]:
    return [*_drawn(apps), _summarised()]


def _drawn(apps: Dashboards) -> list[Row]:
    ensure_chromium()
    with sync_playwright() as playwright, ExitStack() as stack:
        ours, peer = (new_page(playwright, stack) for _ in range(2))
        for page, address in ((ours, apps.ours), (peer, apps.peer)):
            page.goto(address, timeout=WAIT_MS)
            page.get_by_role("heading", name="First").wait_for(timeout=WAIT_MS)
        switch = alternate(lambda: _there_and_back(ours), lambda: _there_and_back(peer), ROUNDS, "ms")
        for page in (ours, peer):
            _turn(page, LINK, "Second", "Range 24 h")
        there, peers = cycle(["12 h", "24 h"]), cycle(["12 h", "24 h"])
        click = alternate(lambda: _choose(ours, next(there)), lambda: _choose(peer, next(peers)), ROUNDS, "ms")
    said = "24 h of minutes in six charts"
    return [
        Row(f"{said}: warm switch, against Streamlit's default", *switch, aim="0.70x, 500 ms"),
        Row(f"{said}: click on a range, against the same", *click, aim="0.70x, 200 ms"),
    ]


def _there_and_back(page: Page) -> float:
    took = _turn(page, LINK, "Second", "Range 24 h")
    _turn(page, LINK, "First", "First")
    return took


def _choose(page: Page, choice: str) -> float:
    return _turn(page, CHOICE, choice, f"Range {choice}")


def _turn(page: Page, css: str, text: str, sign: str) -> float:
    return float(page.evaluate(TURN, [css, text, sign]))


def _app(children: Children, name: str, gc: str) -> str:
    port = free_port()
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "runner.postScriptGC": gc,
        "browser.gatherUsageStats": "false",
    }
    command = [str(python_of(CHECKOUT, "console")), "-m", "streamlit", "run", "benchmarks/dashboard_page.py"]
    command += [f"--{option}={value}" for option, value in options.items()]
    environment = {**os.environ, "DASHBOARD": name, "PYTHONPATH": str(CHECKOUT)}
    children.start(f"dashboard {name}", command, cwd=CHECKOUT, env=environment)
    children.wait_for(f"http://127.0.0.1:{port}/_stcore/health", 60, "The app")
    return f"http://127.0.0.1:{port}"


def _summarised() -> Row:
    """In the sandbox's environment, which has the log tables' engine."""
    say(f"Writing {MILLION:,} log rows")
    command = [str(python_of(CHECKOUT, "sandbox")), "-m", "benchmarks.million_rows", str(MILLION)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=900, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Row(
        f"{MILLION:,} log rows by minute, deployment and percentile, against sending the rows",
        Sample(tuple(found["summarised"]), "s"),
        Sample(tuple(found["sent"]), "s"),
        aim="1.5 s",
    )
