"""The ledger as a file: JSON lines that prove themselves, without a database and without a network.

```
{"body":{"action":…,"previous":"sha256:…","sequence":1,…},"hash":"sha256:…"}
…
{"head":{"at":"2026-11-26T14:05:00Z","format":"mlops-ledger/1","hash":"sha256:…","sequence":120}}
```

The bytes between `{"body":` and `,"hash":` are exactly what was hashed. `at` says when the file was made; it
is no part of the chain.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from backend.domain.audit import AuditEntry, ChainReport
from backend.domain.ledger_chain import ChainWalk, canonical, digest_of_bytes
from backend.errors import Invalid, NotFound

FORMAT = "mlops-ledger/1"
LONGEST_LINE = 4_000_000
"""Far above what a reason and a detail can fill; one endless line must not fill the memory."""

_HEAD = b'{"head":'
_OPEN, _HASH, _CLOSE = b'{"body":', b',"hash":"', b'"}'
_HASH_LENGTH = len("sha256:") + 64


class _Unreadable(Exception):
    """A line that is no row as the export writes it."""


def lines(entries: Iterable[AuditEntry], now: datetime) -> Iterator[bytes]:
    """Every row and then the head, each with its line break. Rows stand as they are stored: nothing is mended."""
    sequence, last = 0, ""
    for entry in entries:
        sequence, last = entry.sequence, entry.hash
        yield b"".join((_OPEN, canonical(entry).encode(), _HASH, entry.hash.encode(), _CLOSE, b"\n"))
    head = {"at": now.isoformat(), "format": FORMAT, "hash": last, "sequence": sequence}
    yield json.dumps({"head": head}, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def write(path: Path, content: Iterable[bytes]) -> None:
    """The whole file or none: it takes its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def verify(path: Path) -> ChainReport:
    """Walk the chain of a file, one line in memory at a time; names the first row that is broken."""
    with _opened(path) as file:
        walk = ChainWalk()
        for line in _read(file):
            try:
                if line.startswith(_HEAD):
                    return _ended(walk, line, file)
                body, told = _parts(line)
                sequence, previous = _place(body)
            except _Unreadable as why:
                number = walk.entries + 1
                return ChainReport(entries=number, whole=False, problem=f"entry {number} cannot be read: {why}")
            broken = walk.take(sequence, previous, told, digest_of_bytes(body))
            if broken:
                return ChainReport(entries=walk.entries, whole=False, problem=broken)
    problem = f"the head is missing: the file was cut after entry {walk.entries}"
    return ChainReport(entries=walk.entries, whole=False, problem=problem)


class Rows:
    """The rows of a file that has been verified, in their order; `made` is known when they have been read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.made: datetime | None = None

    def __iter__(self) -> Iterator[AuditEntry]:
        """Raises Invalid at a line that is none of a ledger's."""
        with _opened(self._path) as file:
            for number, line in enumerate(_read(file), start=1):
                try:
                    if line.startswith(_HEAD):
                        self.made = datetime.fromisoformat(json.loads(line)["head"]["at"])
                        return
                    body, told = _parts(line)
                    entry = AuditEntry.model_validate({**json.loads(body), "hash": told})
                except (_Unreadable, ValueError, KeyError, TypeError) as error:
                    raise Invalid(f"line {number} of {self._path.name} is no row of a ledger.") from error
                yield entry


def _ended(walk: ChainWalk, line: bytes, file: IO[bytes]) -> ChainReport:
    try:
        head = json.loads(line)["head"]
        known, sequence, last = head["format"], int(head["sequence"]), str(head["hash"])
    except (ValueError, KeyError, TypeError) as error:
        raise _Unreadable("its place is taken by a head that is none") from error
    if known != FORMAT:
        raise _Unreadable(f"the head names the format {str(known)[:40]!r}, this release reads {FORMAT}")
    problem = walk.end(sequence, last)
    if not problem and file.read(1):
        problem = f"there is something after the head, which belongs to entry {walk.entries}"
    return ChainReport(entries=walk.entries, whole=not problem, problem=problem)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line.rstrip(b"\n")


def _parts(line: bytes) -> tuple[bytes, str]:
    """The hashed bytes and the hash that stands beside them."""
    cut = len(line) - len(_CLOSE) - _HASH_LENGTH - len(_HASH)
    framed = line.startswith(_OPEN) and line.endswith(_CLOSE) and line[cut : cut + len(_HASH)] == _HASH
    if cut < len(_OPEN) or not framed:
        raise _Unreadable("it does not have the form of a row")
    return line[len(_OPEN) : cut], line[cut + len(_HASH) : -len(_CLOSE)].decode(errors="replace")


def _place(body: bytes) -> tuple[int, str]:
    try:
        fields = json.loads(body)
        return int(fields["sequence"]), str(fields["previous"])
    except (ValueError, KeyError, TypeError) as error:
        raise _Unreadable("what was hashed is no row") from error


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror or error}.") from error
