"""A pull request whose title was written to deceive: people read it as the text it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import MINUTE, Complaints, row_of, settled, sideways
from playwright.sync_api import Page, expect

from sandbox.demo.branches import Branch
from sandbox.demo.first_world import REPOSITORY
from tests.made_world import MadeWorld

MARKUP = (
    "**bold** :red[alarm] [link](https://evil.example/x) ![seen](https://evil.example/seen.png) $\\int$ `code`"
    " <img src=https://evil.example/i.png onerror=\"document.body.dataset.hurt='yes'\">"
    "<script>document.body.dataset.hurt='yes'</script><style>body{display:none}</style>"
)
TITLE = f"{MARKUP} \u202egnp.lacimonocE\u2066 \x07\x1b[31m\r\n\t" + "x" * 10_000
BODY = f'# {MARKUP}\n<iframe src="https://evil.example/"></iframe>\n\u202etfel ot thgir'


def _note(tree: Path) -> None:
    (tree / "NOTES.md").write_text("Nothing to see.\n")


DECEIVER = Branch("deceiver", "feature/<b>deceiver</b>", "Opened with a plain title", BODY, _note)


@pytest.mark.recovery
def test_a_deceiving_title_is_read_as_text(
    made_world: MadeWorld, enter: Callable[..., Page], complaints: Complaints
) -> None:
    number = made_world.open_pull_request(DECEIVER)
    made_world.scientist.github(f"/repos/{REPOSITORY}/pulls/{number}", "PATCH", {"title": TITLE})
    url = made_world.console()
    page = enter(f"{url}/pull-requests", "Lee Lead", viewport={"width": 1100, "height": 900})
    row = row_of(page, f"pull_{number}")
    expect(row).to_contain_text(f"#{number} {MARKUP[:60]}", timeout=MINUTE)
    _harmless(page, made_world)
    assert row.bounding_box()["height"] < 160
    page.goto(f"{url}/pull-requests?number={number}")
    title = page.get_by_role("heading", level=1)
    expect(title).to_contain_text(MARKUP[:190])
    expect(page.locator(".prose")).to_contain_text(MARKUP)
    expect(page.locator(".meta")).to_contain_text(DECEIVER.name)
    assert len(title.inner_text()) <= 200
    assert "\u202e" not in title.inner_text()
    _harmless(page, made_world)
    page.goto(url)
    expect(page.locator(f".st-key-branch_{number}")).to_contain_text(f"#{number} {MARKUP[:40]}")
    _harmless(page, made_world)
    for path in (f"pull-requests?q={number}", "experiments?q=deceiver"):
        page.goto(f"{url}/{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settled(page)
        _harmless(page, made_world)
    assert complaints == Complaints()


def _harmless(page: Page, world: MadeWorld) -> None:
    """Nothing of the title became an element, ran, led away or pushed the page aside."""
    main = page.get_by_test_id("stMain")
    assert page.locator("body").get_attribute("data-hurt") is None
    expect(main.locator("a[href*='evil'], [src*='evil'], script, iframe")).to_have_count(0)
    expect(main.locator("strong:text-is('bold'), em, code:text-is('code'), .katex")).to_have_count(0)
    assert sideways(page) == []
