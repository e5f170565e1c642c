"""The tour: from a pull request to production and back, by one lead in one browser, over real parts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import settled, sign_in
from playwright.sync_api import Browser, Page, expect

from sandbox.demo.branches import BRANCHES
from sandbox.demo.children import Children
from sandbox.demo.first_world import FirstWorld
from sandbox.demo.launch import CHECKOUT, start_services
from sandbox.demo.preflight import free_port
from sandbox.demo.settings_file import Ports

MINUTES = 60_000
CALLS_PER_SECOND = 12.0
CHALLENGER = next(branch for branch in BRANCHES if branch.key == "challenger")


@dataclass
class Living:
    """A world of its own: v1 serves, practitioners call, the challenger's pull request is open."""

    url: str
    world: FirstWorld
    number: int


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    home: Path = tmp_path_factory.mktemp("tour")
    ports = Ports(console=free_port(), sandbox=free_port(), browser=free_port())
    children = Children(home / "logs")
    said: list[str] = []
    try:
        start_services(children, home, ports, console=True)
        world = FirstWorld(CHECKOUT, home, ports, lambda text, _=None: said.append(text), children.check)
        world.make([CHALLENGER])
        practitioners = f"http://127.0.0.1:{ports.browser}/control/practitioners"
        world.lead.call(practitioners, "POST", {"per_second": CALLS_PER_SECOND})
        number = world.open_pull_request(CHALLENGER)
        yield Living(f"http://127.0.0.1:{ports.console}", world, number)
    finally:
        children.stop()


@pytest.fixture(scope="module")
def lead(chromium: Browser, living: Living) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    sign_in(page, living.url, "Lee Lead")
    yield page
    context.close()


def picture(page: Page, name: str) -> None:
    """Keep what was seen where `MLOPS_PICTURES` asks for it."""
    folder = os.environ.get("MLOPS_PICTURES")
    if folder:
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.timeout(1800)
def test_the_tour(chromium: Browser, living: Living, lead: Page) -> None:
    _review(living, lead)
    _decide(living, lead)
    _follow_in_another_tab(living, lead)
    _see_it_serving(living, lead)
    _roll_back(living, lead)


def _review(living: Living, page: Page) -> None:
    """The list, the evidence, and one click that approves and merges."""
    page.goto(f"{living.url}/pull-requests")
    row = page.locator(f".st-key-pull_{living.number}")
    expect(row).to_contain_text(CHALLENGER.title)
    expect(page.get_by_text("Checks pass")).to_be_visible(timeout=15 * MINUTES)
    picture(page, "pull-requests")
    row.get_by_role("link").click()
    comparison = page.locator("section.comparison")
    expect(comparison).to_contain_text("better", timeout=MINUTES)
    expect(comparison).to_contain_text("patients in both sides: 0")
    expect(page.locator("section.checks")).to_contain_text("quality-gate")
    expect(page.locator("section.files")).to_contain_text('+model = "hist_gradient_boosting"')
    picture(page, "pull-request")
    page.get_by_label("Reason, required").fill("Better on the same holdout, and the checks are green.")
    page.locator(".st-key-approve_and_merge button").click()
    expect(page.locator("section.wishes")).to_contain_text("Approve and merge")
    expect(page.locator(".head .pill")).to_contain_text("Merged", timeout=2 * MINUTES)


def _decide(living: Living, page: Page) -> None:
    """The merge retrains and tests by itself; then the lead sees the evidence and clicks once."""
    page.goto(f"{living.url}/deployments")
    decide = page.locator(".st-key-decide_2").get_by_role("link")
    expect(decide).to_be_visible(timeout=10 * MINUTES)
    decide.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("v2 to production")
    expect(page.locator(".head .pill")).to_contain_text("Ready")
    expect(page.locator("section.champion")).to_contain_text("better")
    expect(page.locator(".meta")).to_contain_text("in steps 10 → 50 → 100 %")
    picture(page, "decision")
    page.get_by_label("Reason, required").fill("Fewer missed and fewer false alarms; agreed in the review.")
    page.locator(".st-key-promote button").click()
    expect(page.locator("section.live-traffic")).to_be_visible()
    expect(page).to_have_url(living.url + "/deployments?promotion=" + page.url.partition("promotion=")[2])


def _follow_in_another_tab(living: Living, page: Page) -> None:
    """Closing the tab changes nothing: another one finds the promotion further on."""
    address = page.url
    other = page.context.new_page()
    page.goto("about:blank")
    other.goto(address)
    expect(other.locator("section.live-traffic .on-c")).to_be_visible(timeout=5 * MINUTES)
    picture(other, "tracker")
    expect(other.locator("section.analysis")).to_contain_text("Error rate")
    expect(other.locator(".head .pill")).to_contain_text("Succeeded", timeout=10 * MINUTES)
    other.close()


def _see_it_serving(living: Living, page: Page) -> None:
    page.goto(f"{living.url}/monitoring?range=15+min")
    expect(page.locator("section.summary")).to_contain_text("v2-", timeout=2 * MINUTES)
    expect(page.locator("section.callers")).to_contain_text("practitioner")
    expect(page.locator(".stPlotlyChart").first).to_be_visible()
    picture(page, "monitoring")


def _roll_back(living: Living, page: Page) -> None:
    """The earlier version serves again within seconds, and why is recorded."""
    page.goto(f"{living.url}/deployments")
    settled(page)
    page.locator(".st-key-roll_back button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Rehearse the way back to the earlier version.")
    began = time.monotonic()
    dialog.get_by_role("button", name="Roll back to v1").click()
    expect(page.locator(".rail")).to_contain_text("v1-", timeout=2 * MINUTES)
    expect(page.get_by_text("Promotions are held")).to_be_visible(timeout=2 * MINUTES)
    while living.world.lead.read("endpoint", "show")["traffic"].get(_stable(living, "1")) != 100:
        assert time.monotonic() - began < 60, "v1 does not serve again within a minute"
        time.sleep(0.5)
    page.goto(f"{living.url}/audit?subject=promotion%2F*&actor=lead")
    expect(page.locator(".grid")).to_contain_text("Rehearse the way back to the earlier version.")
    picture(page, "audit")


def _stable(living: Living, version: str) -> str:
    deployments = living.world.lead.read("endpoint", "show")["deployments"]
    return str(next(d["name"] for d in deployments if d["version"] == version))
