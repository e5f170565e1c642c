"""What a deployment collects: features, bands and the answer in one table, and nothing that says who."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from training.bands import AXES
from training.collection import ANNOUNCED_BY, MOST_ROWS, Collection, begin, key, table
from training.data import FEATURE_NAMES
from training.release import Release, answer

ROW = [2.0, 108.0, 70.0, 30.0, 90.0, 31.5, 0.3, 34.0]
ANSWER = {"probability": 0.25, "decision": "negative"}


def features(rows):
    return np.array([ROW] * rows)


def test_a_table_has_the_features_the_bands_and_the_answer_and_no_other_column():
    found = table(features(2), [ANSWER, {"probability": 0.75, "decision": "positive"}], [("a", 0), ("a", 1)], "12")
    answer = ("probability", "decision", "version", "request", "row")
    assert [*found] == [*FEATURE_NAMES, *(f"band_{axis.name}" for axis in AXES), *answer]
    assert (found["request"], found["row"]) == (["a", "a"], [0, 1])
    assert found["Age"] == [34.0, 34.0]
    assert (found["band_age"], found["band_bmi"]) == (["30 to 44"] * 2, ["30 to under 35"] * 2)
    assert (found["decision"], found["version"]) == (["negative", "positive"], ["12", "12"])
    assert json.loads(json.dumps(found)) == found


def test_calls_are_handed_over_together_in_their_order():
    tables = []
    collection = Collection(tables.append, "12")
    assert collection.flush() == 0
    collection.add(features(1), [ANSWER], "patient 4711")
    later = features(2)
    later[:, 7] = 61
    collection.add(later, [ANSWER, ANSWER], "b")
    assert collection.flush() == 3
    assert [told["Age"] for told in tables] == [[34.0, 61.0, 61.0]]
    assert tables[0]["row"] == [0, 0, 1]
    assert tables[0]["request"] == [key("patient 4711"), key("b"), key("b")]
    assert "4711" not in str(tables)
    assert collection.flush() == 0
    assert len(tables) == 1


def test_more_than_is_kept_of_a_period_is_left_out_and_counted(caplog):
    tables = []
    collection = Collection(tables.append, "12")
    collection.add(features(MOST_ROWS), [ANSWER] * MOST_ROWS, "a")
    collection.add(features(3), [ANSWER] * 3, "b")
    assert collection.flush() == MOST_ROWS
    assert "3 rows came too fast" in caplog.text
    collection.add(features(3), [ANSWER] * 3, "c")
    assert collection.flush() == 3


def test_a_collector_that_breaks_breaks_nothing_else(caplog):
    broken, stop, tables = threading.Event(), threading.Event(), []

    def hand_over(columns):
        if not broken.is_set():
            broken.set()
            raise OSError("the sidecar is away")
        tables.append(columns)
        stop.set()

    collection = Collection(hand_over, "12")
    thread = threading.Thread(target=collection.run, args=(stop, 0.01))
    collection.add(features(1), [ANSWER], "a")
    thread.start()
    assert broken.wait(10)
    collection.add(features(1), [ANSWER], "b")
    thread.join(10)
    assert len(tables) == 1
    assert "the sidecar is away" in caplog.text


def test_a_deployment_that_declares_nothing_collects_nothing():
    assert begin({}, "12") is None
    assert begin(dict.fromkeys(ANNOUNCED_BY, ""), "12") is None


class Constant:
    def predict_proba(self, rows):
        return np.tile([0.4, 0.6], (len(rows), 1))


@pytest.mark.parametrize(("body", "told"), [({"rows": [dict(zip(FEATURE_NAMES, ROW, strict=True))]}, 1), ({}, 0)])
def test_what_was_answered_is_told_and_what_was_refused_is_not(body, told):
    seen = []
    release = Release(model=Constant(), digest="sha256:abc", version="12", threshold=0.5)
    status, said = answer(release, json.dumps(body).encode(), "id", lambda *call: seen.append(call))
    assert len(seen) == told
    assert status == (200 if told else 400)
    for asked, predictions, request in seen:
        assert asked.tolist() == [ROW]
        assert request == "id"
        assert predictions == said["predictions"]
