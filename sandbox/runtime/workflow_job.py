"""A workflow job in progress: its folders, its environment, its log, and what must not appear in it."""

from __future__ import annotations

import threading
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

    `deadline` is on the monotonic clock; `uploaded` is told the name of each artifact.
    """

    workspace: Path
    temporary: Path
    log_file: Path
    artifacts: Path
    bare_repository: Path
    env: dict[str, str]
    context: dict[str, Any]
    deadline: float
    timeout_minutes: float = 0.0
    masks: list[str] = field(default_factory=list)
    annotations: list[Document] = field(default_factory=list)
    last_lines: list[str] = field(default_factory=list)
    summary: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    cancel_reason: str = ""
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

    def cancel(self, reason: str) -> None:
        self.cancel_reason = self.cancel_reason or reason
        self.cancelled.set()


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
