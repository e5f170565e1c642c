"""A person's command while the world under it may be dying."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.demo.children import Died
from sandbox.demo.session import CommandFailed, Person
from sandbox.demo.settings_file import Ports
from sandbox.state.ca import ensure_certificates

COMMAND = """
import sys, time
if sys.argv[1] == "wait":
    time.sleep(float(sys.argv[2]))
if sys.argv[1] == "fail":
    sys.exit("no such version")
print("done")
"""


@pytest.fixture
def person(tmp_path):
    """`person(meanwhile)`: whose `mlops` waits as long as it is told to."""
    ensure_certificates(tmp_path / "sandbox" / "tls")
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend" / "__main__.py").write_text(COMMAND)

    def make(meanwhile) -> Person:
        return Person("lead", Path(sys.executable), tmp_path, tmp_path, Ports(1, 1, 1), {}, meanwhile)

    return make


def test_a_long_command_lets_the_world_be_looked_after(person):
    """A promotion waits for the worker: nobody else would start a dead one again."""
    looks: list[int] = []
    assert person(lambda: looks.append(1)).mlops("wait", "2.5") == "done\n"
    assert len(looks) == 2


def test_a_world_that_is_dead_ends_the_command(person):
    def dead() -> None:
        raise Died("worker ended with code 4: the ledger is not whole")

    with pytest.raises(Died, match="ledger is not whole"):
        person(dead).mlops("wait", "60")


def test_a_command_that_fails_or_takes_too_long_is_told(person):
    lead = person(lambda: None)
    with pytest.raises(CommandFailed, match="`mlops fail` ended with 1: no such version"):
        lead.mlops("fail")
    with pytest.raises(subprocess.TimeoutExpired, match=r"timed out after 0\.5 seconds"):
        lead.mlops("wait", "60", timeout=0.5)
