"""Environments that another Python made, that another start still installs, and an installation that is ended."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time

import psutil
import pytest

from sandbox.demo.environments import InstallFailed, alone, ensure, ensure_all, is_complete, made_by, minor_version


@pytest.fixture
def checkout(tmp_path):
    """A checkout with one environment, whose lock asks for nothing."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "runtime.txt").write_text("")
    return tmp_path


def lay_down(checkout, version):
    folder = checkout / ".venv" / "runtime"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
    for name in ("python", "pip"):
        (folder / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
    return folder


@pytest.mark.recovery
def test_an_environment_of_another_python_is_made_again_with_a_line_that_says_why(checkout):
    folder, said = lay_down(checkout, "3.9.18"), []
    assert ensure_all(checkout, ["runtime"], checkout / "logs", lambda text, _started: said.append(text))
    assert said == [
        f"Environment runtime was made by Python 3.9 and this is {minor_version()}: making it again",
        "Environment runtime installed",
    ]
    assert made_by(folder) == minor_version()
    asked = [folder / "bin" / "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == made_by(folder)
    assert is_complete(checkout, "runtime")
    assert not ensure_all(checkout, ["runtime"], checkout / "logs", lambda text, _started: said.append(text))
    assert said[2:] == ["Environment runtime ready"]


def test_an_installation_under_way_elsewhere_is_waited_for(checkout):
    said, ended = [], threading.Event()

    def tell(text):
        said.append(text)
        ended.set()

    lay_down(checkout, "3.9.18")
    with alone(checkout / ".venv" / "runtime", said.append, ended):
        assert said == []
        with pytest.raises(InstallFailed, match="was still being installed by another start"):
            ensure(checkout, "runtime", checkout / "log", tell, ended)
    assert said == ["Environment runtime is still being installed by another start: waiting for its end"]
    assert made_by(checkout / ".venv" / "runtime") == "3.9"


def test_what_an_installation_has_started_holds_the_environment_after_a_kill_of_the_launcher(checkout):
    """The launcher is killed, pip works on: the next start must not install into the same folder beside it."""
    code = f"""
import subprocess, sys, threading
from pathlib import Path
from sandbox.demo.environments import alone
with alone(Path({str(checkout)!r}, ".venv", "runtime"), print, threading.Event()) as lock:
    pip = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(lock,))
    print(pip.pid, flush=True)
    threading.Event().wait()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        pip = psutil.Process(int(launcher.stdout.readline()))
        launcher.kill()
    with (checkout / ".venv" / "runtime.lock").open("w") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        pip.kill()
        end = time.monotonic() + 10
        while pip.is_running() and pip.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < end
            time.sleep(0.05)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Stop(BaseException):
    """What a signal raises in the launcher."""


def test_a_stopped_start_leaves_no_installer_behind(checkout):
    (checkout / "requirements" / "console.txt").write_text("")
    before = {child.pid for child in psutil.Process().children(recursive=True)}

    def stop_at_once(_text, _started):
        raise Stop

    lay_down(checkout, "3.9.18")
    with pytest.raises(Stop):
        ensure_all(checkout, ["runtime", "console"], checkout / "logs", stop_at_once)
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert [child.cmdline() for child in left if child.status() != psutil.STATUS_ZOMBIE] == []
    assert not is_complete(checkout, "console")
