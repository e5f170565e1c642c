"""Outcomes that come days later: a CSV of request ids and outcomes, read whole or not at all.

    request_id,outcome[,row]
    7c1d...,1

`request_id` is what the answer carried, `row` the place in the request (0 where it asked for one). No other column is
taken: the file is a list of outcomes, and whoever they are of stays where the file comes from. Of the id a digest is
kept.
"""

from __future__ import annotations

import csv
import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from backend.domain.clock import Clock
from backend.domain.labels import Imported, Label
from backend.domain.people import WORKER, Actor, Right
from backend.errors import Invalid
from backend.operations.authorise import require
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

KEY_CHARACTERS = 32
"""As the scoring script cuts the digest of a request's id."""
REQUIRED, OPTIONAL = ("request_id", "outcome"), "row"
LONGEST_ID = 100
MOST_ROWS = 100_000
"""All of a file goes into one transaction, and others wait for it."""
LARGEST = 20_000_000
ACTION = "labels.imported"
MARK = "labels/file/"
_log = logging.getLogger(__name__)


def request_key(request_id: str) -> str:
    """What a request is found by."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:KEY_CHARACTERS]


def read_labels(content: bytes) -> tuple[Label, ...]:
    """The outcomes of a file. Raises Invalid with row and column of the first that is wrong, never its value."""
    if len(content) > LARGEST:
        raise Invalid(f"The file has {len(content):,} bytes; at most {LARGEST:,} are read.")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Invalid(f"The file is not UTF-8 text (byte {error.start}).") from error
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        _check_header(header)
        rows = [_label(dict(zip(header, cells, strict=True)) if len(cells) == len(header) else None, number)
                for number, cells in enumerate(reader, start=1) if cells]  # fmt: skip
    except csv.Error as error:
        raise Invalid(f"Line {reader.line_num} is not CSV: {error}.") from error
    if len(rows) > MOST_ROWS:
        raise Invalid(f"The file has {len(rows):,} rows; at most {MOST_ROWS:,} are read.")
    return _without_contradiction(rows)


def _check_header(header: Sequence[str]) -> None:
    allowed = {*REQUIRED, OPTIONAL}
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in allowed]
    if missing or unknown or len(set(header)) != len(header):
        what = f"column {missing[0]!r} is missing" if missing else "a column is given twice"
        if unknown:
            what = (
                f"column {header.index(unknown[0]) + 1} is none of request_id, outcome, row; nothing else may be in it"
            )
        raise Invalid(f"The header: {what}.")


def _label(cells: dict[str, str] | None, number: int) -> Label:
    if cells is None:
        raise Invalid(f"Row {number} has more or fewer cells than the header.")
    request, outcome, row = (
        cells["request_id"].strip(),
        cells["outcome"].strip(),
        cells.get(OPTIONAL, "0").strip() or "0",
    )
    if not request or len(request) > LONGEST_ID or not request.isprintable():
        raise Invalid(f"Row {number}, column request_id: not the id of a request (1 to {LONGEST_ID} characters).")
    if outcome not in {"0", "1"}:
        raise Invalid(f"Row {number}, column outcome: neither 0 nor 1.")
    if not (row.isascii() and row.isdigit() and len(row) <= 6):
        raise Invalid(f"Row {number}, column row: not a whole number of at most 6 digits.")
    return Label(request=request_key(request), row=int(row), ill=outcome == "1")


def _without_contradiction(rows: Sequence[Label]) -> tuple[Label, ...]:
    """Each outcome once. Raises Invalid where one answer has two different ones."""
    found: dict[tuple[str, int], Label] = {}
    for number, label in enumerate(rows, start=1):
        if found.setdefault((label.request, label.row), label).ill != label.ill:
            raise Invalid(f"Row {number}, column outcome: an earlier row says otherwise of the same answer.")
    return tuple(found.values())


class Labels:
    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def take_in(self, actor: Actor, name: str, content: bytes) -> Imported:
        """Import a file by hand. The same file twice is one. Raises Invalid before anything is kept."""
        require(actor, Right.MANAGE_RUNS)
        return self._take_in(actor, name, content)

    def look_into_folder(self) -> tuple[str, ...]:
        """The worker's own import: each file of the folder that is new or changed; why some are refused."""
        folder = self._project.labels_folder
        if folder is None:
            return ()
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".csv" and path.is_file())
        except OSError as error:
            return (f"The folder of labels cannot be read: {error.strerror or error}.",)
        return tuple(problem for path in files if (problem := self._file(path)))

    def _file(self, path: Path) -> str:
        """Read a file once for each content it has; "" or why it is refused."""
        try:
            content = path.read_bytes()
        except OSError as error:
            return f"{path.name} cannot be read: {error.strerror or error}."
        digest, mark = hashlib.sha256(content).hexdigest(), f"{MARK}{path.name}"[:200]
        known, _, problem = self._store.marks.value(mark).partition(" ")
        if known == digest:
            return problem
        try:
            told = self._take_in(WORKER, path.name, content)
            problem = ""
            _log.info("%s: %d outcomes, %d of them new", path.name, told.rows, told.added)
        except Invalid as error:
            problem = f"{path.name} was not imported: {error}"
        self._store.marks.set(mark, f"{digest} {problem}".strip())
        return problem

    def _take_in(self, actor: Actor, name: str, content: bytes) -> Imported:
        note = Note(
            actor=actor.name,
            channel=actor.channel,
            action=ACTION,
            subject=f"endpoint/{self._project.endpoint}",
            reason=f"Outcomes from {name[:100]}",
            detail={"file": f"sha256:{hashlib.sha256(content).hexdigest()}"},
        )
        return self._store.labels.take_in(read_labels(content), note)
