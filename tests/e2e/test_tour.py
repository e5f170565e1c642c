"""The tour: from a pull request to production and back, by people in their browsers, over real parts."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import (
    BLOCKS,
    MINUTE,
    Complaints,
    accept_advisories,
    barriers,
    below_the_fold,
    button,
    decide_by_keyboard,
    give_reason,
    refusal,
    row_of,
    settled,
    sideways,
)
from playwright.sync_api import Locator, Page, ViewportSize, expect

from sandbox.demo.branches import BRANCHES
from tests.made_world import MadeWorld

CALM, BUSY = 3.0, 12.0
"""Practitioners' calls per second: calm ones let a slow browser see the first step, busy ones shorten the others."""
WIDE, NARROW = ViewportSize(width=1440, height=900), ViewportSize(width=1100, height=900)
MERGE_REASON = "Better on the same holdout, and the checks are green."
PROMOTE_REASON = "Fewer missed and fewer false alarms; agreed in the review."
BACK_REASON = "Rehearse the way back to the earlier version."
HOLD_REASON = "The rehearsal is over and went well."
OWNED = {branch.key: branch for branch in BRANCHES if branch.key in ("challenger", "worse")}


@dataclass(frozen=True)
class Tour:
    """A world with version 1 in service, its console, and the pull requests by their branches' keys."""

    world: MadeWorld
    url: str
    enter: Callable[..., Page]
    numbers: dict[str, int]

    def pull(self, key: str) -> str:
        return f"{self.url}/pull-requests?number={self.numbers[key]}"


@pytest.fixture
def tour(made_world: MadeWorld, enter: Callable[..., Page]) -> Iterator[Tour]:
    numbers = {key: made_world.open_pull_request(branch) for key, branch in OWNED.items()}
    yield Tour(made_world, made_world.console(), enter, numbers)
    made_world.practitioners(1.0)


def picture(page: Page, name: str) -> None:
    """Keep what is seen now where `MLOPS_PICTURES` asks for it."""
    folder = os.environ.get("MLOPS_PICTURES")
    if folder:
        settled(page)
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_a_change_goes_to_production_and_back(tour: Tour, complaints: Complaints) -> None:
    lead = tour.enter(tour.url, "Lee Lead")
    _find_the_pull_requests(tour, lead)
    _read_the_challenger(tour, lead)
    _the_author_may_not_decide(tour)
    _a_deputy_connects_github_and_approves(tour)
    _merge(tour, lead)
    _wait_for_the_new_version(tour, lead)
    _a_viewer_sees_but_may_not(tour)
    promoted = _decide_in_two_tabs_at_once(tour, lead)
    _follow_with_closed_tabs(tour, lead, promoted)
    _see_it_serving(tour, lead)
    _roll_back(tour, lead)
    _find_it_in_the_ledger(tour, lead)
    _lift_the_hold(tour, lead)
    assert complaints == Complaints()


def _find_the_pull_requests(tour: Tour, page: Page) -> None:
    """From the overview to the list, which waits for the checks by itself and then tells their results."""
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.get_by_role("link", name="Pull requests").first.click()
    expect(page.get_by_role("heading", name="Pull requests", level=1)).to_be_visible()
    for key, branch in OWNED.items():
        row = row_of(page, f"pull_{tour.numbers[key]}")
        # GitHub is asked every 25 s what is open.
        expect(row).to_contain_text(branch.title, timeout=MINUTE)
        expect(row).to_contain_text("scientist")
        expect(row).to_contain_text(re.compile(r"Checks pass|Mergeable"), timeout=10 * MINUTE)
    expect(row_of(page, f"pull_{tour.numbers['worse']}")).to_contain_text("worse")
    expect(row_of(page, f"pull_{tour.numbers['challenger']}")).to_contain_text("better")
    picture(page, "pull-requests")
    page.goto(tour.pull("worse"))
    expect(page.locator("section.comparison")).to_contain_text(re.compile(r"AUC .*: worse, difference −0\."))


