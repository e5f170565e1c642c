"""What is selected stands in the browser's address and outlives the next click."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from browsing import MINUTE
from playwright.sync_api import Page, expect

from tests.made_world import MadeWorld

pytestmark = pytest.mark.recovery


def test_a_link_to_another_part_of_the_same_page_is_where_one_stays(
    made_world: MadeWorld, enter: Callable[..., Page]
) -> None:
    page = enter(f"{made_world.console()}/experiments", "Sam Scientist")
    page.get_by_role("link", name="New run").click()
    changes = page.get_by_label("Changes, one a line")
    expect(changes).to_be_visible(timeout=MINUTE)
    expect(page).to_have_url(re.compile(r"experiments\?.*new=run"))
    changes.fill("logistic.reg_rate = 0.001, 0.01")
    changes.press("Control+Enter")
    expect(page.get_by_role("button", name="Start the sweep of 2 runs")).to_be_visible()
    expect(page).to_have_url(re.compile(r"experiments\?.*new=run"))
