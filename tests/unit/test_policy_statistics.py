"""Each statistic against a published example, a definition or a value worked out by hand; patients as clusters."""

from __future__ import annotations

from math import isinf, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.policy.auc import paired_auc
from backend.policy.brier import paired_brier
from backend.policy.calibration import paired_calibration
from backend.policy.paired import design_effect, standard_error
from backend.policy.ppv import paired_ppv
from backend.policy.proportions import exact_p_value, paired_share, rows_needed, score_interval, wilson_interval


@pytest.mark.parametrize(
    ("source", "gained", "lost", "rows", "confidence", "low", "high"),
    [
        # Airway reactivity in 21 children before and after a transplantation (Bentur 2009), as worked out by M. W.
        # Fagerland, S. Lydersen and P. Laake, Statistics in Medicine 33 (2014) 2850-2875.
        ("Fagerland 2014", 1, 7, 21, 0.95, -0.517, -0.026),
        # 44 contact lenses disinfected in two ways (Miyanaga 1994), the example of Tango's own paper, at 90 %.
        ("Tango 1998", 0, 1, 44, 0.90, -0.096, 0.037),
    ],
)
def test_score_interval_of_published_examples(source, gained, lost, rows, confidence, low, high):
    assert score_interval(gained, lost, rows, confidence=confidence) == pytest.approx((low, high), abs=6e-4), source


def test_score_interval_is_the_inverse_of_mcnemars_test():
    # Where McNemar's statistic (b - c) / sqrt(b + c) is exactly the quantile, the interval ends at 0.
    gained, lost = 30.0, 10.0
    z = (gained - lost) / sqrt(gained + lost)
    low, high = score_interval(gained, lost, 400, confidence=2 * NormalDist().cdf(z) - 1)
    assert low == pytest.approx(0, abs=1e-12)
    assert high > 0.05


def test_models_that_answer_alike_are_not_known_to_be_alike():
    z = 1.959963984540054
    assert score_interval(0, 0, 44, confidence=0.95) == pytest.approx((-z * z / (44 + z * z), z * z / (44 + z * z)))
    needed = rows_needed(0.1, 0.95)
    assert score_interval(0, 0, needed, confidence=0.95)[0] == pytest.approx(-0.1)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 200))
def test_score_interval_holds_the_estimate_and_mirrors(gained, lost, others):
    rows = gained + lost + others
    low, high = score_interval(gained, lost, rows, confidence=0.95)
    assert -1 <= low <= (gained - lost) / rows <= high <= 1
    assert score_interval(lost, gained, rows, confidence=0.95) == pytest.approx((-high, -low), abs=1e-9)


def test_exact_p_values():
    # Fagerland, Lydersen and Laake, "The McNemar test for binary matched-pairs data", BMC Medical Research
    # Methodology 13:91 (2013): 1 against 7 gives 0.0703.
    assert exact_p_value(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert exact_p_value(7, 1) == exact_p_value(1, 7)
    assert (exact_p_value(0, 0), exact_p_value(5, 5)) == (1.0, 1.0)
    assert 0 < exact_p_value(1000, 1400) < 1e-12


def test_wilson_interval_of_a_published_value():
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3: 81 of 263.
    assert wilson_interval(81 / 263, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20, 0.95)[0] == pytest.approx(0, abs=1e-12)


def holdout(seed, rows, patients):
    random = np.random.default_rng(seed)
    outcome = np.r_[1, 1, 0, 0, random.integers(0, 2, rows - 4)].astype(float)
    champion = np.clip(0.3 * outcome + 0.6 * random.random(rows), 0.01, 0.99)
    challenger = np.clip(0.2 * outcome + 0.7 * random.random(rows), 0.01, 0.99)
    return outcome, champion, challenger, np.r_[0, 1, 2, 3, random.integers(0, patients, rows - 4)]


def by_obuchowskis_definition(outcome, champion, challenger, groups):
    """Her estimator patient by patient, as the 1997 paper writes it, for the contrast of two areas."""
    kernels = []
    for score in (champion, challenger):
        x, y = score[outcome == 1], score[outcome == 0]
        kernels.append((x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :]))
    contrast = kernels[1] - kernels[0]
    of_ill, of_well, area = contrast.mean(axis=1), contrast.mean(axis=0), contrast.mean()
    ill, well = groups[outcome == 1], groups[outcome == 0]
    patients, m, n = np.unique(groups), len(of_ill), len(of_well)
    first = [of_ill[ill == p].sum() - (ill == p).sum() * area for p in patients]
    second = [of_well[well == p].sum() - (well == p).sum() * area for p in patients]
    i10, i01, i = len(np.unique(ill)), len(np.unique(well)), len(patients)
    s10 = i10 / ((i10 - 1) * m) * sum(a * a for a in first)
    s01 = i01 / ((i01 - 1) * n) * sum(b * b for b in second)
    s11 = i / (i - 1) * sum(a * b for a, b in zip(first, second, strict=True))
    return sqrt(s10 / m + s01 / n + 2 * s11 / (m * n))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(8, 60), st.integers(4, 40))
