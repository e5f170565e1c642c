"""A tab that nobody touches stops polling, says how old its numbers are, and goes on at a click."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hospital_models
import pytest
from visitors import text

from backend.domain.clock import utc_now
from backend.domain.promotions import Kind
from console import topics
from console.viewmodels.idleness import IDLE_SECONDS, SHIFT_SECONDS, idle, paused_line

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def left_alone(app, seconds):
    """The tab draws itself again, `seconds` after somebody last did something in it."""
    app.session_state["live_touched"] = utc_now() - timedelta(seconds=seconds)
    app.session_state["live_redraws"] = True
    return app.run()


def resume(app):
    return next((button for button in app.button if button.key == "live_resume"), None)


@pytest.fixture
def promoting(world):
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    return world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable)


@pytest.mark.parametrize(("waited", "expected"), [(0, False), (899, False), (900, True), (90_000, True)])
def test_a_tab_is_idle_after_a_quarter_of_an_hour(waited, expected):
    assert idle(NOON, NOON + timedelta(seconds=waited), IDLE_SECONDS) is expected


def test_the_paused_line_has_a_time_that_does_not_age():
    assert paused_line(NOON, NOON + timedelta(minutes=21)) == "Paused. Shown as of 12:00 UTC, 21 min ago."
    assert paused_line(NOON, NOON + timedelta(days=3)) == "Paused. Shown as of 26 Nov 12:00 UTC, 3 days ago."


@pytest.mark.parametrize("page", ["overview", "pull_requests", "experiments", "models", "deployments", "audit"])
def test_a_page_that_nobody_touches_pauses_and_keeps_what_it_shows(visit, world, page):
    app = visit(f"views/{page}.py")
    shown = text(app)
    assert resume(app) is None
    paused = left_alone(app, IDLE_SECONDS + 1)
    assert "Paused. Shown as of" in text(paused)
    assert resume(paused) is not None
    assert len(text(paused)) > 0.9 * len(shown)


def test_a_click_anywhere_keeps_a_tab_awake(visit, world):
    app = visit("views/pull_requests.py")
    app.session_state["live_touched"] = utc_now() - timedelta(seconds=IDLE_SECONDS + 1)
    app.text_input(key="q").set_value("boosting").run()
    assert "Paused" not in text(app)
    assert "Paused" not in text(left_alone(app, IDLE_SECONDS - 30))


def test_resuming_shows_at_once_what_is_known_by_now(visit, world):
    app = left_alone(visit("views/pull_requests.py"), IDLE_SECONDS + 1)
    world.wired.snapshots.put(topics.pulls(), ())
    assert "No open pull request" not in text(app)
    resume(app).click().run()
    assert "Paused" not in text(app)
    assert "No open pull request" in text(app)


def test_the_tracker_of_a_running_promotion_is_watched_for_a_shift(visit, world, promoting):
    app = visit("views/deployments.py", promotion=promoting.id)
    assert "Paused. Shown" not in text(left_alone(app, SHIFT_SECONDS - 60))
    assert "Paused. Shown" in text(left_alone(app, SHIFT_SECONDS + 1))


def test_a_tracker_of_the_past_pauses_like_any_page(visit, world):
    done = next(p for p in world.wired.backend.promotions.recent() if p.phase.final)
    app = visit("views/deployments.py", promotion=done.id)
    assert "Paused. Shown" in text(left_alone(app, IDLE_SECONDS + 1))
