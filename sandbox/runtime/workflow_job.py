"""A workflow job in progress: its folders, its environment, its log, and what must not appear in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from sandbox.state.documents import Document

KEPT_LINES = 20
MAX_ANNOTATIONS = 50


@dataclass(slots=True)
class JobRun:
    """`workspace` is GITHUB_WORKSPACE. Whatever leaves the job (log, annotations, summary) passes its masks.

    `deadline` is on the monotonic clock: first that of the job's time limit, after a cancel that of the `grace`.
    `uploaded` is told the name of each artifact.
    """

    workspace: Path
    temporary: Path
    log_file: Path
    artifacts: Path
    bare_repository: Path
    env: dict[str, str]
    context: dict[str, Any]
    deadline: float
    timeout_minutes: float
    grace: float
    masks: list[str] = field(default_factory=list)
    annotations: list[Document] = field(default_factory=list)
    last_lines: list[str] = field(default_factory=list)
    summary: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    cancel_reason: str = ""
    forced: bool = False
    uploaded: Callable[[str], None] = lambda _name: None

    def hidden(self, text: str) -> str:
        for mask in self.masks:
            text = text.replace(mask, "***")
        return text

    def log(self, text: str) -> None:
        with self.log_file.open("a", encoding="utf-8") as stream:
            stream.write(self.hidden(text).rstrip("\n") + "\n")

    def remember(self, line: str) -> None:
        """Keep it among the last lines, from which a failed step's reason is taken."""
        if line.strip():
            self.last_lines = [*self.last_lines[1 - KEPT_LINES :], self.hidden(line.strip())]

    def annotate(self, level: str, message: str, *, path: str = ".github", line: int = 1, title: str = "") -> None:
        if len(self.annotations) < MAX_ANNOTATIONS:
            self.annotations.append(
                {
                    "path": path,
                    "start_line": line,
                    "end_line": line,
                    "annotation_level": level,
                    "title": self.hidden(title),
                    "message": self.hidden(message),
                }
            )

    def cancel(self, reason: str, *, force: bool = False) -> None:
        """End what runs but what is meant to run after a cancel, which has the grace; with `force` end that as well."""
        if not self.cancelled.is_set():
            self.cancel_reason = reason
            self.deadline = time.monotonic() + self.grace
            self.cancelled.set()
        if force:
            self.forced = True
            self.deadline = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether its time limit, or the grace after a cancel, has passed."""
        return time.monotonic() >= self.deadline


def end_processes(temporary: Path, seconds: float = 3.0) -> None:
    """End every process that carries the job's RUNNER_TEMP, also what steps left in the background.

    GitHub's runner finds orphans in the same way, by a variable it gave them.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RUNNER_TEMP") == str(temporary):
                process.kill()
                found.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or somebody else's
    psutil.wait_procs(found, timeout=seconds)
