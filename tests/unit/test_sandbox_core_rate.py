"""How often practitioners ask: low, shaped by the day, bounded always."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.control.handlers.practitioners import held
from sandbox.control.rate import BUSY, FASTEST, Rate, day_shape

NOON = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def test_day_peaks_at_noon_and_is_quiet_at_night():
    hours = [day_shape(NOON.replace(hour=hour, minute=30)) for hour in range(24)]
    assert hours.index(max(hours)) == 12
    assert day_shape(NOON) == pytest.approx(1.0)
    assert hours[0] < 0.12
    assert all(0.1 <= value <= 1 for value in hours)


def test_busy_ends_by_itself_after_ten_minutes():
    busy = Rate().changed("busy", NOON)
    assert busy.per_second(NOON + timedelta(minutes=9, seconds=59)) == BUSY
    assert busy.per_second(NOON + timedelta(minutes=10)) <= 1.0


def test_plus_and_minus_change_what_is_in_force():
    assert Rate().changed("plus", NOON).peak == 2.0
    assert Rate().changed("minus", NOON).peak == 0.5
    assert Rate().changed("busy", NOON).changed("plus", NOON).per_second(NOON) == FASTEST
    assert Rate().changed("busy", NOON).changed("minus", NOON).per_second(NOON) == BUSY / 2
    assert Rate().changed("busy", NOON).changed("daily", NOON) == Rate()


@given(st.lists(st.sampled_from(["minus", "plus", "busy", "daily"]), max_size=30), st.integers(0, 86_400))
def test_no_sequence_of_buttons_exceeds_the_bound(changes, seconds):
    rate = Rate()
    for change in changes:
        rate = rate.changed(change, NOON)
    assert 0 < rate.per_second(NOON + timedelta(seconds=seconds)) <= FASTEST


@pytest.mark.parametrize("per_second", [0, 0.5, 20])
def test_rate_set_by_hand_holds_for_its_time(per_second):
    rate = held({"per_second": per_second, "seconds": 30}, Rate(), NOON)
    assert rate.per_second(NOON + timedelta(seconds=29)) == per_second
    assert not rate.is_fixed(NOON + timedelta(seconds=30))


def test_null_goes_back_to_the_shape_of_the_day():
    assert held({"per_second": None}, Rate().changed("busy", NOON), NOON) == Rate()


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({}, "per_second"),
        ([1], "per_second"),
        ({"per_second": "many"}, "must be a number"),
        ({"per_second": True}, "must be a number"),
        ({"per_second": 21}, "between 0 and 20"),
        ({"per_second": -1}, "between 0 and 20"),
        ({"per_second": float("nan")}, "between 0 and 20"),
        ({"per_second": 1, "seconds": 0}, "seconds must be"),
        ({"per_second": 1, "seconds": 1e300}, "seconds must be"),
    ],
)
def test_impossible_rate_is_refused(wanted, problem):
    with pytest.raises(ValueError, match=problem):
        held(wanted, Rate(), NOON)
