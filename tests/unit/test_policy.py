"""The paired AUC difference and its four words."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.comparison import Verdict
from backend.errors import Invalid
from backend.policy.auc import paired_auc
from backend.policy.comparison import in_words, paired_difference, verdict


def by_definition(outcome, champion, challenger):
    """DeLong's estimator pair by pair, as the 1988 paper defines it."""
    outcome = np.asarray(outcome)
    components = []
    for score in (np.asarray(champion, float), np.asarray(challenger, float)):
        x, y = score[outcome == 1], score[outcome == 0]
        kernel = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
        components.append((kernel.mean(axis=1), kernel.mean(axis=0)))
    m, n = int((outcome == 1).sum()), int((outcome == 0).sum())
    s10 = np.cov(np.stack([components[0][0], components[1][0]]))
    s01 = np.cov(np.stack([components[0][1], components[1][1]]))
    covariance = s10 / m + s01 / n
    contrast = np.array([-1.0, 1.0])
    return [c[0].mean() for c in components], float(np.sqrt(contrast @ covariance @ contrast))


def test_worked_example_by_hand():
    # Positives 0.9 and 0.4, negatives 0.5 and 0.1: three of four pairs are in order; the challenger orders all four.
    found = paired_auc([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], [0.9, 0.6, 0.5, 0.1])
    assert (found.champion, found.challenger, found.difference) == (0.75, 1.0, 0.25)
    # Components of the difference are (0, 0.5) for the positives and (0.5, 0) for the negatives: variance 1/8 each.
    assert found.standard_error == pytest.approx(sqrt(0.125 / 2 + 0.125 / 2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 60), st.integers(2, 12))
def test_fast_algorithm_agrees_with_the_definition(seed, rows, levels):
    random = np.random.default_rng(seed)
    outcome = np.r_[1, 1, 0, 0, random.integers(0, 2, rows)]
    champion, challenger = random.integers(0, levels, (2, outcome.size)) / levels
    found = paired_auc(outcome, champion, challenger)
    areas, error = by_definition(outcome, champion, challenger)
    assert [found.champion, found.challenger] == pytest.approx(areas)
    assert found.standard_error == pytest.approx(error, abs=1e-12)


def test_interval_covers_the_true_difference_as_often_as_it_says():
    random = np.random.default_rng(20260303)
    shift = {"champion": 1.0, "challenger": 1.4}
    true = {side: 0.5 * erfc(-(value / sqrt(2)) / sqrt(2)) for side, value in shift.items()}
    truth, covered, trials = true["challenger"] - true["champion"], 0, 400
    for _ in range(trials):
        outcome = np.r_[np.ones(80, int), np.zeros(120, int)]
        shared = random.normal(size=200)
        scores = [
            0.6 * shared + 0.8 * random.normal(size=200) + shift[side] * outcome for side in ("champion", "challenger")
        ]
        low, high = paired_auc(outcome, *scores).interval(0.95)
        covered += low <= truth <= high
    assert 0.92 <= covered / trials <= 0.98


def test_the_same_model_twice_differs_in_nothing():
    random = np.random.default_rng(1)
    outcome = random.integers(0, 2, 500)
    score = random.random(500)
    difference = paired_difference(outcome, score, score)
    assert (difference.difference, difference.low, difference.high) == (0, 0, 0)
    assert difference.verdict is Verdict.NO_DIFFERENCE


@pytest.mark.parametrize(
    ("case", "difference", "low", "high", "fewest", "expected"),
    [
        ("boosting", 0.14, 0.131, 0.149, 1000, Verdict.BETTER),
        ("reg_rate 1000", -0.103, -0.115, -0.091, 1000, Verdict.WORSE),
        ("reg_rate 0.1", -4e-6, -3e-5, 2e-5, 1000, Verdict.NO_DIFFERENCE),
        ("surely known but trivial loss", -0.001, -0.0015, -0.0005, 5000, Verdict.NO_DIFFERENCE),
        ("surely known but trivial gain", 0.002, 0.001, 0.003, 5000, Verdict.NO_DIFFERENCE),
        ("exactly the smallest that matters", 0.005, 0.001, 0.009, 1000, Verdict.BETTER),
        ("exactly the smallest loss that matters", -0.005, -0.009, -0.001, 1000, Verdict.WORSE),
        ("loss within chance, none overlooked", -0.008, -0.018, 0.002, 1000, Verdict.NO_DIFFERENCE),
        ("a loss that matters is not excluded", -0.008, -0.03, 0.014, 300, Verdict.TOO_LITTLE_DATA),
        ("trivial estimate, wide gain", 0.004, -0.019, 0.027, 300, Verdict.NO_DIFFERENCE),
        ("gain within chance, wide", 0.03, -0.01, 0.07, 300, Verdict.TOO_LITTLE_DATA),
        ("wide both ways", 0.0, -0.1, 0.1, 40, Verdict.TOO_LITTLE_DATA),
        ("too few of a class", 0.3, 0.2, 0.4, 29, Verdict.TOO_LITTLE_DATA),
        ("just enough of a class", 0.3, 0.2, 0.4, 30, Verdict.BETTER),
    ],
)
def test_verdicts(case, difference, low, high, fewest, expected):
    assert verdict(difference, low, high, fewest) is expected, case


@pytest.mark.parametrize(
    ("outcome", "champion", "challenger", "words"),
    [
        ([1, 1], [0.1, 0.2], [0.1, 0.2], "one class only"),
        ([1, 0], [0.1, float("nan")], [0.1, 0.2], "not a finite number"),
        ([1, 2], [0.1, 0.2], [0.1, 0.2], "other than 0 and 1"),
        ([1, 0, 1], [0.1, 0.2], [0.1, 0.2], "one row each"),
    ],
)
def test_predictions_that_cannot_be_compared_are_refused(outcome, champion, challenger, words):
    with pytest.raises(Invalid, match=words):
        paired_auc(outcome, champion, challenger)


def test_a_single_row_of_a_class_proves_nothing():
    difference = paired_difference([1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3], [0.1, 0.9, 0.8, 0.7])
    assert (difference.low, difference.high) == (-1, 1)
    assert difference.verdict is Verdict.TOO_LITTLE_DATA


def test_words_carry_estimate_interval_and_n():
    difference = paired_difference([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], [0.9, 0.6, 0.5, 0.1])
    none = paired_difference([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], [0.9, 0.4, 0.5, 0.1])
    assert "AUC 0.000 (95 % 0.000 to 0.000" in in_words(none, 4)
    assert in_words(difference, 3000) == "too little data: AUC +0.250 (95 % −0.443 to +0.943, n 3,000)"
