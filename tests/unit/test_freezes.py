"""Freeze windows: when they hold, until when, and how wrong ones are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from backend.domain.gates import FindingState
from backend.policy.blockers import of_window
from backend.policy.freezes import frozen, window_finding
from backend.settings_project import Freeze

NIGHTS = Freeze(reason="nobody is there at night", days=("mon", "tue"), start="18:00", end="08:00")
WEEKEND = Freeze(reason="weekend", days=("sat", "sun"))
HOLIDAYS = Freeze(reason="holidays", begins=datetime(2026, 12, 24), ends=datetime(2027, 1, 2, 8, tzinfo=UTC))  # noqa: DTZ001  # TOML's local moments mean UTC here


def at(day, hour, minute=0, month=11):
    """November 2026 begins on a Sunday."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("case", "freezes", "now", "until"),
    [
        ("before the evening", [NIGHTS], at(2, 17, 59), None),
        ("the evening begins", [NIGHTS], at(2, 18), at(3, 8)),
        ("after midnight", [NIGHTS], at(3, 7, 59), at(3, 8)),
        ("the morning", [NIGHTS], at(3, 8), None),
        ("the night after the last day", [NIGHTS], at(4, 3), at(4, 8)),
        ("another day", [NIGHTS], at(5, 20), None),
        ("a whole weekend is one window", [WEEKEND], at(7, 0), at(9, 0)),
        ("its last minute", [WEEKEND], at(8, 23, 59), at(9, 0)),
        ("over", [WEEKEND], at(9, 0), None),
        ("once", [HOLIDAYS], at(24, 0, month=12), datetime(2027, 1, 2, 8, tzinfo=UTC)),
        ("once, before", [HOLIDAYS], at(23, 23, 59, month=12), None),
        ("two that touch", [WEEKEND, Freeze(reason="audit", days=("mon",), end="12:00")], at(7, 5), at(9, 12)),
        ("nothing declared", [], at(7, 5), None),
    ],
)
def test_windows(case, freezes, now, until):
    found = frozen(freezes, now)
    assert (found.until if found else None) == until, case
    state = FindingState.FAIL if until else FindingState.PASS
    assert (window_finding(freezes, now).group, window_finding(freezes, now).state) == ("Window", state)


def test_a_closed_window_is_a_blocker_that_clears_by_itself():
    (blocker,) = of_window(frozen([WEEKEND], at(7, 5)))
    assert (blocker.hard, blocker.until) == (True, at(9, 0))
    assert blocker.why.startswith("Frozen until Mon 09 Nov 00:00 UTC: weekend. Rolling back")
    assert of_window(None) == ()


def test_a_reason_that_is_a_sentence_keeps_one_full_stop():
    moved = Freeze(reason="The wards move.", begins=at(9, 0), ends=at(10, 0))
    (blocker,) = of_window(frozen([moved], at(9, 12)))
    assert "UTC: The wards move. Rolling back is possible" in blocker.why


def test_a_freeze_without_any_gap_ends_the_looking():
    always = Freeze(reason="for ever", days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
    assert frozen([always], at(7, 5)).until > at(30, 0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "either days, or both"),
        ({"days": ["mon"], "begins": at(1, 1), "ends": at(2, 1)}, "either days, or both"),
        ({"begins": at(1, 1)}, "either days, or both"),
        ({"days": ["mon"], "ends": at(1, 1)}, "either days, or both"),
        ({"begins": at(2, 1), "ends": at(1, 1)}, "ends after it begins"),
        ({"days": ["monday"]}, "'mon'"),
        ({"days": ["mon"], "start": "25:00"}, "start"),
    ],
)
def test_a_wrong_freeze_is_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        Freeze.model_validate({"reason": "because"} | fields)
