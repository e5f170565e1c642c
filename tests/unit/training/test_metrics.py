"""Metrics against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics import CURVE_POINTS, age_bands, auc, curves, point_metrics

OUTCOME = np.array([1, 0, 1, 0, 1], dtype=np.int8)
PROBABILITY = np.array([0.9, 0.8, 0.6, 0.4, 0.2])


def test_auc_counts_the_pairs_in_right_order():
    # Of 3 x 2 pairs, 0.9 beats both negatives, 0.6 beats one, 0.2 none.
    assert auc(OUTCOME, PROBABILITY) == pytest.approx(3 / 6)


def test_auc_counts_ties_half():
    assert auc(np.array([1, 0, 0], dtype=np.int8), np.array([0.5, 0.5, 0.1])) == pytest.approx(0.75)


def test_auc_needs_both_outcomes():
    with pytest.raises(ValueError, match="both outcomes"):
        auc(np.ones(3, dtype=np.int8), np.array([0.1, 0.2, 0.3]))


def test_point_metrics_at_a_threshold_that_is_met_exactly():
    metrics = point_metrics(OUTCOME, PROBABILITY, 0.6)
    assert metrics["sensitivity"] == pytest.approx(2 / 3)
    assert metrics["specificity"] == pytest.approx(1 / 2)
    assert metrics["precision"] == pytest.approx(2 / 3)
    assert metrics["accuracy"] == pytest.approx(3 / 5)
    assert metrics["brier"] == pytest.approx((0.01 + 0.64 + 0.16 + 0.16 + 0.64) / 5)


def test_precision_is_absent_when_nobody_is_called_positive():
    assert "precision" not in point_metrics(OUTCOME, PROBABILITY, 0.95)


def test_roc_and_precision_recall_by_hand():
    found = curves(OUTCOME, PROBABILITY)
    assert found["roc"]["x"] == pytest.approx([0, 0, 0.5, 0.5, 1, 1])
    assert found["roc"]["y"] == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    assert found["precision_recall"]["x"] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])
    assert found["precision_recall"]["y"] == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4, 3 / 5])


def test_tied_probabilities_are_one_point():
    found = curves(np.array([1, 0], dtype=np.int8), np.array([0.5, 0.5]))
    assert found["roc"] == {"x": [0.0, 1.0], "y": [0.0, 1.0]}


def test_long_curves_are_thinned_and_keep_their_ends():
    rng = np.random.default_rng(0)
    found = curves(rng.integers(0, 2, 5000).astype(np.int8), rng.random(5000))
    assert len(found["roc"]["x"]) <= CURVE_POINTS
    assert (found["roc"]["x"][0], found["roc"]["y"][-1]) == (0.0, 1.0)


def test_calibration_compares_mean_probability_with_share():
    outcome = np.array([0, 0, 1, 1] * 5, dtype=np.int8)
    found = curves(outcome, np.where(outcome == 1, 0.9, 0.2))["calibration"]
    assert found["x"] == pytest.approx([0.2] * 5 + [0.9] * 5)
    assert found["y"] == pytest.approx([0.0] * 5 + [1.0] * 5)


def test_age_bands_by_hand_with_an_empty_band():
    age = np.array([29.9, 30, 44, 45, 61])
    bands = age_bands(age, OUTCOME, PROBABILITY, 0.5)
    assert [band["n"] for band in bands] == [1, 2, 1, 1]
    assert bands[0] == {
        "band": "under 30",
        "n": 1,
        "positives": 1,
        "sensitivity": 1.0,
        "specificity": None,
        "mean_probability": 0.9,
    }
    assert (bands[1]["sensitivity"], bands[1]["specificity"]) == (1.0, 0.0)
    assert age_bands(np.full(5, 25.0), OUTCOME, PROBABILITY, 0.5)[3]["mean_probability"] is None
