"""The processes of one world: started with a log each, watched, and all ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path


class Died(Exception):
    """A process of the world ended by itself; the text has its last lines."""


class Children:
    """Processes in sessions of their own, so that Ctrl-C reaches only us and we end them in order."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, argv: list[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def has(self, name: str) -> bool:
        return name in self._running

    def check(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise Died(f"{name} ended with code {process.returncode}: {self.tail(name)}")

    def tail(self, name: str, lines: int = 3) -> str:
        text = (self.logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return " / ".join(text[-lines:]) or "it printed nothing"

    def wait_for(self, url: str, seconds: float, what: str) -> None:
        """Until `url` answers 200."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check()
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


def _signal(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            return