def test_clustered_auc_agrees_with_the_definition(seed, rows, patients):
    rows_of = holdout(seed, rows, patients)
    assert paired_auc(*rows_of).standard_error == pytest.approx(by_obuchowskis_definition(*rows_of), abs=1e-12)


def test_one_row_a_patient_is_delongs_variance():
    outcome, champion, challenger, _ = holdout(3, 300, 1)
    shuffled = np.random.default_rng(4).permutation(300)
    alone = paired_auc(outcome, champion, challenger)
    assert paired_auc(outcome, champion, challenger, shuffled) == alone
    x, y = outcome == 1, outcome == 0
    kernels = [np.subtract.outer(s[x], s[y]) > 0 for s in (champion, challenger)]
    difference = kernels[1].astype(float) - kernels[0]
    delong = difference.mean(axis=1).var(ddof=1) / x.sum() + difference.mean(axis=0).var(ddof=1) / y.sum()
    assert alone.standard_error == pytest.approx(sqrt(delong))


def everything(outcome, champion, challenger, groups):
    """Every standard error of a paired difference, by name."""
    calibration = paired_calibration(outcome, champion, challenger, groups)
    return {
        "auc": paired_auc(outcome, champion, challenger, groups).standard_error,
        "brier": paired_brier(outcome, champion, challenger, groups).standard_error,
        "ppv": paired_ppv(outcome, champion >= 0.5, challenger >= 0.5, groups).standard_error,
        "slope": calibration.slope.standard_error,
        "intercept": calibration.intercept.standard_error,
        "share": np.diff(paired_share(champion >= 0.5, challenger >= 0.5, groups).interval(0.95))[0],
    }


def test_the_same_rows_twice_prove_no_more_than_once():
    outcome, champion, challenger, _ = holdout(5, 400, 1)
    once = everything(outcome, champion, challenger, np.arange(400))
    doubled = [np.r_[column, column] for column in (outcome, champion, challenger)]
    as_visits = everything(*doubled, np.r_[np.arange(400), np.arange(400)])
    as_patients = everything(*doubled, np.arange(800))
    for name, width in once.items():
        assert as_visits[name] == pytest.approx(width, rel=5e-3), name
        assert as_patients[name] < 0.75 * width, name


def test_a_single_patient_proves_nothing():
    outcome, champion, challenger, _ = holdout(6, 50, 1)
    alone = np.zeros(50, dtype=np.int64)
    assert isinf(paired_auc(outcome, champion, challenger, alone).standard_error)
    assert paired_brier(outcome, champion, challenger, alone).interval(0.95) == (-1, 1)
    assert paired_calibration(outcome, champion, challenger, alone) is None


def test_standard_error_with_one_row_a_patient_is_the_ordinary_one():
    values = np.random.default_rng(7).normal(size=50)
    assert standard_error(values - values.mean(), np.arange(50)) == pytest.approx(values.std(ddof=1) / sqrt(50))
    assert design_effect(values, np.arange(50)) == pytest.approx(1)
    assert design_effect(np.repeat(values, 2), np.repeat(np.arange(50), 2)) == pytest.approx(2, rel=0.03)
    assert design_effect(np.ones(9), np.arange(9)) == 1


def test_brier_scores_by_hand():
    outcome = np.array([1.0, 0.0])
    found = paired_brier(outcome, np.array([0.8, 0.4]), np.array([0.5, 0.5]), np.arange(2))
    assert (found.champion, found.challenger) == pytest.approx((0.1, 0.25))
    # The squared errors differ by 0.21 and 0.09: mean 0.15, standard deviation 0.06 * sqrt(2).
    assert found.standard_error == pytest.approx(0.06)


def test_ppv_is_a_ratio_with_the_error_of_a_proportion():
    outcome = np.array([1, 1, 1, 0, 0, 0, 1, 0], dtype=float)
    everybody = np.ones(8, dtype=bool)
    some = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    found = paired_ppv(outcome, everybody, some, np.arange(8))
    assert (found.champion, found.challenger) == (0.5, 0.75)
    assert found.champion_error == pytest.approx(sqrt(0.5 * 0.5 / 7))
    # 0.75 * 0.25 / 4 for the four called, with n / (n - 1) of all eight.
    assert found.challenger_error == pytest.approx(sqrt(8 / 7 * 0.75 * 0.25 / 4))
    assert paired_ppv(outcome, everybody, ~everybody, np.arange(8)) is None


