"""Contracts as runs write them, of a model that only looks at age."""

from __future__ import annotations

import json

import numpy as np

from backend.domain.contract import Contract
from backend.policy.contract.reading import read_contract
from training.contract import contract
from training.data import AGE


class Older:
    """What scikit-learn calls a classifier: the older, the likelier; half at 50."""

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        positive = 1 / (1 + np.exp(-(rows[:, AGE] - 50) / 10))
        return np.column_stack([1 - positive, positive])


WRITTEN = json.dumps(contract(Older())).encode()
"""A run's `evidence/contract.json`."""
CONTRACT: Contract = read_contract(WRITTEN)


def changed(**fields: object) -> Contract:
    """The same with other values."""
    return CONTRACT.model_copy(update=fields)


def with_field(name: str, **fields: object) -> Contract:
    """The same with one field of a row another."""
    told = tuple(f.model_copy(update=fields) if f.name == name else f for f in CONTRACT.fields)
    return changed(fields=told)
