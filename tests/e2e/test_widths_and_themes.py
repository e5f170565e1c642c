"""Every page, light and dark, on a wide and on a narrow screen: nothing is cut off, blocked or barred to anybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browsing import MINUTE, Complaints, barriers, settled, sideways, sound
from playwright.sync_api import Page, expect

from tests.made_world import MadeWorld

pytestmark = pytest.mark.recovery
"""The tour looks at the page that decides, in both widths and themes."""

WIDTHS = (1440, 1100)
INK = {"light": "rgb(26, 31, 43)", "dark": "rgb(228, 232, 239)"}


def test_every_page_fits_and_follows_the_theme(
    made_world: MadeWorld, enter: Callable[..., Page], complaints: Complaints
) -> None:
    url = made_world.console()
    page = enter(url, "Lee Lead")
    for path in _pages(made_world):
        page.goto(f"{url}/{path}")
        title = page.get_by_role("heading", level=1)
        expect(title).to_be_visible(timeout=MINUTE)
        settled(page)
        sound(page)
        for scheme, ink in INK.items():
            page.emulate_media(color_scheme=scheme)
            expect(title).to_have_css("color", ink)
            settled(page)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert sideways(page) == [], f"{path or 'overview'} at {width} in the {scheme} theme"
            assert barriers(page) == [], f"{path or 'overview'} in the {scheme} theme"
    assert complaints == Complaints()


@pytest.mark.parametrize("place", ["[data-testid=stMain] h1", "section.card table"])
def test_what_is_too_wide_is_found(made_world: MadeWorld, enter: Callable[..., Page], place: str) -> None:
    page = enter(f"{made_world.console()}/deployments", "Vic Viewer")
    expect(page.locator(place).first).to_be_visible()
    settled(page)
    page.locator(place).first.evaluate("e => { e.style.minWidth = '3000px' }")
    assert sideways(page) != []


def test_a_barrier_is_found(made_world: MadeWorld, enter: Callable[..., Page]) -> None:
    page = enter(f"{made_world.console()}/deployments", "Vic Viewer")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_visible()
    heading.evaluate("e => { e.innerHTML = '<img src=data:,><span style=color:#eee;background:#fff>pale</span>' }")
    assert {found.split(":")[0] for found in barriers(page)} >= {"image-alt", "color-contrast"}


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
        "monitoring?section=Behaviour",
        "monitoring?section=Alerts",
        "contract",
        "inbox",
        "audit",
        "setup",
    ]
