"""What a person does in the browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def sign_in(page: Page, url: str, name: str) -> None:
    """Open a page of the console as one of the accounts."""
    page.goto(url)
    page.locator(".st-key-sign_in button").click()
    page.get_by_text(name, exact=True).click()
    settled(page)
    expect(page.locator(".me")).to_be_visible()


def settled(page: Page) -> None:
    """Wait until the script has run to its end."""
    app = page.locator("[data-testid=stApp][data-test-script-state]")
    expect(app).not_to_have_attribute("data-test-script-state", "running")
