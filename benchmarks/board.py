"""The board with 300 open pull requests: what it takes of GitHub's hourly limit, and how soon it is drawn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from playwright.sync_api import sync_playwright

from backend.gateways.github.app import program_credential
from backend.gateways.github.board import LOOKS, Board
from backend.gateways.github.client import GitHubReader
from benchmarks.measure import Row, Sample, alternate
from benchmarks.pages import LINK, WAIT_MS, empty_app, new_page, sign_in, there_and_back, turn
from benchmarks.pulls import open_pull_requests
from benchmarks.worlds import World, console_world, say
from console.topics import BOARD
from sandbox.demo.first_world import REPOSITORY
from sandbox.demo.install import ensure_chromium

OPEN = 300
LIMIT = 5_000
"""Points an hour, the least that GitHub gives."""
MEASURED = 60
CHANGES = 30
"""Pull requests touched during the measured looks: 90 an hour, seven times a day each."""
ROUNDS = 10


@contextmanager
def served_board() -> Iterator[World]:
    """Sandbox, worker and console, with pull requests that no workflow checks."""
    with console_world() as world:
        started = time.monotonic()
        open_pull_requests(world.first, OPEN)
        say(f"A console with {OPEN} pull requests", started)
        yield world


def run(world: World) -> list[Row]:
    return [_share_of_the_limit(world), _drawn(world)]


def _share_of_the_limit(world: World) -> Row:
    """Percent of an hour's points that a day of looking takes, against reading every row at each look."""
    settings, people = world.settings.github, world.first
    reader = GitHubReader(settings.api_url, REPOSITORY, program_credential(settings), world.settings.cloud.ca_bundle)
    board = Board(reader)
    _all(board)
    whole, looks_an_hour = board.points, 3600 / BOARD
    before = board.points
    for look in range(MEASURED):
        if look * CHANGES % MEASURED < CHANGES:
            people.lead.github(f"/repos/{REPOSITORY}/pulls/{1 + look}", "PATCH", {"title": f"Touched {look}"})
        _all(board)
    spent = (board.points - before) / MEASURED * looks_an_hour + whole * looks_an_hour / LOOKS
    percent = Sample((100 * spent / LIMIT,), "%")
    peer = Sample((100 * whole * looks_an_hour / LIMIT,), "%")
    return Row(f"Hourly limit that {OPEN} pull requests take, against every row each time", percent, peer)


def _all(board: Board) -> None:
    found = len(board.look())
    if found != OPEN:
        raise RuntimeError(f"{found} pull requests were listed instead of {OPEN}")


def _drawn(world: World) -> Row:
    """From the click until the board stands, with the console's cache warm, against an empty page."""
    ensure_chromium()
    with empty_app(world) as address, sync_playwright() as playwright, ExitStack() as stack:
        console, empty = (new_page(playwright, stack) for _ in range(2))
        sign_in(console, f"http://127.0.0.1:{world.ports.console}")
        empty.goto(address, timeout=WAIT_MS)
        empty.get_by_role("heading", name="First").wait_for(timeout=WAIT_MS)
        turn(console, LINK, "Pull requests", "Pull requests")
        console.get_by_role("heading", level=2, name=f"{OPEN} pull requests").wait_for(timeout=WAIT_MS)
        turn(console, LINK, "Overview", "Overview")
        there = partial(there_and_back, console, "Pull requests", "Overview")
        ours, peer = alternate(there, partial(there_and_back, empty, "Second", "First"), ROUNDS, "ms")
    return Row(f"Board of {OPEN} pull requests drawn warm, against an empty page", ours, peer)
