"""The beginning of an artefact, by what it is: text, a table, a picture. Anything else is named and not opened.

Nothing is unpickled or run: a preview parses text, PNG's and JPEG's first bytes, and Parquet's columns.
"""

from __future__ import annotations

import base64
import csv
import io

from backend.domain.runs import Preview

LARGEST = 5_000_000
MOST_TEXT = 40_000
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 50, 40, 80
PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}


def preview(path: str, content: bytes) -> Preview:
    """What can be shown of the file; `other` where nothing can."""
    size = len(content)
    other = Preview(path=path, kind="other", size=size)
    if size <= LARGEST and content.startswith(tuple(PICTURES)):
        return Preview(path=path, kind="image", size=size, data=base64.b64encode(content).decode("ascii"))
    if size <= LARGEST and content.startswith(b"PAR1"):
        return _parquet(path, content) or other
    text = _text(content) if size <= LARGEST else None
    if text is None:
        return other
    if path.lower().endswith(".csv"):
        return _csv(path, text, size)
    return Preview(path=path, kind="text", size=size, text=text[:MOST_TEXT])


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    return None if "\0" in text else text


def _csv(path: str, text: str, size: int) -> Preview:
    lines = list(csv.reader(io.StringIO(text)))
    heads, body = (lines[0], lines[1:]) if lines else ([], [])
    width = len(heads[:MOST_COLUMNS])
    rows = [tuple(cell[:LONGEST_CELL] for cell in [*row, *[""] * width][:width]) for row in body[:MOST_ROWS]]
    return Preview(
        path=path,
        kind="table",
        size=size,
        columns=tuple(head[:LONGEST_CELL] for head in heads[:MOST_COLUMNS]),
        rows=tuple(rows),
        total_rows=len(body),
    )


def _parquet(path: str, content: bytes) -> Preview | None:
    from pyarrow import lib, parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        names = file.schema_arrow.names[:MOST_COLUMNS]
        first = next(file.iter_batches(batch_size=MOST_ROWS, columns=names), None)
    except (lib.ArrowException, OSError):
        return None
    found = first.to_pylist() if first is not None else []
    return Preview(
        path=path,
        kind="table",
        size=len(content),
        columns=tuple(names),
        rows=tuple(tuple(str(row[name])[:LONGEST_CELL] for name in names) for row in found),
        total_rows=file.metadata.num_rows,
    )
