"""The two worlds that most tests of a decision begin in; the ledger has to be whole at their end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recovery.hospital import Hospital


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Hospital]:
    """v1 serves, v2 has been tested."""
    yield from kept(Hospital.after(tmp_path, "1", staged="2"))


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Hospital]:
    """v2 serves, v1 is warm."""
    yield from kept(Hospital.after(tmp_path, "1", "2"))


@pytest.fixture
def worse(tmp_path: Path) -> Iterator[Hospital]:
    """v1 serves, v2 misses more patients: a hard gate did not pass."""
    hospital = Hospital.after(tmp_path, "1")
    hospital.cloud.gain = -0.1
    hospital.staged("2")
    yield from kept(hospital)


def kept(hospital: Hospital) -> Iterator[Hospital]:
    yield hospital
    report = hospital.store.audit.verify()
    hospital.close()
    assert report.whole, report.problem
