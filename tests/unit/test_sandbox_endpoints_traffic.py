"""The rules of traffic, and how a draw becomes a deployment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.arm.errors import ArmError
from sandbox.endpoints import traffic
from sandbox.endpoints.exchange import Answer
from sandbox.endpoints.model_errors import model_error
from sandbox.runtime.servers import cause, new_lines

STATES = {"Blue": "Succeeded", "green": "Succeeded", "new": "Creating", "bad": "Failed"}


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        ({}, {}),
        ({"blue": 100}, {"Blue": 100}),
        ({"Blue": 90, "green": 10}, {"Blue": 90, "green": 10}),
        ({"Blue": 0, "green": 0}, {"Blue": 0, "green": 0}),
        ({"Blue": 100, "new": 0}, {"Blue": 100, "new": 0}),
    ],
)
def test_allowed_traffic(wanted, stored):
    assert traffic.live(wanted, STATES, {}) == stored


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"Blue": 99}, "sum to 99"),
        ({"Blue": 101}, "whole number from 0 to 100"),
        ({"Blue": -1, "green": 101}, "whole number"),
        ({"Blue": 99.5, "green": 0.5}, "whole number"),
        ({"Blue": True, "green": 99}, "whole number"),
        ({"red": 100}, "does not exist"),
        ({"Blue": 50, "new": 50}, "new is Creating"),
        ({"Blue": 50, "bad": 50}, "bad is Failed"),
        ([], "must be an object"),
    ],
)
def test_refused_traffic(wanted, said):
    with pytest.raises(ArmError) as raised:
        traffic.live(wanted, STATES, {})
    assert (raised.value.status_code, said in raised.value.message) == (400, True), raised.value.message


def test_deployment_that_failed_later_keeps_and_loses_but_never_gains_traffic():
    assert traffic.live({"Blue": 90, "bad": 10}, STATES, {"Blue": 90, "bad": 10}) == {"Blue": 90, "bad": 10}
    assert traffic.live({"Blue": 95, "bad": 5}, STATES, {"Blue": 90, "bad": 10}) == {"Blue": 95, "bad": 5}
    with pytest.raises(ArmError):
        traffic.live({"Blue": 80, "bad": 20}, STATES, {"Blue": 90, "bad": 10})


def test_mirror_goes_to_one_idle_deployment():
    assert traffic.mirror({"green": 50, "Blue": 0}, STATES, {"Blue": 100}) == {"green": 50}
    for wanted in ({"green": 51}, {"green": 10, "Blue": 10}, {"Blue": 10}, {"new": 10}):
        with pytest.raises(ArmError):
            traffic.mirror(wanted, STATES, {"Blue": 100})


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 100), min_size=1),
    st.floats(0, 1, exclude_max=True),
)
def test_draw_never_falls_on_a_deployment_without_traffic(weights, draw):
    name = traffic.pick(weights, draw)
    assert (name is None) == (sum(weights.values()) == 0)
    assert name is None or weights[name] > 0


def test_draws_share_by_weight():
    picked = [traffic.pick({"a": 25, "b": 0, "c": 75}, number / 400) for number in range(400)]
    assert (picked.count("a"), picked.count("c")) == (100, 300)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"field": "BMI", "message": "must be a number"}}', "BMI: must be a number"),
        (b'{"error": {"field": "BMI", "message": "BMI must be a number"}}', "BMI must be a number"),
        (b'{"message": "An unexpected error occurred"}', "An unexpected error occurred"),
        (b'{"error": "plain"}', "plain"),
        (b"<html>", "INTERNAL SERVER ERROR"),
        (b"[]", "INTERNAL SERVER ERROR"),
        (b'{"error": {"message": "two\\r\\nlines: \\u00e9vil"}}', "two lines: vil"),
    ],
)
def test_reason_is_one_printable_line_that_names_the_field(body, said):
    assert model_error(Answer(500, "INTERNAL SERVER ERROR", (), body, 0.0)) == said


def test_cause_is_the_users_error_and_not_what_followed():
    log = (
        "Initializing logger\nTraceback (most recent call last):\n  raise KeyError('BMI')\nKeyError: 'BMI'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "server.UserScriptException: Caught an unhandled exception from the user script\nWorker exiting\n"
    )
    assert cause(log) == "KeyError: 'BMI'"
    assert cause("Killed\n") == "Killed"
    assert cause("") == "it wrote nothing before it ended"


def test_log_is_read_in_whole_lines_and_only_once(tmp_path):
    log = tmp_path / "log.txt"
    assert new_lines(log, 0) == ([], 0)
    log.write_bytes(b"one\ntwo\nthr")
    assert new_lines(log, 0) == (["one", "two"], 8)
    log.write_bytes(b"one\ntwo\nthree\n")
    assert new_lines(log, 8) == (["three"], 14)
    log.write_bytes(b"anew\n")
    assert new_lines(log, 14) == (["anew"], 5)
