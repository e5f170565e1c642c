"""Processes that outlive the sandbox: found again after a restart by pid and start time, never by name.

A small shell wrapper leads a session of its own, waits for the command and writes its exit code to a file in one
step. When neither the process nor the file is there, nobody knows how it ended: it is lost, and that is said.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from sandbox.state.documents import Document

WRAPPER = """
trap : TERM
"$@" &
child=$!
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
echo $code > "$0.part"
mv "$0.part" "$0"
"""
START_TOLERANCE_SECONDS = 0.05
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""For the environment of jobs and servers, which share the cores: each waiting thread of OpenMP keeps one busy."""


@dataclass(frozen=True, slots=True)
class Process:
    """A started process; `started` is the kernel's start time, which tells a reused pid from ours."""

    pid: int
    started: float
    exit_file: str

    def document(self) -> Document:
        """For storage; `Process(**document)` reads it back."""
        return asdict(self)


def start(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path, exit_file: Path
) -> Process:
    """Start `command` in a session of its own, stdout and stderr appended to `log`; nothing is inherited.

    `environment` is all the process sees of ours. OSError if the folder or the program is missing.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    exit_file.parent.mkdir(parents=True, exist_ok=True)
    exit_file.unlink(missing_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            ["/bin/sh", "-c", WRAPPER, str(exit_file), *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child.returncode = 0  # we reap it in `alive`; a Popen that is collected must not warn about a live child
    return Process(child.pid, psutil.Process(child.pid).create_time(), str(exit_file))


def alive(process: Process) -> bool:
    """Whether the recorded process runs; collects it if it ended as a child of ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.started) < START_TOLERANCE_SECONDS
        return bool(same and found.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def find(exit_file: Path) -> Process | None:
    """The running wrapper that will write this exit file: for a start whose record was never stored."""
    for candidate in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = candidate.cmdline()
            if words[:2] == ["/bin/sh", "-c"] and words[3:4] == [str(exit_file)]:
                return Process(candidate.pid, candidate.create_time(), str(exit_file))
    return None


def exit_code(process: Process) -> int | None:
    """What the command returned (128 + signal if one ended it); None while it runs and when it was lost."""
    try:
        return int(Path(process.exit_file).read_text())
    except (FileNotFoundError, ValueError):
        return None


def terminate(process: Process, grace_seconds: float = 5.0) -> None:
    """End the whole session: SIGTERM, then SIGKILL for what is left; returns when nothing of it runs."""
    members = _session(process)
    _signal(members, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and _running(members):
        time.sleep(0.05)
    members = {*members, *_session(process)}
    _signal(_running(members), signal.SIGKILL)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and _running(members):
        time.sleep(0.05)
    alive(process)


def _session(process: Process) -> set[psutil.Process]:
    """The wrapper and everything that shares its session, also what the command left behind in the background."""
    found = set()
    for candidate in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(candidate.pid) == process.pid and candidate.create_time() >= process.started - 1:
                found.add(candidate)
    return found


def _running(members: set[psutil.Process]) -> set[psutil.Process]:
    left = set()
    for member in members:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(member.pid, os.WNOHANG)
        with contextlib.suppress(psutil.Error):
            if member.is_running() and member.status() != psutil.STATUS_ZOMBIE:
                left.add(member)
    return left


def _signal(members: set[psutil.Process], number: int) -> None:
    for member in members:
        with contextlib.suppress(psutil.Error):
            member.send_signal(number)
