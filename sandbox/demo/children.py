"""The processes of one world: started with a log each, watched, and all ended together."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

RESTARTS = 3
RESTARTS_WITHIN = 600.0
"""A process that dies more often than this is not mended by another start."""
WRONG_SETTING = 78  # EX_CONFIG of sysexits.h: another start would read the same setting
SAY_EVERY = 30.0
LINE = 160


class Died(Exception):
    """A process of the world ended by itself; the text has its last lines."""


class Children:
    """Processes in sessions of their own, so that Ctrl-C reaches only us and we end them in order.

    `tell(text)` hears of what takes long and of what was started again.
    """

    def __init__(self, logs: Path, tell: Callable[[str], None] = lambda _text: None) -> None:
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self._tell = tell
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._again: dict[str, Callable[[], None]] = {}
        self._restarts: dict[str, deque[float]] = {}

    def start(self, name: str, argv: list[str], *, cwd: Path, env: Mapping[str, str], again: bool = False) -> None:
        """Start `name`; with `again`, `check` starts it once more when it has died, a bounded number of times."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        if again:
            self._again[name] = lambda: self.start(name, argv, cwd=cwd, env=env, again=True)
        self._record()

    @property
    def _records(self) -> Path:
        return self.logs / "children.json"

    def _record(self) -> None:
        told = {name: [process.pid, _started(process.pid)] for name, process in self._running.items()}
        partial = self._records.with_suffix(".part")
        partial.write_text(json.dumps(told))
        partial.replace(self._records)

    def end_leftovers(self, seconds: float = 15.0) -> list[str]:
        """End what a killed launcher of this home left running, told by pid and start time; the names of it."""
        try:
            told: dict[str, tuple[int, str]] = json.loads(self._records.read_text())
        except (FileNotFoundError, ValueError):
            return []
        left = {name: pid for name, (pid, started) in told.items() if started and _started(pid) == started}
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in left.values():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, sign)
            end = time.monotonic() + seconds
            while time.monotonic() < end and any(_started(pid) == told[name][1] for name, pid in left.items()):
                time.sleep(0.1)
        self._records.unlink(missing_ok=True)
        return list(left)

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def has(self, name: str) -> bool:
        return name in self._running

    def kill(self, name: str) -> None:
        """End one as a power cut does; it may be started again under its name."""
        process = self._running.pop(name)
        _signal(process, signal.SIGKILL)
        process.wait(timeout=5)

    def crash(self, name: str) -> None:
        """End one that may be started again as a power cut does, and start it."""
        self.kill(name)
        self._again[name]()

    def check(self) -> None:
        """Start again what may be, raise Died for what may not or has died too often."""
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                ended = f"{name} ended with code {process.returncode}"
                if process.returncode == WRONG_SETTING or not self._may_restart(name):
                    raise Died(f"{ended}: {self.tail(name)}")
                self._tell(f"{ended}, starting it again; its last line: {self.tail(name, 1)[:LINE]}")
                self._again[name]()

    def _may_restart(self, name: str) -> bool:
        if name not in self._again:
            return False
        now, before = time.monotonic(), self._restarts.setdefault(name, deque(maxlen=RESTARTS))
        if len(before) == RESTARTS and now - before[0] < RESTARTS_WITHIN:
            return False
        before.append(now)
        return True

    def tail(self, name: str, lines: int = 3) -> str:
        text = (self.logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return " / ".join(text[-lines:]) or "it printed nothing"

    def wait_for(self, url: str, seconds: float, what: str, say_every: float = SAY_EVERY) -> None:
        """Until `url` answers 200; a busy machine may take long, so what is waited for is told meanwhile."""
        began = time.monotonic()
        end, say_at = began + seconds, began + say_every
        while (now := time.monotonic()) < end:
            self.check()
            if now >= say_at:
                self._tell(f"{what} has not answered for {now - began:.0f} s, still waiting; its log is in {self.logs}")
                say_at = now + say_every
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # loopback, built by us
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise Died(f"{what} did not answer within {seconds:.0f} s at {url}; its log is in {self.logs}.")

    def stop(self, seconds: float = 15.0) -> None:
        """Ask the last started first; whoever is still there at the end is killed."""
        for process in reversed(list(self._running.values())):
            _signal(process, signal.SIGTERM)
        end = time.monotonic() + seconds
        for process in self._running.values():
            try:
                process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait(timeout=5)
        self._running.clear()
        self._records.unlink(missing_ok=True)


def _signal(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return


def _started(pid: int) -> str:
    """The kernel's start time of a process that runs, which tells it from another that was given its number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