def _read_the_challenger(tour: Tour, page: Page) -> None:
    """Description, files and diff, checks with reasons, and the comparison with interval and verdict."""
    page.goto(f"{tour.url}/pull-requests")
    page.locator(f".st-key-pull_{tour.numbers['challenger']}").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(OWNED["challenger"].title)
    expect(page).to_have_url(tour.pull("challenger"))
    expect(page.locator(".prose")).to_contain_text("the reference model cannot follow it")
    changed = page.locator("section.files")
    expect(changed).to_contain_text("training/params.toml")
    expect(changed.locator("span.add")).to_contain_text('+model = "hist_gradient_boosting"')
    expect(changed.locator("span.del")).to_contain_text('-model = "logistic"')
    checks = page.locator("section.checks")
    expect(checks.get_by_role("row").filter(has_text="quality-gate")).to_contain_text("required")
    expect(checks.get_by_role("row").filter(has_text="quality-gate")).to_contain_text("passed")
    comparison = page.locator("section.comparison")
    expect(comparison).to_contain_text(
        re.compile(r"AUC .*: better, difference \+0\.\d+, 95 % interval \[\+?0\.\d+, \+?0\.\d+\]")
    )
    expect(comparison).to_contain_text("patients in both sides: 0")
    expect(comparison.get_by_role("row").filter(has_text="AUC")).to_contain_text("better")
    picture(page, "pull-request")


def _the_author_may_not_decide(tour: Tour) -> None:
    """The scientist who opened it sees the button, disabled, and why."""
    page = tour.enter(tour.pull("challenger"), "Sam Scientist")
    expect(page.get_by_role("heading", level=1)).to_have_text(OWNED["challenger"].title)
    assert "scientist" in refusal(page, "approve_and_merge")
    assert "role" in refusal(page, "approve")
    page.context.close()


def _a_deputy_connects_github_and_approves(tour: Tour) -> None:
    """Nothing is done on GitHub under a name that was not lent: one consent page lends it."""
    page = tour.enter(tour.pull("challenger"), "Dana Deputy")
    assert "Connect GitHub first" in refusal(page, "approve")
    page.get_by_role("link", name="Connect GitHub").click()
    expect(page).to_have_url(re.compile(rf"^http://127\.0\.0\.1:{tour.world.ports.browser}/login/oauth/authorize\?"))
    page.get_by_text("Dana Deputy", exact=True).click()
    expect(page).to_have_url(re.compile(rf"^{tour.url}/pull-requests\?number={tour.numbers['challenger']}"))
    expect(page.get_by_text("GitHub is connected")).to_be_visible()
    expect(page.get_by_role("link", name="Connect GitHub")).to_have_count(0)
    give_reason(page, "The same split and seed; nothing else has changed.")
    button(page, "approve").click()
    expect(page.locator("section.wishes")).to_contain_text("Approved as deputy.", timeout=2 * MINUTE)
    page.context.close()


def _merge(tour: Tour, page: Page) -> None:
    expect(page.locator(".meta")).to_contain_text("approved by deputy", timeout=MINUTE)
    give_reason(page, MERGE_REASON)
    button(page, "approve_and_merge").click()
    expect(page.locator("section.wishes")).to_contain_text(MERGE_REASON)
    expect(page.locator(".head .pill")).to_contain_text("Merged", timeout=2 * MINUTE)
    assert "closed" in refusal(page, "approve_and_merge")
    tour.world.practitioners(CALM)


def _wait_for_the_new_version(tour: Tour, page: Page) -> None:
    """The merge retrains, registers and tests by itself; the list of versions follows it without a reload."""
    page.get_by_role("link", name="Models").first.click()
    row = row_of(page, "version_2")
    expect(row).to_be_visible(timeout=10 * MINUTE)
    expect(row).to_contain_text("Ready", timeout=5 * MINUTE)
    page.locator(".st-key-version_2").get_by_role("link").click()
    expect(page.get_by_text(f"#{tour.numbers['challenger']}").first).to_be_visible()


