"""Artefacts of runs that have ended, kept in the cache folder: such a file is never written again.

A cache like any other: whatever is deleted is read from the service once more.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from backend.domain.runs import Run

LARGEST = 8_000_000
MOST_FILES = 2_000


class RunFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, run: Run, path: str, load: Callable[[str, str], bytes]) -> bytes:
        """The file, from the cache where it is there. Raises what `load` raises."""
        name = hashlib.sha256(f"{run.key}\0{path}".encode()).hexdigest()[:40]
        file = self._folder / name
        try:
            return file.read_bytes()
        except FileNotFoundError:
            content = load(run.id, path)
        if run.state.ended and len(content) <= LARGEST:
            self._keep(file, content)
        return content

    def _keep(self, file: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}.{threading.get_ident()}.partial")
        partial.write_bytes(content)
        partial.replace(file)
        kept = sorted(self._folder.iterdir(), key=lambda found: found.stat().st_mtime_ns)
        for oldest in kept[: max(0, len(kept) - MOST_FILES)]:
            oldest.unlink(missing_ok=True)
