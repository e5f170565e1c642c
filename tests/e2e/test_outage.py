"""The cloud goes away under a running console, as in a power cut, and comes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import MINUTE, Complaints, button, give_reason, refusal, settled, sound
from playwright.sync_api import Page, expect

from sandbox.demo.branches import Branch
from sandbox.demo.launch import start_sandbox
from tests.made_world import MadeWorld

BACK = MINUTE
"""Within this time after the cloud has returned every source is live again."""
OLD = "does not answer"
REASON = "Please say in the text which release this belongs to."
TITLES = {
    "": "Overview",
    "pull-requests": "Pull requests",
    "experiments": "Experiments",
    "models": "Models",
    "deployments": "Deployments",
    "monitoring": "Monitoring",
}
KNOWN = {
    "": ".split .on-s",
    "pull-requests": "[class*=st-key-pull_]",
    "experiments": "[data-testid=stDataFrame]",
    "models": ".st-key-version_1",
    "deployments": "table td:has-text('v1-')",
    "monitoring": "section.summary",
}
"""What each page shows of the world, by its path."""


def _add_a_line(tree: Path) -> None:
    path = tree / "CHANGELOG.md"
    path.write_text(f"{path.read_text()}\nWritten to be discussed.\n")


DISCUSSED = Branch("discussed", "feature/changelog", "Add a line to the changelog", "To be discussed.", _add_a_line)


@pytest.mark.recovery
def test_pages_outlive_the_cloud_and_decide_nothing_meanwhile(
    made_world: MadeWorld, enter: Callable[..., Page], visitor: Page, complaints: Complaints
) -> None:
    number = made_world.open_pull_request(DISCUSSED)
    made_world.practitioners(2.0)
    served = made_world.lead.read("endpoint", "score")["model_version"]
    url = made_world.console()
    page = enter(f"{url}/pull-requests?number={number}", "Lee Lead")
    expect(page.get_by_role("heading", level=1)).to_have_text(DISCUSSED.title, timeout=MINUTE)
    viewer = enter(f"{url}/deployments", "Vic Viewer")
    _see_everything(page, url)
    expect(page.get_by_text(OLD)).to_have_count(0)
    made_world.children.kill("sandbox")
    try:
        _what_was_known_stays(page, url)
        assert "role" in refusal(viewer, "roll_back")
        _nobody_can_sign_in(visitor, url)
        _nothing_may_be_decided(page, url, number)
    finally:
        start_sandbox(made_world.children, made_world.home, made_world.ports)
    _everything_is_live_again(page, url)
    expect(viewer.get_by_text(OLD)).to_have_count(0, timeout=BACK)
    button(visitor, "sign_in").click()
    visitor.get_by_text("Vic Viewer", exact=True).click()
    expect(visitor).to_have_url(f"{url}/models")
    _decide(page, url, number)
    assert made_world.lead.read("endpoint", "score")["model_version"] == served
    made_world.practitioners(1.0)
    assert complaints == Complaints()


def _visit(page: Page, url: str, path: str) -> None:
    page.goto(f"{url}/{path}")
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(TITLES[path])
    sound(page)


def _see_everything(page: Page, url: str) -> None:
    for path, known in KNOWN.items():
        _visit(page, url, path)
        expect(page.locator(known).first).to_be_visible(timeout=MINUTE)


def _what_was_known_stays(page: Page, url: str) -> None:
    """The same data as before, how old it is, and why nothing newer is there."""
    for path, known in KNOWN.items():
        _visit(page, url, path)
        said = page.get_by_role("status").filter(has_text=OLD).first
        expect(said).to_be_visible(timeout=2 * MINUTE)
        expect(said).to_contain_text(re.compile(r"shown as it was .* ago"))
        expect(said.locator("p")).to_have_text(re.compile(r"\w+ .*\w+"))
        expect(page.locator(known).first).to_be_visible()
    page.goto(f"{url}/audit")
    expect(page.get_by_text("Chain verified")).to_be_visible()


def _nobody_can_sign_in(page: Page, url: str) -> None:
    """Who asks to sign in now is told why it is not possible, and may try again."""
    page.goto(f"{url}/models")
    button(page, "sign_in").click()
    expect(page.get_by_text("The identity provider does not answer.")).to_be_visible(timeout=MINUTE)
    expect(button(page, "sign_in")).to_be_enabled()


def _nothing_may_be_decided(page: Page, url: str, number: int) -> None:
    """A verdict would be about what is no longer known: each button says since when, and why."""
    page.goto(f"{url}/pull-requests?number={number}")
    expect(page.get_by_role("heading", level=1)).to_have_text(DISCUSSED.title)
    for key in ("request_changes", "approve", "merge"):
        expect(button(page, key)).to_be_disabled(timeout=2 * MINUTE)
    assert re.search(r"does not answer: what is shown is of .* ago", refusal(page, "request_changes"))


def _decide(page: Page, url: str, number: int) -> None:
    """The same button, once GitHub is back: nobody has started anything again."""
    page.goto(f"{url}/pull-requests?number={number}")
    give_reason(page, REASON)
    expect(button(page, "request_changes")).to_be_enabled(timeout=BACK)
    button(page, "request_changes").click()
    wishes = page.locator("section.wishes")
    expect(wishes).to_contain_text(REASON)
    expect(wishes).to_contain_text("Changes requested as lead.", timeout=2 * MINUTE)


def _everything_is_live_again(page: Page, url: str) -> None:
    for path, known in KNOWN.items():
        _visit(page, url, path)
        expect(page.get_by_text(OLD)).to_have_count(0, timeout=BACK)
        expect(page.locator(known).first).to_be_visible()
    expect(page.get_by_label("Services that do not answer")).to_have_count(0)
