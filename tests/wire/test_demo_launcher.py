"""`make run` as a person meets it: cut off in the middle, started again, stopped with Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

from sandbox.demo.launch import CHECKOUT
from sandbox.demo.preflight import free_port

pytestmark = [pytest.mark.recovery, pytest.mark.timeout(400)]
STEP_SECONDS = 150


class Launcher:
    """One start of the launcher; `said` waits for a line of it."""

    def __init__(self, home, ports, output) -> None:
        self.output = output
        arguments = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        with output.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.demo.launch", "--home", str(home), *arguments],
                cwd=CHECKOUT, stdout=stream, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def said(self, words: str) -> None:
        end = time.monotonic() + STEP_SECONDS
        while words not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < end, f"it never said {words!r}: {self.output.read_text()}"
            time.sleep(0.1)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


def running_for(home):
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join([*process.cmdline(), process.environ().get("MLOPS_HOME", "")]):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue  # ended meanwhile
    return found


def test_cut_off_in_the_middle_then_continued_then_stopped(tmp_path):
    home, ports = tmp_path / "home", {name: free_port() for name in ("console", "sandbox", "browser")}
    first = Launcher(home, ports, tmp_path / "first.txt")
    try:
        first.said("Signed in as lead by device flow")
        assert f"Console usable at http://127.0.0.1:{ports['console']}" in first.output.read_text()
    finally:
        first.end(signal.SIGKILL)
    assert running_for(home), "its children run in sessions of their own"

    second = Launcher(home, ports, tmp_path / "second.txt")
    try:
        second.said("Ended the sandbox of an earlier start that was cut off")
        second.said("Cohorts of simulated patients")
    finally:
        code = second.end(signal.SIGINT)
    assert code == 0, second.output.read_text()
    assert "Everything this world started has ended; `make run` continues it." in second.output.read_text()
    assert running_for(home) == []
