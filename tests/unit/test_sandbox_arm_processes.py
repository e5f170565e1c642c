"""Real processes: their exit codes, their sessions, and what is left of them after a crash."""

from __future__ import annotations

import time

import psutil
import pytest

from sandbox.runtime import processes


@pytest.fixture
def run(tmp_path):
    started = []

    def start(command):
        process = processes.start(
            ["/bin/bash", "-c", command],
            folder=tmp_path,
            environment={"PATH": "/usr/bin:/bin", "GIVEN": "yes"},
            log=tmp_path / "log.txt",
            exit_file=tmp_path / "exit",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        processes.terminate(process, 0.5)


def _ended(process):
    deadline = time.monotonic() + 20
    while processes.alive(process):
        assert time.monotonic() < deadline, "the process did not end"
        time.sleep(0.02)
    return processes.exit_code(process)


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_exit_code_is_that_of_the_command(run, command, code):
    assert _ended(run(command)) == code


def test_both_streams_reach_the_log_and_only_our_variables_the_process(run, tmp_path):
    assert _ended(run("echo out; echo err >&2; env")) == 0
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert lines[:2] == ["out", "err"]
    assert {line.partition("=")[0] for line in lines[2:]} <= {"PATH", "GIVEN", "PWD", "SHLVL", "_", "OLDPWD"}


@pytest.mark.parametrize("command", ["sleep 600 & sleep 600", "trap '' TERM; sleep 600; sleep 600"])
def test_terminate_ends_the_whole_session(run, command):
    process = run(command)
    time.sleep(0.3)
    members = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(members) >= 3
    processes.terminate(process, 0.5)
    assert not processes.alive(process)
    assert not [member for member in members if member.is_running() and member.status() != psutil.STATUS_ZOMBIE]


def test_process_is_found_by_its_exit_file_and_known_by_its_start(run, tmp_path):
    process = run("sleep 600")
    # A busy machine may not have begun it yet: until then its command line is still its parent's.
    end = time.monotonic() + 10
    while processes.find(tmp_path / "exit") is None and time.monotonic() < end:
        time.sleep(0.05)
    assert processes.find(tmp_path / "exit") == process
    assert processes.find(tmp_path / "other") is None
    reused = processes.Process(process.pid, process.started - 60, process.exit_file)
    assert processes.alive(process)
    assert not processes.alive(reused)


def test_lost_process_has_no_exit_code(run):
    process = run("sleep 600")
    time.sleep(0.2)
    children = psutil.Process(process.pid).children(recursive=True)
    psutil.Process(process.pid).kill()
    for child in children:
        child.kill()
    assert _ended(process) is None


def test_missing_program_is_an_exit_code_and_missing_folder_an_error(run, tmp_path):
    assert _ended(run("no-such-program")) == 127
    with pytest.raises(OSError, match="no-such-folder"):
        processes.start(
            ["true"], folder=tmp_path / "no-such-folder", environment={}, log=tmp_path / "l", exit_file=tmp_path / "e"
        )
