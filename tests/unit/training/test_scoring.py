"""A scoring request and its answer, without a server: what is refused, and in which words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from training.data import FEATURES
from training.release import MOST_TOLD, Release, answer, refusal_line, score_line
from training.request import MAX_BYTES, MAX_ROWS, request_id

ROW = {
    "Pregnancies": 2,
    "PlasmaGlucose": 108,
    "DiastolicBloodPressure": 70,
    "TricepsThickness": 30,
    "SerumInsulin": 90,
    "BMI": 31.5,
    "DiabetesPedigree": 0.3,
    "Age": 34,
}
WITHOUT_BMI = {name: value for name, value in ROW.items() if name != "BMI"}


@pytest.fixture(scope="module")
def release():
    """A model that has learnt one thing: the older, the likelier; half at 50."""
    features = np.tile([float(value) for value in ROW.values()], (200, 1))
    features[:, 7] = np.linspace(20, 80, 200)
    model = LogisticRegression(C=100, max_iter=10_000).fit(features, features[:, 7] > 50)
    return Release(model=model, digest="sha256:abc", version="12", threshold=0.5)


def _body(*rows):
    return json.dumps({"rows": rows}).encode()


def test_the_answer_says_what_who_and_by_which_rule(release):
    status, body = answer(release, _body({**ROW, "Age": 21}, {**ROW, "Age": 79}), "id-1")
    assert status == 200
    assert [prediction["decision"] for prediction in body["predictions"]] == ["negative", "positive"]
    assert body["predictions"][0]["probability"] < 0.5 <= body["predictions"][1]["probability"]
    assert {name: body[name] for name in ("request_id", "model_version", "digest", "threshold", "warnings")} == {
        "request_id": "id-1",
        "model_version": "12",
        "digest": "sha256:abc",
        "threshold": 0.5,
        "warnings": [],
    }


def test_a_probability_at_the_threshold_is_positive(release):
    _, body = answer(release, _body(ROW), "id")
    exact = Release(release.model, release.digest, "12", body["predictions"][0]["probability"])
    assert answer(exact, _body(ROW), "id")[1]["predictions"][0]["decision"] == "positive"


def test_fields_may_come_in_any_order(release):
    turned = dict(reversed(ROW.items()))
    assert answer(release, _body(turned), "id")[1]["predictions"] == answer(release, _body(ROW), "id")[1]["predictions"]


def test_an_implausible_value_is_answered_with_a_warning(release):
    status, body = answer(release, _body(ROW, {**ROW, "PlasmaGlucose": 6.1}), "id")
    assert status == 200
    assert len(body["predictions"]) == 2
    assert [(warning["row"], warning["field"]) for warning in body["warnings"]] == [(1, "PlasmaGlucose")]


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (WITHOUT_BMI, "BMI", "BMI is missing"),
        ({**ROW, "PatientID": 5}, "PatientID", 'unknown field "PatientID"'),
        ({**WITHOUT_BMI, "Bmi": 30}, "BMI", "BMI is missing"),
        ({**ROW, "BMI": "31.5"}, "BMI", "must be a number"),
        ({**ROW, "BMI": None}, "BMI", "must be a number"),
        ({**ROW, "BMI": True}, "BMI", "must be a number"),
        ({**ROW, "BMI": [31]}, "BMI", "must be a number"),
        ({**ROW, "BMI": float("nan")}, "BMI", "must be a finite number"),
        ({**ROW, "BMI": float("inf")}, "BMI", "must be a finite number"),
        ({**ROW, "BMI": 10**400}, "BMI", "must lie in 1 to 900"),
        ({**ROW, "Age": -1}, "Age", "must lie in 1.8 to 1100"),
        ({**ROW, "Pregnancies": 1.5}, "Pregnancies", "must be a whole number"),
        ("text", "", "a row must be an object"),
    ],
)
def test_a_bad_row_is_refused_by_field_and_row(release, row, field, words):
    status, body = answer(release, _body(ROW, row), "id")
    assert status == 400
    assert (body["error"]["code"], body["error"]["field"], body["error"]["row"]) == ("InvalidInput", field, 1)
    assert words in body["error"]["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"rows": [', "not JSON"),
        (b'{"rows": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", 'a list named "rows"'),
        (b'{"data": []}', 'a list named "rows"'),
        (b'{"rows": []}', "at least one row"),
        (b'{"rows": {}}', "at least one row"),
        (b'{"rows": [{}], "debug": 1}', 'unknown field "debug"'),
        (b'{"rows": [{"BMI": 30, "BMI": 20}]}', 'field "BMI" is given twice'),
        (b" " * (MAX_BYTES + 1), "larger than"),
        (_body(*[ROW] * (MAX_ROWS + 1)), "1001 rows in one request"),
    ],
)
def test_a_bad_body_is_refused_in_words(release, body, words):
    status, found = answer(release, body, "id")
    assert status == 400
    assert words in found["error"]["message"]
    assert found["error"]["row"] is None


def test_the_most_rows_allowed_are_answered(release):
    status, body = answer(release, _body(*[ROW] * MAX_ROWS), "id")
    assert (status, len(body["predictions"])) == (200, MAX_ROWS)


def test_a_long_field_name_is_cut(release):
    _, body = answer(release, _body({**ROW, "x" * 5000: 1}), "id")
    assert len(json.dumps(body)) < 300


@pytest.mark.parametrize("column", FEATURES, ids=lambda column: column.name)
def test_every_field_has_both_ends_of_the_possible(release, column):
    for value, status in (
        (column.possible_high, 200),
        (column.possible_high * 1.1, 400),
        (column.possible_low, 200),
        (column.possible_low - 0.5, 400),
    ):
        assert answer(release, _body({**ROW, column.name: value}), "id")[0] == status


def test_the_callers_request_id_is_kept_when_it_is_safe_to_repeat():
    assert request_id({"x-request-id": "abc-1"}) == "abc-1"
    assert request_id({"x-ms-request-id": "ms-1", "x-request-id": "abc-1"}) == "ms-1"
    for odd in ("", "a" * 101, "<script>", "a\nb"):
        assert request_id({"x-request-id": odd}) not in ("", odd)


def test_the_log_line_tells_answers_and_nothing_that_was_asked(release):
    status, body = answer(release, _body(ROW | {"Age": 70}, ROW, ROW | {"Age": 71}), "an id")
    assert status == 200
    line = score_line(body)
    marker, _, text = line.partition(" ")
    told = json.loads(text)
    assert (marker, told["positives"], len(told["risks"])) == ("mlops-scores", 2, 3)
    assert told["risks"][1] == round(body["predictions"][1]["probability"], 4)
    assert "an id" not in line
    assert not any(name in line for name in ROW)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({**ROW, "Age": -4}, "Age"),
        ({name: value for name, value in ROW.items() if name != "BMI"}, "BMI"),
        ({**ROW, "Miss Smith": 1}, "another field"),
        ("no row", "the whole request"),
    ],
)
def test_the_log_line_of_a_refusal_names_a_field_of_ours_and_nothing_that_was_asked(release, body, told):
    status, answered = answer(release, _body(body), "an id")
    assert (status, refusal_line(answered)) == (400, f'mlops-refused {{"field":"{told}"}}')


def test_the_log_line_of_a_large_batch_is_short(release):
    _, body = answer(release, _body(*[ROW] * MAX_ROWS), "id")
    line = score_line(body)
    assert len(json.loads(line.partition(" ")[2])["risks"]) == MOST_TOLD
    assert len(line) < 2000
