"""The file of a data asset, looked at before it is uploaded: is it a table at all.

Whether its columns and values fit the schema is the training code's knowledge, and its own run checks that.
"""

from __future__ import annotations

import csv
from pathlib import Path

from backend.errors import Invalid

ADVICE = "Give a CSV file whose first line names the columns."


def check_table(file: Path) -> None:
    """Raises Invalid for a file that is empty, not text, without named columns or rows, or ragged (with its line)."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            header = next(rows, [])
            _check_header(file, header)
            count = 0
            for row in rows:
                if row and len(row) != len(header):
                    raise Invalid(
                        f"{file}, line {rows.line_num}: {len(row)} values under {len(header)} columns. {ADVICE}"
                    )
                count += bool(row)
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not text in UTF-8 ({error.reason} at byte {error.start}). {ADVICE}") from error
    except csv.Error as error:
        raise Invalid(f"{file} is not CSV: {error}. {ADVICE}") from error
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from error
    if count == 0:
        raise Invalid(f"{file} has a header and no rows. {ADVICE}")


def _check_header(file: Path, header: list[str]) -> None:
    if not header:
        raise Invalid(f"{file} is empty. {ADVICE}")
    if len(header) < 2 or any(not name.strip() or _is_number(name) for name in header):
        raise Invalid(
            f"{file} does not begin with the names of its columns but with {', '.join(header)[:80]!r}. {ADVICE}"
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise Invalid(f"{file} has the column {twice[0]} twice. {ADVICE}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
