"""The split: whole patients, the asked share, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from training.split import Split, grouped_split, shared_groups

GROUPS = np.repeat(np.arange(300), 3)
"""300 patients who came three times each: a split by row is bound to part some of them."""


@pytest.mark.parametrize("seed", range(5))
def test_no_patient_is_in_both_train_and_holdout(seed):
    split = grouped_split(GROUPS, holdout_fraction=0.3, seed=seed)
    both = set(GROUPS[split.train]) & set(GROUPS[split.holdout])
    assert not both, (
        f"{len(both)} patients are in both train and holdout; the split must keep a patient's visits together"
    )


def test_every_row_is_on_exactly_one_side():
    split = grouped_split(GROUPS, holdout_fraction=0.3, seed=0)
    assert sorted([*split.train, *split.holdout]) == list(range(len(GROUPS)))


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5])
def test_the_holdout_has_the_asked_share(fraction):
    split = grouped_split(GROUPS, holdout_fraction=fraction, seed=0)
    assert len(split.holdout) / len(GROUPS) == pytest.approx(fraction, abs=0.005)


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    first, again, other = (grouped_split(GROUPS, holdout_fraction=0.3, seed=seed) for seed in (0, 0, 1))
    assert first.holdout.tolist() == again.holdout.tolist()
    assert first.holdout.tolist() != other.holdout.tolist()


def test_the_leakage_check_counts_shared_patients():
    groups = np.array([0, 0, 1, 2, 2, 2])
    leaking = Split(train=np.array([0, 2, 3]), holdout=np.array([1, 4, 5]))
    assert shared_groups(groups, leaking) == 2
    assert shared_groups(groups, Split(train=np.array([0, 1, 2]), holdout=np.array([3, 4, 5]))) == 0


def test_one_patient_cannot_be_split():
    with pytest.raises(ValueError, match="1 patients are too few"):
        grouped_split(np.zeros(10, dtype=np.int64), holdout_fraction=0.3, seed=0)
