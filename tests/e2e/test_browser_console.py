"""Coming in, looking around and leaving, in a real browser."""

from __future__ import annotations

import psutil
import pytest
from browsing import settled, sign_in, sound
from playwright.sync_api import expect

pytestmark = pytest.mark.recovery

PAGES = {
    "overview": "Overview",
    "pull-requests": "Pull requests",
    "experiments": "Experiments",
    "models": "Models",
    "deployments": "Deployments",
    "monitoring": "Monitoring",
    "audit": "Audit",
    "setup": "Setup",
}


def test_sign_in_keeps_the_page_that_was_asked_for(console, visitor):
    sign_in(visitor, f"{console.url}/monitoring?range=15+min", "Lee Lead")
    expect(visitor).to_have_url(f"{console.url}/monitoring?range=15+min")
    expect(visitor.get_by_role("heading", name="Monitoring")).to_be_visible()
    expect(visitor.locator(".me")).to_contain_text("lead · approves and promotes")
    expect(visitor.locator(".label-box")).to_contain_text("Local, simulated patients")


def test_every_page_is_drawn_without_a_foreign_request_or_a_policy_violation(console, visitor, complaints):
    sign_in(visitor, console.url, "Vic Viewer")
    for path, title in PAGES.items():
        visitor.goto(f"{console.url}/{path}" if path != "overview" else console.url)
        settled(visitor)
        expect(visitor.get_by_role("heading", name=title, level=1)).to_be_visible()
        sound(visitor)
    assert complaints.policy == []
    assert complaints.outside == []


def test_the_menu_is_reached_and_used_by_keyboard(console, visitor):
    sign_in(visitor, console.url, "Otis Operator")
    visitor.get_by_role("link", name="Audit").focus()
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("heading", name="Audit", level=1)).to_be_visible()
    expect(visitor.get_by_text("Chain verified")).to_be_visible()


def test_signing_out_closes_every_page(console, visitor):
    sign_in(visitor, f"{console.url}/audit", "Lee Lead")
    visitor.locator(".st-key-sign_out button").click()
    expect(visitor.locator(".st-key-sign_in button")).to_be_visible()
    visitor.goto(f"{console.url}/audit")
    expect(visitor.locator(".st-key-sign_in button")).to_be_visible()
    expect(visitor.get_by_role("heading", name="Audit")).to_have_count(0)


def test_signing_out_ends_every_tab_and_every_copy_of_the_cookie(console, enter, window):
    first = enter(f"{console.url}/audit", "Lee Lead")
    second = first.context.new_page()
    second.goto(f"{console.url}/models")
    settled(second)
    expect(second.locator(".me")).to_contain_text("lead")
    other = enter(f"{console.url}/audit", "Dana Deputy")
    stolen = first.context.cookies()
    first.locator(".st-key-sign_out button").click()
    expect(first.locator(".st-key-sign_in button")).to_be_visible()
    second.get_by_role("link", name="Deployments").click()
    expect(second.get_by_text("You have signed out")).to_be_visible()
    thief = window()
    thief.context.add_cookies(stolen)
    thief.goto(f"{console.url}/audit")
    expect(thief.get_by_text("You have signed out")).to_be_visible()
    other.get_by_role("link", name="Models").click()
    expect(other.get_by_role("heading", name="Models", level=1)).to_be_visible()


def test_a_cookie_that_was_changed_signs_nobody_in(console, enter, window):
    page = enter(f"{console.url}/audit", "Vic Viewer")
    forger = window()
    changed = [dict(one, value=one["value"][:-2] + "xx") for one in page.context.cookies() if "user" in one["name"]]
    assert changed
    forger.context.add_cookies(changed)
    forger.goto(f"{console.url}/audit")
    expect(forger.locator(".st-key-sign_in button")).to_be_visible()


def test_a_sign_in_survives_a_restart_of_the_console(console, visitor):
    sign_in(visitor, f"{console.url}/models", "Lee Lead")
    console.stop()
    console.start()
    visitor.goto(f"{console.url}/models")
    expect(visitor.get_by_role("heading", name="Models", level=1)).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/deployments?version=1", "/audit"])
def test_nothing_is_shown_before_sign_in(console, visitor, path):
    visitor.goto(f"{console.url}{path}")
    expect(visitor.locator(".st-key-sign_in button")).to_be_visible()
    expect(visitor.locator("[data-testid=stSidebarNav]")).to_have_count(0)


def test_the_console_listens_on_loopback_only(console):
    listening = [
        found.laddr.ip
        for found in psutil.Process(console.process.pid).net_connections(kind="inet")
        if found.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_secrets_do_not_reach_the_log(console):
    settings = (console.home / "mlops.toml").read_text()
    secrets = [
        line.partition(" = ")[2].strip('"') for line in settings.splitlines() if "secret" in line or "token" in line
    ]
    assert secrets
    for secret in filter(None, secrets):
        assert secret not in console.log
