"""The launcher before it starts anything: what a machine lacks, what is taken, what was left running."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from sandbox.demo.children import Children, Died
from sandbox.demo.install import ensure_postgresql
from sandbox.demo.launch import CHECKOUT, one_launcher
from sandbox.demo.preflight import (
    EXIT_UNAVAILABLE,
    RoomWatch,
    Unready,
    check_machine,
    check_ports,
    check_room,
    free_port,
)

Usage = namedtuple("Usage", "total used free")
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


@pytest.mark.parametrize(
    ("version", "spared"), [((3, 10, 12), False), ((3, 11, 0), True), ((3, 14, 1), True), ((3, 15, 0), False)]
)
def test_pythons_from_3_11_to_3_14_will_do(monkeypatch, version, spared):
    monkeypatch.setattr(sys, "version_info", version)
    if spared:
        check_machine(CHECKOUT, installed=True)
        return
    with pytest.raises(Unready, match=rf"this is 3\.{version[1]}\.{version[2]}: choose one with `make run PYTHON="):
        check_machine(CHECKOUT, installed=True)


def test_without_git_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unready, match=r"^git is missing: sudo apt-get install -y git$"):
        check_machine(CHECKOUT, installed=True)


def test_files_without_their_repository_are_told_at_once(tmp_path):
    (tmp_path / "Makefile").touch()
    with pytest.raises(Unready, match=r"not a git repository.*: use a clone of the repository"):
        check_machine(tmp_path, installed=True)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    with pytest.raises(Unready, match=r"'Makefile' did not match any file.*: use a clone of the repository"):
        check_machine(tmp_path, installed=True)


@pytest.mark.parametrize(
    ("free", "installed", "spared"),
    [
        (5 * 1024**3, False, True),
        (3 * 1024**3, False, False),
        (3 * 1024**3, True, True),
        (100 * 1024**2, True, False),
    ],
)
def test_a_full_disk_is_told_before_it_hurts(monkeypatch, free, installed, spared):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 0, free))
    if spared:
        check_machine(CHECKOUT, installed=installed)
        return
    with pytest.raises(Unready, match=r"[GM]iB free and .* [GM]iB are needed: free some space, then start again"):
        check_machine(CHECKOUT, installed=installed)


def test_the_disk_of_a_home_elsewhere_is_looked_at_before_the_home_is_made(monkeypatch, tmp_path):
    looked = []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: looked.append(path) or Usage(10**12, 0, 3 * 1024**2))
    home = tmp_path / "not" / "yet"
    with pytest.raises(Unready, match=rf"^The disk of {home} has 3 MiB free and 512 MiB are needed: free some space"):
        check_room(home)
    assert looked == [tmp_path]
    assert not home.exists()


def test_a_disk_that_fills_while_the_world_runs_is_told_once_and_so_is_its_relief(monkeypatch, tmp_path):
    said: list[str] = []
    room = RoomWatch(tmp_path, said.append)
    for free in (900, 63, 5, 5, 64, 900, 1):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: Usage(10**12, 0, free * 1024**2))
        room.look()
    assert [line.removeprefix(f"The disk of {tmp_path} has ") for line in said] == [
        "63 MiB left: free some space; what is there stays",
        "room again: 64 MiB",
        "1 MiB left: free some space; what is there stays",
    ]


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_is_named_with_the_way_out(taken):
    with pytest.raises(Unready, match=rf"^Port {taken} is taken: .* make run SANDBOX_PORT={taken + 1}$"):
        check_ports({"SANDBOX_PORT": taken})


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ({"CONSOLE_PORT": 80000}, "CONSOLE_PORT is 80000: a port is a number from 1024 to 65535"),
        ({"CONSOLE_PORT": 0}, "CONSOLE_PORT is 0: a port is a number"),
        ({"CONSOLE_PORT": -1}, "CONSOLE_PORT is -1: a port is a number"),
        (
            {"CONSOLE_PORT": 8677, "SANDBOX_PORT": 8677},
            "CONSOLE_PORT and SANDBOX_PORT are both 8677: choose another: make run CONSOLE_PORT=8678",
        ),
    ],
)
def test_ports_that_cannot_be_are_told_before_a_start(ports, told):
    with pytest.raises(Unready, match=told):
        check_ports(ports)


def launch(home, *options, ports=None):
    named = ports or {}
    arguments = [
        word for name in ("console", "sandbox", "browser") for word in (f"--{name}-port", str(named.get(name, 1)))
    ]
    return subprocess.run(
        [sys.executable, "-m", "sandbox.demo.launch", "--home", str(home), *arguments, *options],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_launcher_ends_with_69_and_one_line(tmp_path, taken):
    done = launch(tmp_path / "home", ports={"console": taken})
    assert (done.returncode, done.stdout) == (EXIT_UNAVAILABLE, "")
    assert done.stderr.splitlines() == [
        f"Port {taken} is taken: stop what uses it, or choose another: make run CONSOLE_PORT={taken + 1}"
    ]


def test_a_second_launcher_on_one_home_is_sent_away(tmp_path, taken):
    with one_launcher(tmp_path):
        done = launch(tmp_path, ports={"console": taken})
    assert (done.returncode, len(done.stderr.splitlines())) == (EXIT_UNAVAILABLE, 1)
    assert done.stderr.startswith(f"A world is already running in {tmp_path}: use it, or stop it with Ctrl-C first.")


def test_a_home_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    done = launch(tmp_path / "file")
    assert done.returncode == EXIT_UNAVAILABLE
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / "file") in done.stderr


def test_all_children_end_together_and_the_stubborn_one_too(tmp_path):
    children = Children(tmp_path)
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    children.start("obedient", SLEEP, cwd=tmp_path, env=os.environ)
    children.start("stubborn", [sys.executable, "-c", stubborn], cwd=tmp_path, env=os.environ)
    processes = [psutil.Process(children.pid(name)) for name in ("obedient", "stubborn")]
    wait_for_up(tmp_path, "obedient", "stubborn")
    children.check()
    children.stop(seconds=1.0)
    assert [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []


def test_a_child_that_died_is_told_with_its_last_words(tmp_path):
    children = Children(tmp_path)
    children.start(
        "worker", [sys.executable, "-c", "import sys; sys.exit('no database')"], cwd=tmp_path, env=os.environ
    )
    wait_for_end(children.pid("worker"))
    with pytest.raises(Died, match="worker ended with code 1: no database"):
        children.check()


def test_a_child_that_dies_is_started_again_three_times_and_each_is_told(tmp_path):
    said: list[str] = []
    children = Children(tmp_path, said.append)
    dying = [sys.executable, "-c", "import sys; sys.exit('no database')"]
    children.start("worker", dying, cwd=tmp_path, env=os.environ, again=True)
    for starts in range(1, 4):
        wait_for_end(children.pid("worker"))
        children.check()
        assert len(said) == starts
        assert said[-1] == "worker ended with code 1, starting it again; its last line: no database"
    wait_for_end(children.pid("worker"))
    with pytest.raises(Died, match="worker ended with code 1: no database"):
        children.check()


def test_another_start_does_not_mend_a_wrong_setting(tmp_path):
    said: list[str] = []
    children = Children(tmp_path, said.append)
    dying = [sys.executable, "-c", "import sys; print('identity.tenant_id'); sys.exit(78)"]
    children.start("worker", dying, cwd=tmp_path, env=os.environ, again=True)
    wait_for_end(children.pid("worker"))
    with pytest.raises(Died, match=r"worker ended with code 78: identity\.tenant_id"):
        children.check()
    assert said == []


def test_a_slow_start_says_what_is_waited_for(tmp_path):
    said: list[str] = []
    address = f"http://127.0.0.1:{free_port()}/"
    with pytest.raises(Died, match=r"The sandbox did not answer within 1 s"):
        Children(tmp_path, said.append).wait_for(address, 1.0, "The sandbox", say_every=0.3)
    assert len(said) >= 2
    assert said[0] == f"The sandbox has not answered for 0 s, still waiting; its log is in {tmp_path}"


def test_what_a_killed_launcher_left_is_ended_by_the_next_and_nothing_else(tmp_path):
    launcher = f"""
