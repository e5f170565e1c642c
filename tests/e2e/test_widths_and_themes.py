"""Every page, light and dark, on a wide and on a narrow screen: nothing is cut off and nothing is blocked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browsing import MINUTE, Complaints, settled, sideways
from playwright.sync_api import Page, expect

from tests.made_world import MadeWorld

WIDTHS = (1440, 1100)
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(11, 15, 22)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits(
    made_world: MadeWorld, enter: Callable[..., Page], complaints: Complaints, scheme: str
) -> None:
    page = enter(made_world.console(), "Lee Lead", color_scheme=scheme)
    for path in _pages(made_world):
        page.goto(f"{made_world.console()}/{path}")
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=MINUTE)
        expect(page.locator("[role=alert]")).to_have_count(0)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            expect(page.get_by_test_id("stMain")).to_be_visible()
            assert sideways(page) == [], f"{path or 'overview'} at {width} in the {scheme} theme"
    assert complaints == Complaints()


def _pages(world: MadeWorld) -> list[str]:
    """Every address that the menu and the lists lead to, with something of this world selected where one can."""
    pulls = world.lead.read("pr", "list")
    runs = world.lead.read("runs", "list")
    promotions = world.lead.read("audit", "list", "--subject", "promotion/*")
    compared = ",".join(f"{run['workspace']}/{run['id']}" for run in runs[:2])
    return [
        "",
        "pull-requests",
        *(f"pull-requests?number={pull['number']}" for pull in pulls[:2]),
        "experiments",
        f"experiments?compare={compared}",
        "models",
        "models?version=1",
        "deployments",
        "deployments?version=1",
        f"deployments?promotion={promotions[0]['subject'].partition('/')[2]}",
        "monitoring?range=15+min",
        "audit",
    ]
