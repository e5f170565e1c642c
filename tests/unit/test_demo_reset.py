"""`make reset`: a world that runs stays, and so does every folder that is no world."""

from __future__ import annotations

import fcntl
import os
import sys

import psutil
import pytest

from sandbox.demo.children import Children
from sandbox.demo.launch import one_launcher
from sandbox.demo.preflight import EXIT_UNAVAILABLE
from sandbox.demo.reset import main


@pytest.fixture
def home(tmp_path):
    """What is left of a world whose launcher has ended."""
    with one_launcher(tmp_path / "home"):
        pass
    (tmp_path / "home" / "sandbox").mkdir()
    (tmp_path / "home" / "sandbox" / "lock").touch()
    return tmp_path / "home"


def test_a_world_that_has_ended_is_deleted_and_a_second_reset_says_so(home, capsys):
    assert main(["--home", str(home)]) == 0
    assert not home.exists()
    assert capsys.readouterr().out.startswith(f"The world of {home} is deleted; the environments stay.")
    assert main(["--home", str(home)]) == 0
    assert capsys.readouterr().out == f"There is no world in {home}: nothing to delete.\n"


def test_a_world_that_runs_stays(home, capsys):
    with one_launcher(home):
        assert main(["--home", str(home)]) == EXIT_UNAVAILABLE
    assert capsys.readouterr().err.startswith(f"A world is already running in {home}")
    assert (home / "sandbox").exists()


def test_a_sandbox_without_a_launcher_keeps_its_world(home, capsys):
    with (home / "sandbox" / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["--home", str(home)]) == EXIT_UNAVAILABLE
    assert "A sandbox still runs on" in capsys.readouterr().err
    assert (home / "sandbox").exists()


def test_a_folder_that_is_no_world_stays_whole(tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("ten years")
    assert main(["--home", str(tmp_path)]) == EXIT_UNAVAILABLE
    assert "is not the folder of a local world: nothing was deleted" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").read_text() == "ten years"


def test_what_a_killed_launcher_left_is_ended_before_its_files_go(home):
    children = Children(home / "logs")
    children.start("sandbox", [sys.executable, "-c", "import time; time.sleep(60)"], cwd=home, env=os.environ)
    left = psutil.Process(children.pid("sandbox"))
    assert main(["--home", str(home)]) == 0
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    assert not home.exists()
    children.stop()
