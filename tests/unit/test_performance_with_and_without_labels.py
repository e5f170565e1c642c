"""What labels would say, said before them and checked against drawn outcomes; and what they say once they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from backend.domain.behaviour import EstimatedFigure, Outcome, Standing
from backend.domain.data_profile import ScoreProfile
from backend.domain.quality import Estimate, HoldoutFigures
from backend.policy.estimate_band import judged, lowest
from backend.policy.expected_performance import calibrated, estimates, expected
from backend.policy.realised_performance import by_band, calibration, newcombe, reach, realised
from training.metrics import auc, point_metrics
from training.profile import _score

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def risks(n, seed, shift=0.0):
    """Honest risks: an outcome drawn from each."""
    random = np.random.default_rng(seed)
    honest = 1 / (1 + np.exp(-random.normal(shift - 0.5, 1.6, n)))
    return honest, (random.random(n) < honest).astype(np.int8)


def holdout_score(said, outcome):
    return ScoreProfile.model_validate(_score(said, outcome))


SCORE = holdout_score(*risks(40_000, 1))


def by_metric(said, called):
    return {one.metric: one for one in expected(SCORE, said, called, {"auc": 0.8})}


@pytest.mark.recovery
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_estimates_are_what_drawn_outcomes_give_even_where_patients_have_changed(shift):
    said, outcome = risks(20_000, 2, shift)
    found = by_metric(said, said >= 0.5)
    true = point_metrics(outcome, said, 0.5)
    for metric, name in (
        ("auc", "auc"),
        ("sensitivity", "sensitivity"),
        ("specificity", "specificity"),
        ("ppv", "precision"),
    ):
        assert found[metric].value == pytest.approx(true[name], abs=0.02), metric
    assert (found["auc"].reference, found["ppv"].reference) == (0.8, None)


def test_labels_fall_into_the_interval_as_often_as_it_says():
    inside = []
    for seed in range(60):
        said, outcome = risks(400, 100 + seed)
        one = by_metric(said, said >= 0.5)["sensitivity"]
        inside.append(one.low <= point_metrics(outcome, said, 0.5)["sensitivity"] <= one.high)
    assert 0.85 <= np.mean(inside) <= 1.0


def test_ties_count_half_in_the_expected_auc():
    said = np.array([0.2, 0.2, 0.8, 0.8])
    truth = calibrated(SCORE, said)
    pairs = truth.sum() * (1 - truth).sum()
    wanted = sum(
        truth[i] * (1 - truth[j]) * (1.0 if said[i] > said[j] else 0.5 if said[i] == said[j] else 0.0)
        for i in range(4)
        for j in range(4)
    )
    assert by_metric(said, said >= 0.5)["auc"].value == pytest.approx(wanted / pairs)


def test_a_model_that_is_too_sure_is_put_right_and_order_is_kept():
    honest, outcome = risks(40_000, 3)
    sure = honest**2 / (honest**2 + (1 - honest) ** 2)
    score = holdout_score(sure, outcome)
    again = calibrated(score, sure)
    assert np.abs(again - honest).mean() < 0.02 < np.abs(sure - honest).mean()
    assert (np.diff(again[np.argsort(sure)]) >= 0).all()
    assert auc(outcome, again) == pytest.approx(auc(outcome, sure), abs=0.01)


def test_without_a_row_nothing_is_estimated():
    assert expected(SCORE, np.array([]), np.array([], dtype=bool), {}) == ()


def test_a_single_row_has_no_auc_and_what_is_said_of_it_can_be_read_again():
    found = expected(SCORE, np.array([0.7]), np.array([True]), {})
    assert "auc" not in {one.metric for one in found}
    assert [EstimatedFigure.model_validate_json(one.model_dump_json()) for one in found] == list(found)


def worse(n, seed, spread=1.6):
    """The share of estimates of `n` rows that are out of the band of one test in fifty, by metric."""
    said, _ = risks(200 * n, seed)
    if spread != 1.6:
        said = 1 / (1 + np.exp(-np.random.default_rng(seed).normal(-0.5, spread, 200 * n)))
    truth, bottoms = calibrated(SCORE, said), dict(lowest(SCORE, 0.5, n, 0.98))
    parts = [slice(n * place, n * (place + 1)) for place in range(200)]
    found = [estimates(truth[part], said[part], said[part] >= 0.5) for part in parts]
    return {metric: np.mean([one[metric] < bottom for one in found]) for metric, bottom in bottoms.items()}


@pytest.mark.parametrize("n", [100, 1000])
def test_estimates_of_the_same_patients_leave_the_band_as_seldom_as_it_says(n):
    """Of 200 at 2 % four are expected; twelve are more than chance makes of them in a thousand tries."""
    assert all(share <= 0.06 for share in worse(n, 11).values())


def test_patients_who_are_harder_to_tell_apart_are_out_of_band():
    harder = worse(1000, 12, spread=0.8)
    assert harder["auc"] > 0.95
    assert harder["sensitivity"] > 0.95


def test_the_estimate_of_few_rows_is_not_judged_and_that_of_easier_patients_is_in_band():
    said, _ = risks(2000, 13)
    few, many = (
        {one.metric: one for one in judged(expected(SCORE, part, part >= 0.5, {}), SCORE, 0.5, len(part), 0.999)}
        for part in (said[:99], np.where(said > 0.5, 0.99, 0.01))
    )
    assert {(one.limit, one.standing) for one in few.values()} == {(None, Standing.TOO_LITTLE)}
    assert {one.standing for one in many.values()} == {Standing.IN_BAND}
    assert many["auc"].limit < many["auc"].value


def test_newcombes_worked_example():
    """Newcombe (1998), table II, method 10: 56 of 70 against 48 of 80 is 0.2, from 0.0524 to 0.3339."""
    assert newcombe(56 / 70, 70, 48 / 80, 80, 0.95) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def holdout(sensitivity=0.8, specificity=0.9):
    kept = {"sensitivity": sensitivity, "specificity": specificity, "brier": 0.1}
    figures = {name: Estimate(value=value, low=value, high=value) for name, value in kept.items()}
    return HoldoutFigures(
        threshold=0.5, rows=3000, positives=1000, data_asset="d:1", data_digest="sha256:d", shared_groups=0, slope=None,
        intercept=None, bands=(), confidence=0.95, predictions="sha256:p", run="train-1", made_at=NOW, **figures,
    )  # fmt: skip


def outcomes(n, right_of_ill, seed=5):
    """Half are ill; `right_of_ill` of those were answered rightly, and nine in ten of the well."""
    random = np.random.default_rng(seed)
    found = []
    for place in range(n):
        ill = place % 2 == 0
        right = random.random() < (right_of_ill if ill else 0.9)
        at = NOW + timedelta(hours=place / 10)
        found.append(
            Outcome(
                at=at,
                labelled_at=at + timedelta(hours=48),
                version="1",
                probability=0.5,
                positive=right == ill,
                ill=ill,
                bands=("age under 30" if place % 4 < 2 else "age 60 and over",),
            )
        )
    return found


def test_a_loss_of_sensitivity_is_out_of_band_and_chance_is_not():
    good, bad = (realised(outcomes(600, share), holdout(), 1 - 1e-5) for share in (0.8, 0.55))
    assert [one.standing for one in good] == [Standing.IN_BAND] * 3
    assert [one.standing for one in bad] == [Standing.OUT, Standing.IN_BAND, Standing.IN_BAND]
    assert bad[0].difference_high < 0


def test_few_labels_or_no_holdout_give_no_verdict():
    assert {one.standing for one in realised(outcomes(20, 0.0), holdout(), 0.999)} == {Standing.TOO_LITTLE}
    assert [one.standing for one in realised(outcomes(600, 0.8), None, 0.999)][:2] == [Standing.TOO_LITTLE] * 2
    assert [one.n for one in realised([], holdout(), 0.999)] == [0, 0, 0]


def test_more_ill_than_was_said_is_told():
    ill = [one.model_copy(update={"probability": 0.3}) for one in outcomes(600, 0.8)]
    assert realised(ill, holdout(), 1 - 1e-5)[2].standing is Standing.OUT
    assert realised(ill, holdout(), 1 - 1e-5)[2].value == pytest.approx(0.2)


def test_bands_periods_and_delays():
    found = outcomes(400, 0.8)
    bands = by_band(found)
    assert [(one.axis, one.band, one.n, one.positives) for one in bands] == [
        ("age", "60 and over", 200, 100), ("age", "under 30", 200, 100),
    ]  # fmt: skip
    assert all(one.sensitivity.low < one.sensitivity.value < one.sensitivity.high for one in bands)
    periods = calibration(found)
    assert (len(periods), sum(one.n for one in periods)) == (8, 400)
    assert all(one.start < one.end and one.low < 0.5 < one.high for one in periods)
    told = reach(found, 1000, 3, 2)
    assert (told.coverage, told.delay_median, told.unmatched, told.pending) == (0.4, 48.0, 3, 2)
    assert reach([], 0, 0, 0).coverage is None
    assert (calibration([]), by_band([])) == ((), ())