def odds(share):
    return log(share / (1 - share))


def test_calibration_of_two_risks_by_hand():
    # Of 100 called 0.2, 30 are ill; of 100 called 0.6, 50: with two risks the recalibration meets both shares.
    outcome = np.r_[np.ones(30), np.zeros(70), np.ones(50), np.zeros(50)]
    said = np.repeat([0.2, 0.6], 100)
    perfect = np.repeat([0.3, 0.5], 100)
    found = paired_calibration(outcome, said, perfect, np.arange(200))
    between = odds(0.6) - odds(0.2)
    assert found.slope.champion == pytest.approx((odds(0.5) - odds(0.3)) / between)
    assert found.slope.challenger == pytest.approx(1)
    assert found.intercept.challenger == pytest.approx(0, abs=1e-9)
    # The error of a log odds is 1 / sqrt(n p (1 - p)); the factor is that of the robust variance.
    error = sqrt(200 / 199 * (1 / (100 * 0.3 * 0.7) + 1 / (100 * 0.5 * 0.5)))
    assert found.slope.champion_error == pytest.approx(error / between)
    assert found.slope_gain.difference == pytest.approx(1 - found.slope.champion)


def test_calibration_intercept_says_in_which_direction():
    outcome = np.tile([1.0, 1.0, 0.0, 0.0, 0.0], 20)
    low = np.r_[np.full(50, 0.19), np.full(50, 0.21)]
    high = np.r_[np.full(50, 0.59), np.full(50, 0.61)]
    found = paired_calibration(outcome, low, high, np.arange(100))
    assert found.intercept.champion == pytest.approx(odds(0.4) - odds(0.2), abs=0.01)
    assert found.intercept.challenger == pytest.approx(odds(0.4) - odds(0.6), abs=0.01)
    assert found.intercept_gain.difference == pytest.approx(
        abs(found.intercept.champion) - abs(found.intercept.challenger)
    )


def test_a_step_across_perfect_is_no_wider_than_the_step():
    # Slopes of just below and just above 1: the delta method alone would add the errors of both.
    random = np.random.default_rng(13)
    score = random.normal(size=2000) * 1.5
    outcome = (random.random(2000) < 1 / (1 + np.exp(-score))).astype(float)
    rows = np.arange(2000)
    fitted = paired_calibration(outcome, 1 / (1 + np.exp(-score)), 1 / (1 + np.exp(-score)), rows).slope.champion
    below, above = (1 / (1 + np.exp(-score * fitted * factor)) for factor in (1.001, 0.999))
    found = paired_calibration(outcome, below, above, rows)
    assert found.slope.champion < 1 < found.slope.challenger
    assert max(found.slope_gain.losses.interval(0.95)) > 0.1
    low, high = found.slope_gain.interval(0.95)
    assert -0.003 < low <= found.slope_gain.difference <= high < 0.003


@pytest.mark.parametrize("score", [np.full(20, 0.3), np.r_[np.full(10, 0.9), np.full(10, 0.1)]])
def test_no_recalibration_of_constant_or_separating_scores(score):
    outcome = np.r_[np.ones(10), np.zeros(10)]
    other = np.linspace(0.2, 0.8, 20)
    assert paired_calibration(outcome, score, other[::-1], np.arange(20)) is None


def test_certain_probabilities_are_taken_as_nearly_certain():
    random = np.random.default_rng(8)
    outcome = np.r_[np.ones(50), np.zeros(50)]
    certain = np.where(random.random(100) < 0.9, outcome, 1 - outcome)
    found = paired_calibration(outcome, certain, np.clip(certain, 0.2, 0.8), np.arange(100))
    assert 0 < found.slope.champion < found.slope.challenger


def test_shares_by_hand():
    champion = np.array([1, 1, 0, 0, 1], dtype=bool)
    challenger = np.array([1, 0, 1, 1, 1], dtype=bool)
    found = paired_share(champion, challenger, np.arange(5))
    assert (found.champion, found.challenger, found.gained, found.lost) == (0.6, 0.8, 2, 1)
    assert found.difference == pytest.approx(0.2)
    assert found.interval(0.95) == pytest.approx(score_interval(2, 1, 5, confidence=0.95))
    assert found.p_value == exact_p_value(2, 1)
    # Two visits of one patient that lead to one side are one witness, two that contradict each other none.
    assert paired_share(champion, challenger, np.array([0, 1, 2, 2, 3])).p_value == exact_p_value(1, 1)
    assert paired_share(champion, challenger, np.array([0, 1, 1, 2, 3])).p_value == exact_p_value(1, 0)