def _a_viewer_sees_but_may_not(tour: Tour) -> None:
    page = tour.enter(f"{tour.url}/deployments?version=2", "Vic Viewer")
    expect(page.get_by_role("heading", level=1)).to_contain_text("v2 to production")
    assert "role lead" in refusal(page, "promote")
    assert "role lead" in refusal(page, "approve")
    page.context.close()


def _decide_in_two_tabs_at_once(tour: Tour, page: Page) -> str:
    """The effect and the evidence; then a double click here and another click there are one promotion."""
    page.get_by_role("link", name="Deployments").first.click()
    page.locator(".st-key-decide_2").get_by_role("link").click()
    _read_the_decision(page)
    picture(page, "decision")
    _it_fits_and_prints(page)
    twin = page.context.new_page()
    twin.goto(f"{tour.url}/deployments?version=2")
    _read_the_decision(twin)
    assert "Accept what is advisory first" in refusal(page, "promote")
    stops = decide_by_keyboard(page, PROMOTE_REASON)
    assert [stop for stop in stops if stop.startswith("accept_")]
    give_reason(twin, PROMOTE_REASON)
    accept_advisories(twin)
    button(page, "promote").dblclick()
    button(twin, "promote").click(force=True)
    for tab in (page, twin):
        expect(tab.locator("section.live-traffic")).to_be_visible()
        expect(tab).to_have_url(re.compile(r"promotion=\w+"))
    assert page.url == twin.url
    twin.close()
    page.goto(f"{tour.url}/deployments")
    expect(page.get_by_role("link", name="Promote v2", exact=True)).to_have_count(1)
    page.get_by_role("link", name="Promote v2", exact=True).click()
    expect(page).to_have_url(re.compile(r"promotion=\w+"))
    return page.url


def _read_the_decision(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("v2 to production")
    expect(page.locator(".head .pill")).to_contain_text("Ready")
    expect(page.locator(".meta")).to_contain_text("in steps 10 → 50 → 100 %")
    expect(page.locator("section.champion")).to_contain_text("better")
    blockers = page.locator(".st-key-card_blockers")
    expect(blockers).to_contain_text("v2 has not been approved")
    expect(blockers).to_contain_text("patients get another answer")
    expect(blockers.locator("li.bad")).to_have_count(0)
    expect(page.locator("section.now-next")).to_contain_text("Model digest")
    expect(page.get_by_text(re.compile(r"fewer missed")).first).to_be_visible()
    expect(page.locator("section.card").filter(has_text="Live health")).to_contain_text("Errors", timeout=MINUTE)
    expect(button(page, "promote")).to_contain_text("Approve and promote v2")
    expect(page.get_by_role("button", name=re.compile(r"^\W*Promote v2"))).to_have_count(0)


def _it_fits_and_prints(page: Page) -> None:
    """One screen holds everything that decides, one sheet of paper all that was decided on, in both themes."""
    expect(page.locator("section.why")).to_contain_text(OWNED["challenger"].title[:20], timeout=MINUTE)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        assert below_the_fold(page) == [], scheme
        assert barriers(page) == [], scheme
        page.set_viewport_size(NARROW)
        assert sideways(page) == [], scheme
        page.set_viewport_size(WIDE)
    page.emulate_media(media="print")
    for gone in ("[data-testid=stSidebar]", ".st-key-promote", ".st-key-reject", ".st-key-crumbs"):
        expect(page.locator(gone).first).to_be_hidden()
    for kept in (*BLOCKS[:-2], ".bound", "section.now-next h2"):
        expect(page.locator(kept).first).to_be_visible()
    page.emulate_media(media="screen")
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) == 1


