"""The bands: every patient in exactly one of each axis, and the labels carried by the evidence."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from training import bands
from training.data import FEATURE_NAMES


def patients(**features):
    rows = max(len(values) for values in features.values())
    table = np.full((rows, len(FEATURE_NAMES)), 50.0)
    for name, values in features.items():
        table[:, FEATURE_NAMES.index(name)] = values
    return table


@pytest.mark.parametrize(
    ("axis", "column", "values", "expected"),
    [
        ("age", "Age", [18, 29, 30, 44, 45, 60, 110], [0, 0, 1, 1, 2, 3, 3]),
        ("pregnancies", "Pregnancies", [0, 1, 2, 3, 5, 6, 20], [0, 1, 1, 2, 2, 3, 3]),
        ("bmi", "BMI", [10, 24.99, 25, 29.99, 30, 35, 90], [0, 0, 1, 1, 2, 3, 3]),
    ],
)
def test_an_edge_belongs_to_the_band_that_it_begins(axis, column, values, expected):
    found = next(one for one in bands.AXES if one.name == axis)
    assert found.codes(patients(**{column: values})).tolist() == expected
    assert [low for _, low, _ in found.limits()[1:]] == [high for _, _, high in found.limits()[:-1]]


def test_the_evidence_carries_labels_of_empty_bands_too(tmp_path):
    table = pa.table(bands.columns(patients(Age=[65.0, 20.0])))
    parquet.write_table(table, tmp_path / "bands.parquet")
    column = parquet.read_table(tmp_path / "bands.parquet").column("band_age").combine_chunks()
    assert column.dictionary.to_pylist() == ["under 30", "30 to 44", "45 to 59", "60 and over"]
    assert column.to_pylist() == ["60 and over", "under 30"]
