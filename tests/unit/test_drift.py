"""What chance alone does, what a confused unit does, and what is only too little data."""

from __future__ import annotations

import numpy as np
import pytest

from backend.domain.behaviour import Standing
from backend.domain.data_profile import DataProfile
from backend.domain.production_flips import CollectedRow
from backend.policy.confused_units import explained_by, place
from backend.policy.drift import FEWEST, MOST_ROWS, SIZES, column, confidence, drifts, family, looks, newest, qualities
from backend.policy.null_band import limit, most, psi, upper
from training import cohort
from training import profile as describing
from training.data import FEATURE_NAMES, Dataset
from training.split import grouped_split


def drawn(rows, seed):
    """Features and outcomes of a cohort."""
    table = np.array([[float(cell) for cell in row] for row in cohort.draw(rows, seed)])
    return table[:, 1:-1], table[:, -1]


def risk(features):
    return 1 / (1 + np.exp(-(features[:, 1] - 106) / 30))


def described():
    features, outcome = drawn(8000, 1)
    patients = np.arange(len(features))
    dataset = Dataset(features=features, outcome=outcome.astype(np.int8), patients=patients, digest="sha256:d")
    split = grouped_split(dataset.groups, holdout_fraction=0.3, seed=0)
    found = describing.profile(dataset, split, risk(features[split.holdout]))
    return DataProfile.model_validate(found)


PROFILE = described()
SURE = confidence(PROFILE, 60)


def rows(features, **spoilt):
    """Collected rows; `spoilt` maps a column's values."""
    features = features.copy()
    for name, change in spoilt.items():
        at = FEATURE_NAMES.index(name)
        features[:, at] = change(features[:, at])
    return tuple(
        CollectedRow(
            features=dict(zip(FEATURE_NAMES, map(float, row), strict=True)), probability=float(p), positive=p > 0.5
        )
        for row, p in zip(features, risk(features), strict=True)
    )


def out(found):
    return {one.name for one in found if one.standing is Standing.OUT}


def test_equal_counts_have_no_distance_and_the_textbook_example_is_met():
    """Shares 0.5/0.3/0.2 to 0.4/0.3/0.3 have PSI 0.1 ln(5/4) + 0.1 ln(3/2) = 0.06286."""
    assert psi((500, 300, 200), (50, 30, 20)) == pytest.approx(0, abs=1e-4)
    assert psi((500_000, 300_000, 200_000), (400_000, 300_000, 300_000)) == pytest.approx(0.06286, abs=1e-4)


def test_the_band_is_that_of_the_chi_square_distribution_where_that_is_known():
    """Yurdakul and Naranjo (2020): no change makes PSI about (1/n + 1/N) chi-square of bins - 1; 16.919 is its 95 %."""
    found = limit((1000,) * 10, 2000, 0.95)
    assert found == pytest.approx((1 / 2000 + 1 / 10_000) * 16.919, rel=0.05)


def test_a_hundred_rows_without_any_change_pass_the_textbook_limit_by_chance():
    assert limit((1000,) * 10, 100, 0.95) > 0.1


@pytest.mark.parametrize("alpha", [1e-3, 1e-4, 1e-5])
def test_limits_rarer_than_the_draws_follow_the_tail(alpha):
    """An exponential variable exceeds -ln(alpha) with probability alpha."""
    values = np.random.default_rng(3).exponential(size=50_000)
    assert upper(values, alpha) == pytest.approx(-np.log(alpha), rel=0.15)


def test_as_many_marked_rows_as_the_reference_lets_expect_are_chance():
    """Under Jeffreys' prior 0 of 7,000 predicts one of 100 with probability 100 * 0.5 / 7101 = 0.0070."""
    assert most(0, 7000, 100, 0.99) == 0
    assert most(0, 7000, 100, 0.995) == 1
    assert 1000 < most(3500, 7000, 2000, 0.95) < 1100


def test_quiet_rows_are_in_band_and_few_are_too_few():
    quiet = drifts(PROFILE, rows(drawn(1000, 2)[0]), SURE)
    assert {one.standing for one in quiet} == {Standing.IN_BAND}
    assert [one.name for one in quiet] == [*FEATURE_NAMES, "score"]
    few = drifts(PROFILE, rows(drawn(FEWEST - 1, 3)[0]), SURE)
    assert {(one.standing, one.psi, one.limit) for one in few} == {(Standing.TOO_LITTLE, None, None)}


@pytest.mark.parametrize(
    ("field", "factor", "name"),
    [("SerumInsulin", 6.0, "insulin in pmol/L"), ("PlasmaGlucose", 1 / 18.016, "glucose in mmol/L")],
)
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_a_confused_unit_is_named_with_the_share_of_rows(field, factor, name, share):
    def confused(values):
        wrong = np.random.default_rng(4).random(len(values)) < share
        return np.where(wrong, values * factor, values)

    found = {one.name: one for one in drifts(PROFILE, rows(drawn(500, 5)[0], **{field: confused}), SURE)}
    assert found[field].standing is Standing.OUT
    assert found[field].cause == name
    assert found[field].affected == pytest.approx(share, abs=0.08)


def test_older_patients_are_a_drift_and_no_confused_unit():
    features, _ = drawn(4000, 6)
    older = features[features[:, 7] >= 40][:500]
    found = {one.name: one for one in drifts(PROFILE, rows(older), SURE)}
    assert (found["Age"].standing, found["Age"].cause) == (Standing.OUT, "")
    assert explained_by(PROFILE.feature("Age"), older[:, 7]) is None


def test_what_is_missing_or_beyond_belief_is_counted_against_chance():
    features, _ = drawn(300, 7)
    spoilt = rows(
        features, BMI=lambda v: np.where(np.arange(300) < 12, np.nan, v), Age=lambda v: np.where(v > 45, 130, v)
    )
    found = {one.name: one for one in qualities(PROFILE, spoilt, SURE)}
    assert out(found.values()) == {"BMI", "Age"}
    assert (found["BMI"].missing, found["BMI"].implausible) == (12, 0)
    told = found["Age"]
    assert told.implausible == int((features[:, 7] > 45).sum())
    assert told.implausible > told.implausible_limit
    assert np.isnan(column(spoilt, "BMI")).sum() == 12


def test_one_row_beyond_what_training_saw_is_chance():
    features, _ = drawn(500, 8)
    features[0, 4] = PROFILE.feature("SerumInsulin").maximum + 1
    found = {one.name: one for one in qualities(PROFILE, rows(features), SURE)}
    assert (found["SerumInsulin"].unseen, found["SerumInsulin"].standing) == (1, Standing.IN_BAND)


def test_all_tests_of_a_month_share_one_false_alarm():
    assert (looks(60), family(PROFILE)) == (720, 8 * 4 + 1 + 4 + 3 + 1)
    assert (1 - SURE) * looks(60) * family(PROFILE) == pytest.approx(1)


def test_the_newest_rows_of_a_known_number_are_looked_at():
    many = rows(drawn(260, 9)[0])
    assert newest(many) == many[:200]
    assert newest(many[:40]) == many[:40]
    assert max(SIZES) == MOST_ROWS


def test_both_sides_cut_the_same_bins():
    values = np.r_[np.random.default_rng(1).normal(size=500), 9.0, -9.0]
    edges = describing.cut(values[:500])
    assert place(values, tuple(edges)).tolist() == describing.place(values, edges).tolist()