def _follow_with_closed_tabs(tour: Tour, page: Page, address: str) -> None:
    """Live numbers at 10 %; nobody looks while worker and cloud are killed; another tab finds it further on."""
    state, counted = page.locator(".head .pill"), _measured(page, "Calls")
    expect(state).to_contain_text("At 10 %", timeout=5 * MINUTE)
    expect(page.locator(".split")).to_have_attribute(
        "aria-label", re.compile(r"stable v1-\w+ 90 percent, candidate v2-\w+ 10 percent")
    )
    expect(counted).to_have_text(re.compile(r"^[1-9]"), timeout=2 * MINUTE)
    before = counted.inner_text()
    expect(counted).not_to_have_text(before, timeout=2 * MINUTE)
    picture(page, "tracker")
    other = page.context.new_page()
    page.goto("about:blank")
    tour.world.crash("worker", "sandbox")
    tour.world.practitioners(BUSY)
    other.goto(address)
    state = other.locator(".head .pill")
    expect(state).to_contain_text(re.compile(r"At (50|100) %|Succeeded"), timeout=5 * MINUTE)
    expect(state).to_contain_text("Succeeded", timeout=5 * MINUTE)
    for weight in ("10 %", "50 %", "100 %"):
        expect(other.locator(".steps-card li.done").filter(has=other.locator(f'b:text-is("{weight}")'))).to_have_count(
            1
        )
    expect(other.locator(".split")).to_have_attribute("aria-label", re.compile(r"v2-\w+ 100 percent"))
    other.close()


def _measured(page: Page, metric: str) -> Locator:
    """The second cell of a row of the analysis."""
    return page.locator("section.analysis tr").filter(has=page.locator(f'td:text-is("{metric}")')).locator("td").nth(1)


def _see_it_serving(tour: Tour, page: Page) -> None:
    page.goto(f"{tour.url}/monitoring?range=15+min")
    served = tour.world.lead.read("endpoint", "score")
    assert served["model_version"] == "2"
    expect(page.locator(".rail")).to_contain_text(re.compile(r"v2-\w+ serves 100 %"))
    summary = page.locator("section.summary")
    expect(summary).to_contain_text(served["deployment"], timeout=2 * MINUTE)
    expect(page.locator("section.callers")).to_contain_text("practitioner")
    expect(page.locator(".stPlotlyChart").first).to_be_visible()
    picture(page, "monitoring")


def _roll_back(tour: Tour, page: Page) -> None:
    """The earlier version is still warm: it serves again within seconds."""
    page.get_by_role("link", name="Deployments").first.click()
    expect(page.get_by_text("is still warm: seconds")).to_be_visible()
    button(page, "roll_back").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(BACK_REASON)
    dialog.get_by_label("Reason").press("Tab")
    dialog.get_by_role("button", name="Roll back to v1").click()
    began = time.monotonic()
    expect(page.locator(".rail")).to_contain_text(re.compile(r"v1-\w+ serves 100 %"), timeout=MINUTE)
    assert time.monotonic() - began < 60
    assert tour.world.lead.read("endpoint", "score")["model_version"] == "1"
    expect(page.get_by_text("Promotions are held")).to_be_visible(timeout=MINUTE)


def _find_it_in_the_ledger(tour: Tour, page: Page) -> None:
    """Who decided what and why, each once, in a chain that is whole."""
    page.goto(f"{tour.url}/audit?actor=lead")
    expect(page.get_by_text("Chain verified")).to_be_visible()
    ledger = page.get_by_role("table", name="Ledger")
    for reason in (MERGE_REASON, PROMOTE_REASON, BACK_REASON):
        expect(ledger.get_by_role("row").filter(has_text=reason).first).to_contain_text("lead")
    page.goto(f"{tour.url}/audit?actor=deputy")
    expect(ledger).to_contain_text("The same split and seed; nothing else has changed.")
    assert tour.world.lead.read("audit", "verify")["whole"]


def _lift_the_hold(tour: Tour, page: Page) -> None:
    """The next decision is possible again, and that too has a name and a reason."""
    page.goto(f"{tour.url}/deployments")
    button(page, "lift_hold").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(HOLD_REASON)
    dialog.get_by_label("Reason").press("Tab")
    dialog.get_by_role("button", name="Lift the hold").click()
    expect(page.get_by_text("Promotions are held")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
