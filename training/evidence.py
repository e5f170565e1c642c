"""The evidence folder: what a run found out, in files that others read without our code."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training import bands
from training.data import Dataset
from training.split import IntArray, shared_groups
from training.split import Split as RowSplit


def write_json(path: Path, value: object) -> None:
    """Write readable JSON with sorted keys; NaN is refused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def write_predictions(path: Path, dataset: Dataset, rows: IntArray, columns: Mapping[str, NDArray[np.float64]]) -> None:
    """Write one line per holdout row: row, group, outcome, bands and the named probabilities. Never a PatientID."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(
        {
            "row": pa.array(rows, pa.int64()),
            "group": pa.array(dataset.groups[rows], pa.int64()),
            "outcome": pa.array(dataset.outcome[rows], pa.int8()),
            **{name: pa.array(values, pa.float64()) for name, values in columns.items()},
            **bands.columns(dataset.features[rows]),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)


def describe_dataset(dataset: Dataset, split: RowSplit, seed: int) -> dict[str, str | int]:
    """Return what identifies the data of a run and how it was split."""
    return {
        "digest": dataset.digest,
        "rows": len(dataset),
        "patients": len(np.unique(dataset.groups)),
        "shared_groups": shared_groups(dataset.groups, split),
        "seed": seed,
    }


def describe_environment() -> dict[str, str]:
    """Return the versions of Python and of every package that is installed: what the environment really resolved to.

    Names are spelled as PyPI compares them (PEP 503). Of two copies of a package on the path the first counts, which is
    the one that an import finds.
    """
    found = {"python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    for package in distributions():
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"] or "").lower()
        if name:
            found.setdefault(name, package.version)
    return found
