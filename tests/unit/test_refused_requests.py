"""Requests that the model refused: counted by field, laid beside the week before, told where they become more."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from backend.domain.behaviour import Asked, Standing
from backend.domain.signals import SignalState
from backend.errors import RemoteUnavailable
from backend.gateways.monitor.logs import as_fields
from backend.policy.refusals import refusals
from tests.recovery.cloud import PRODUCTION
from tests.unit.test_behaviour_watch import Watched
from tests.unit.test_drift import SURE


@pytest.fixture
def watched(ready):
    return Watched(ready)


def refusals_of(watched):
    watched.watch.look()
    (signal,) = [one for one in watched.behaviour.signals(PRODUCTION) if one.rule == "refused-requests"]
    return watched.behaviour.newest(PRODUCTION).refusals, signal


def test_refused_requests_are_counted_by_field_and_fire_where_they_become_more(watched):
    watched.refused = {"Age": 1, "BMI": 1}
    found, signal = refusals_of(watched)
    assert (found.calls, found.refused, found.earlier_calls, found.earlier_refused) == (480, 2, 3360, 7)
    assert (found.standing, signal.state) == (Standing.IN_BAND, SignalState.QUIET)
    watched.refused = {"Age": 3, "BMI": 40}
    found, signal = refusals_of(watched)
    assert [(one.name, one.refused) for one in found.fields] == [("BMI", 40), ("Age", 3)]
    assert (signal.state, signal.value, signal.n, signal.limit) == (SignalState.FIRING, 43.0, 480, found.limit)
    assert found.limit < 43
    assert "43 of 480 calls were refused for what they held, 40 of them for BMI" in signal.words
    assert signal.chart == "section=Behaviour&chart=refused"


def test_refusals_of_few_calls_say_nothing_and_a_log_that_is_away_is_a_problem(watched):
    watched.calls, watched.refused = 40, {"BMI": 40}
    found, signal = refusals_of(watched)
    assert (found.standing, signal.state) == (Standing.TOO_LITTLE, SignalState.UNKNOWN)
    watched.refused = RemoteUnavailable("no answer", service="Azure Monitor", operation="count refused requests")
    watched.watch.look()
    newest = watched.behaviour.newest(PRODUCTION)
    assert newest.refusals is None
    assert newest.watch.problems[0].startswith("Refused requests cannot be counted")
    assert "refused-requests" not in {one.rule for one in watched.behaviour.signals(PRODUCTION)}


def test_what_the_log_does_not_name_is_told_as_such_and_quiet_weeks_raise_nothing():
    began = datetime(2026, 11, 27, tzinfo=UTC)
    now = Asked(since=began, until=began, calls=50_000, refused=60, fields={"BMI": 50})
    found = refusals(now, now.model_copy(update={"calls": 350_000, "refused": 350}), SURE)
    assert [(one.name, one.refused) for one in found.fields] == [("BMI", 50), ("not named", 10)]
    assert (found.limit > 60, found.standing) == (True, Standing.IN_BAND)
    days = np.random.default_rng(9).binomial(480, 0.004, 2000)
    loud = 0
    for day in range(7, len(days)):
        before = now.model_copy(update={"calls": 7 * 480, "refused": int(days[day - 7 : day].sum()), "fields": {}})
        today = now.model_copy(update={"calls": 480, "refused": int(days[day]), "fields": {}})
        loud += refusals(today, before, SURE).standing is Standing.OUT
    assert loud == 0


def test_lines_that_are_cut_or_of_another_program_name_no_field():
    told = 'x mlops-refused {"field":"BMI"}'
    odd = [
        'mlops-refused {"fie',
        'mlops-refused {"field":3}',
        'mlops-refused {"field":"' + "a" * 41 + '"}',
        "BMI",
        told,
        told,
    ]
    assert as_fields(odd) == {"BMI": 2}