import os, sys, time
from pathlib import Path
from sandbox.demo.children import Children
children = Children(Path({str(tmp_path)!r}))
children.start("sandbox", {SLEEP!r}, cwd=Path("/"), env=os.environ)
print(children.pid("sandbox"), flush=True)
time.sleep(60)
"""
    first = subprocess.Popen([sys.executable, "-c", launcher], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    left = psutil.Process(int(first.stdout.readline()))
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=10)
    first.stdout.close()
    assert left.is_running()

    assert Children(tmp_path).end_leftovers() == ["sandbox"]
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    assert Children(tmp_path).end_leftovers() == []


def test_a_reused_process_number_is_left_alone(tmp_path):
    mine = psutil.Process()
    (tmp_path / "children.json").write_text(f'{{"sandbox": [{mine.pid}, "1"]}}')
    assert Children(tmp_path).end_leftovers() == []


def wait_for_end(pid: int) -> None:
    end = time.monotonic() + 20
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.02)


def wait_for_up(folder: Path, *names: str) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and not all("up" in (folder / f"{name}.log").read_text() for name in names):
        time.sleep(0.05)


@pytest.mark.parametrize("works", [True, False])
def test_postgresql_is_installed_without_a_server_for_the_whole_machine(monkeypatch, tmp_path, works):
    """An apt that notes what the package would have found; the note that forbids the server goes in any case."""
    tools, forbidden, seen = tmp_path / "tools", tmp_path / "etc" / "no.conf", tmp_path / "seen"
    tools.mkdir()
    end = "exit 0" if works else "echo no room >&2; exit 100"
    scripts = {
        "apt-get": f'echo "$@: $(cat {forbidden})" >> {seen}; {end}',
        "sudo": 'shift; exec "$@"',
    }
    for name, body in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    for name in ("sh", "cat", "install", "rm", "env"):
        (tools / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tools))
    if works:
        ensure_postgresql(tmp_path / "programs", forbidden)
        assert seen.read_text().splitlines()[-1] == "install -y -qq postgresql: create_main_cluster = false"
    else:
        with pytest.raises(Unready, match=r"could not be installed \(no room\): sudo apt-get install -y postgresql"):
            ensure_postgresql(tmp_path / "programs", forbidden)
    assert not forbidden.exists()


def test_postgresql_that_is_there_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "15" / "bin").mkdir(parents=True)
    (tmp_path / "15" / "bin" / "initdb").touch()
    ensure_postgresql(tmp_path, tmp_path / "no.conf")
