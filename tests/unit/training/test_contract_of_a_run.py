"""The contract that a run writes down is the one that the scoring script keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from training.contract import ANSWER, REFUSAL, contract
from training.data import FEATURES
from training.release import Release, answer

KINDS = {"string": str, "number": float, "integer": int, "array": list, "object": dict}


@pytest.fixture(scope="module")
def release():
    draws = np.random.default_rng(3)
    rows = np.column_stack([draws.uniform(column.low, column.high, 300) for column in FEATURES])
    model = LogisticRegression(C=100, max_iter=10_000).fit(rows, rows[:, 7] > 50)
    return Release(model=model, digest="sha256:" + "0a" * 32, version="12", threshold=0.5)


def _told(value, name=""):
    """Every path of an answer and what is there."""
    if name:
        yield name, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _told(inner, f"{name}.{key}" if name else key)
    if isinstance(value, list):
        for inner in value:
            for path, found in _told(inner, f"{name}[]"):
                if path != f"{name}[]":
                    yield path, found


def _keeps(body, promised):
    by_name = {one["name"]: one for one in promised}
    found = list(_told(body))
    assert {name for name, _ in found} == set(by_name)
    for name, value in found:
        one = by_name[name]
        if value is None:
            assert one.get("nullable"), name
            continue
        assert isinstance(value, KINDS[one["kind"]]), name
        assert value in one.get("values", [value])
        if "low" in one:
            assert one["low"] <= value <= one["high"]


def test_the_examples_are_what_the_model_answers_and_every_value_is_promised(release):
    written = json.loads(json.dumps(contract(release.model)))
    rows = [example["row"] for example in written["examples"]]
    rows[0] = {**rows[0], "Age": 12}  # implausible, so that there is a warning
    status, body = answer(release, json.dumps({"rows": rows}).encode(), "id-1")
    assert status == 200
    _keeps(body, ANSWER)
    told = [prediction["probability"] for prediction in body["predictions"]]
    assert told[1:] == pytest.approx([example["probability"] for example in written["examples"]][1:], abs=1e-12)


@pytest.mark.parametrize("spoilt", [{"rows": []}, {"rows": [{"Age": 40}]}])
def test_every_value_of_a_refusal_is_promised(release, spoilt):
    status, body = answer(release, json.dumps(spoilt).encode(), "id-1")
    assert status == 400
    _keeps(body, REFUSAL)


def test_units_and_ranges_are_the_schema_s(release):
    by_name = {one["name"]: one for one in contract(release.model)["fields"]}
    assert list(by_name) == [column.name for column in FEATURES]
    for column in FEATURES:
        one = by_name[column.name]
        assert (one["unit"], one["low"], one["high"], one["whole"]) == (
            column.unit, column.low, column.high, column.whole,
        )  # fmt: skip
        assert not column.is_possible(one["possible_high"] + 1)
        assert column.is_possible(one["possible_high"])
