"""The holdout as evidence holds it: outcome, both probabilities, who is the same patient, and the bands."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.errors import Conflict, Invalid
from backend.policy.paired import Bools, Floats, Ints

BAND_PREFIX = "band_"
"""Training writes one category column for each axis, `band_age`, with its labels in their order."""


@dataclass(frozen=True)
class Axis:
    """A way to divide patients: each row's band as an index into the labels."""

    name: str
    labels: tuple[str, ...]
    codes: Ints


@dataclass(frozen=True)
class Holdout:
    """Rows of both models: `outcome` 0 or 1, probabilities of 1, `groups` an ordinal for each patient.

    `digests` are the sha256 of the files it was read from.
    """

    outcome: Floats
    champion: Floats
    challenger: Floats
    groups: Ints
    axes: tuple[Axis, ...]
    digests: tuple[str, ...]

    @property
    def ill(self) -> Bools:
        return np.asarray(self.outcome == 1)


def read_paired(content: bytes) -> Holdout:
    """The holdout in a `paired.parquet`, which has a column for each model. Raises Invalid."""
    table = _table(content, ("outcome", "group", "champion", "challenger"))
    return _holdout(table, _column(table, "champion"), _column(table, "challenger"), (_digest(content),))


def read_single(content: bytes) -> Holdout:
    """The holdout in a training run's `predictions.parquet`, its one model on both sides. Raises Invalid."""
    table = _table(content, ("outcome", "group", "probability"))
    probability = _column(table, "probability")
    return _holdout(table, probability, probability, (_digest(content),))


def pair(champion: bytes, challenger: bytes) -> Holdout:
    """Two runs' `predictions.parquet` as one holdout. Raises Conflict where they are not the same rows.

    The bands are the challenger's: those of the code under review.
    """
    names = ("row", "outcome", "group", "probability")
    one, two = _table(champion, names), _table(challenger, names)
    if not all(np.array_equal(_column(one, name), _column(two, name)) for name in ("row", "outcome", "group")):
        raise Conflict(
            "The two runs judged different holdout rows, so their models cannot be compared: the pull request changes "
            "the split. Compare after the merge, or leave the split as it is.",
            expected=f"{one.num_rows} rows of the champion's run",
            actual=f"{two.num_rows} rows of the challenger's run",
        )
    digests = (_digest(champion), _digest(challenger))
    return _holdout(two, _column(one, "probability"), _column(two, "probability"), digests)


def _holdout(table: Any, champion: Any, challenger: Any, digests: tuple[str, ...]) -> Holdout:
    axes = tuple(_axis(table, name) for name in table.column_names if name.startswith(BAND_PREFIX))
    return Holdout(
        outcome=_column(table, "outcome").astype(np.float64),
        champion=champion.astype(np.float64),
        challenger=challenger.astype(np.float64),
        groups=np.unique(_column(table, "group"), return_inverse=True)[1].astype(np.int64),
        axes=axes,
        digests=digests,
    )


def _axis(table: Any, name: str) -> Axis:
    column = table.column(name).unify_dictionaries().combine_chunks()
    if column.null_count:
        raise Invalid(f"the predictions leave {column.null_count} rows without a band of {name}")
    # combine_chunks answers a chunked array in some versions of pyarrow and a plain one in others.
    whole = column.chunk(0) if hasattr(column, "chunk") else column
    labels = tuple(str(label) for label in whole.dictionary.to_pylist())
    return Axis(name.removeprefix(BAND_PREFIX), labels, whole.indices.to_numpy().astype(np.int64))


def _table(content: bytes, names: tuple[str, ...]) -> Any:
    from pyarrow import lib, parquet

    try:
        table = parquet.read_table(io.BytesIO(content))
    except lib.ArrowInvalid as exc:
        raise Invalid("the predictions are no Parquet file") from exc
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise Invalid(f"the predictions have no column {', '.join(missing)}")
    return table


def _column(table: Any, name: str) -> Any:
    return table.column(name).to_numpy()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
