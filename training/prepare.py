"""Check a data file against the schema and say what it holds; nothing is trained.

    python -m training.prepare --data CSV --evidence-dir DIR

Writes `dataset.json` with the file's digest, its rows and its patients. Exit 2 with one line that names row and column
when the file cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from training import data, evidence, params
from training.data import DataError
from training.params import ParamsError


def main() -> int:
    """Read, check, write; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.prepare", description="Check a data file.")
    parser.add_argument("--data", type=Path, required=True, help="CSV with the header of training/data.py")
    parser.add_argument("--params", type=Path, default=Path("training/params.toml"))
    parser.add_argument("--evidence-dir", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        dataset = data.load(arguments.data, minimum_rows=params.load(arguments.params).minimum_rows)
    except (DataError, ParamsError) as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    found = {
        "digest": dataset.digest,
        "rows": len(dataset.outcome),
        "patients": len(np.unique(dataset.groups)),
        "positives": int(dataset.outcome.sum()),
    }
    evidence.write_json(arguments.evidence_dir / "dataset.json", found)
    sys.stdout.write(f"{found['rows']} rows of {found['patients']} patients, {found['positives']} positive\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
