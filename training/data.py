"""The patient table: its schema, written once, and the only way to read it.

The values are checked when they enter, so that everything behind `load` may trust them. A message names the row and the
column; it never quotes a PatientID. Neither pandas nor scikit-learn is imported: the scoring script shares the schema.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PATIENT = "PatientID"
TARGET = "Diabetic"


class DataError(Exception):
    """The table cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Column:
    """One feature: its unit and the range in which a clinician would believe a value.

    Outside the plausible range a table is refused and a scoring request is answered with a warning. Ten times beyond it
    on either side lies what is refused everywhere: a unit error or a slip of the keyboard, not a patient.
    """

    name: str
    unit: str
    low: float
    high: float
    whole: bool = False

    @property
    def possible_low(self) -> float:
        """The smallest value that is answered at all."""
        return self.low / 10

    @property
    def possible_high(self) -> float:
        """The largest value that is answered at all."""
        return self.high * 10

    def is_plausible(self, value: float) -> bool:
        """Whether a clinician would believe it."""
        return self.low <= value <= self.high

    def is_possible(self, value: float) -> bool:
        """Whether it is worth an answer."""
        return self.possible_low <= value <= self.possible_high


FEATURES: tuple[Column, ...] = (
    Column("Pregnancies", "count", 0, 20, whole=True),
    Column("PlasmaGlucose", "mg/dL, 2 h after glucose", 30, 600),
    Column("DiastolicBloodPressure", "mmHg", 20, 180),
    Column("TricepsThickness", "mm", 3, 120),
    Column("SerumInsulin", "µU/mL", 2, 1500),
    Column("BMI", "kg/m²", 10, 90),
    Column("DiabetesPedigree", "score", 0.01, 5),
    Column("Age", "years", 18, 110),
)
FEATURE_NAMES: tuple[str, ...] = tuple(column.name for column in FEATURES)
HEADER: tuple[str, ...] = (PATIENT, *FEATURE_NAMES, TARGET)
AGE = FEATURE_NAMES.index("Age")


@dataclass(frozen=True)
class Dataset:
    """A checked table of n rows.

    `features` is float64 (n, 8) in the order of FEATURES, `outcome` int8 (n,) of 0 and 1, `patients` int64 (n,),
    `digest` the sha256 of the file's bytes. `patients` must not leave the process: use `groups`.
    """

    features: NDArray[np.float64]
    outcome: NDArray[np.int8]
    patients: NDArray[np.int64]
    digest: str

    def __len__(self) -> int:
        return len(self.outcome)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """One ordinal per patient, by first appearance: it says who is the same person, and nothing about who."""
        _, first, inverse = np.unique(self.patients, return_index=True, return_inverse=True)
        ordinal = np.empty(len(first), dtype=np.int64)
        ordinal[np.argsort(first)] = np.arange(len(first))
        return ordinal[inverse]


def load(path: Path, *, minimum_rows: int = 1) -> Dataset:
    """Read and check a CSV with exactly the columns of HEADER, in any order.

    A folder that holds one CSV stands for that file, which is how a folder asset is mounted. Raises DataError.
    """
    content = _read(_the_csv(path))
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as exc:
        raise DataError(f"{path.name} is not UTF-8 text (byte {exc.start}); export it as a UTF-8 CSV") from exc
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise DataError(f"{path.name} is empty; expected the header {','.join(HEADER)}")
        _check_header(header)
        rows = [_parse(header, cells, row) for row, cells in enumerate(reader, start=1) if cells]
    except csv.Error as exc:
        raise DataError(f"{path.name}, line {reader.line_num}: not a CSV ({exc})") from exc
    if len(rows) < minimum_rows:
        raise DataError(f"{path.name} has {len(rows)} rows; at least {minimum_rows} are needed")
    return _assemble(rows, content, path.name)


def _the_csv(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.csv"))
    if len(found) != 1:
        raise DataError(f"the folder {path.name} holds {len(found)} CSV files; name the one to use")
    return found[0]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise DataError(f"cannot read {path}: {exc.strerror}") from exc


def _check_header(header: Sequence[str]) -> None:
    missing = [name for name in HEADER if name not in header]
    unknown = [name for name in header if name not in HEADER]
    repeated = sorted({name for name in header if header.count(name) > 1})
    for problem, names in (("missing", missing), ("unknown", unknown), ("repeated", repeated)):
        if names:
            shown = ", ".join(repr(name[:40]) for name in names[:10])
            raise DataError(f"header: {problem} column {shown}; expected {','.join(HEADER)}")


def _parse(header: Sequence[str], cells: Sequence[str], row: int) -> tuple[int, list[float], int]:
    if len(cells) != len(header):
        raise DataError(f"row {row}: {len(cells)} cells where the header has {len(header)}")
    by_name = dict(zip(header, cells, strict=True))
    values = [_feature(column, by_name[column.name], row) for column in FEATURES]
    return _patient(by_name[PATIENT], row), values, _outcome(by_name[TARGET], row)


def _feature(column: Column, cell: str, row: int) -> float:
    where = f"row {row}, column {column.name}"
    try:
        # Python reads 1_0 and digits of other scripts as numbers, where a clinic's export holds a slip.
        value = float(cell if cell.isascii() and "_" not in cell else "")
    except ValueError as exc:
        raise DataError(f"{where}: {cell[:40]!r} is not a number") from exc
    if not math.isfinite(value):
        raise DataError(f"{where}: {cell[:40]!r} is not a finite number")
    if column.whole and not value.is_integer():
        raise DataError(f"{where}: {value:g} is not a whole number")
    if not column.is_plausible(value):
        raise DataError(f"{where}: {value:g} is outside {column.low:g} to {column.high:g} ({column.unit})")
    return value


def _patient(cell: str, row: int) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 18):
        raise DataError(f"row {row}, column {PATIENT}: not a whole number of at most 18 digits")
    return int(cell)


def _outcome(cell: str, row: int) -> int:
    if cell not in ("0", "1"):
        raise DataError(f"row {row}, column {TARGET}: {cell[:40]!r} is neither 0 nor 1")
    return int(cell)


def _assemble(rows: Sequence[tuple[int, list[float], int]], content: bytes, name: str) -> Dataset:
    outcome = np.array([row[2] for row in rows], dtype=np.int8)
    classes = np.unique(outcome)
    if len(classes) == 1:
        raise DataError(f"{name}, column {TARGET}: every row is {classes[0]}; both outcomes are needed to learn")
    return Dataset(
        features=np.array([row[1] for row in rows], dtype=np.float64),
        outcome=outcome,
        patients=np.array([row[0] for row in rows], dtype=np.int64),
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
    )
