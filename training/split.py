"""The split into training and holdout rows, by patient.

A patient who comes twice must not be learnt from and then judged on: the model would be praised for remembering.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Row numbers, ascending; every row is in exactly one of the two."""

    train: IntArray
    holdout: IntArray


def grouped_split(groups: IntArray, *, holdout_fraction: float, seed: int) -> Split:
    """Put whole patients into the holdout until it has `holdout_fraction` of the rows; same arguments, same split.

    `groups` names the patient of each row. Raises ValueError when one side would stay empty.
    """
    patients, visits = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(patients))
    rows_before = np.cumsum(visits[order]) - visits[order]
    chosen = patients[order][rows_before < round(holdout_fraction * len(groups))]
    in_holdout = np.isin(groups, chosen)
    if in_holdout.all() or not in_holdout.any():
        raise ValueError(f"{len(patients)} patients are too few for a training set and a holdout")
    return Split(train=np.flatnonzero(~in_holdout), holdout=np.flatnonzero(in_holdout))


def shared_groups(groups: IntArray, split: Split) -> int:
    """Count the patients on both sides; 0 unless the split leaks."""
    return len(np.intersect1d(groups[split.train], groups[split.holdout]))
