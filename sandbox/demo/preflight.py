"""What a machine needs, each missing thing as one line with the command that mends it."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

DISK_FOR_INSTALL = 4 * 1024**3
DISK_FOR_RUNNING = 512 * 1024**2
DISK_RUNS_LOW = 64 * 1024**2
FIRST_PORT, LAST_PORT = 1024, 65535
EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h: the machine lacks something


class Unready(Exception):
    """The machine cannot run a world yet; the text is one line that says how to mend it."""


def check_machine(checkout: Path, *, installed: bool) -> None:
    """Raise Unready for the first thing that is missing."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 14):
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise Unready(f"Python 3.11 to 3.14 is needed, this is {found}: choose one with `make run PYTHON=python3.12`.")
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = ".".join(str(part) for part in sys.version_info[:2])
        raise Unready(f"Python's venv is missing: sudo apt-get install -y python{version}-venv")
    if shutil.which("git") is None:
        raise Unready("git is missing: sudo apt-get install -y git")
    _check_tracked(checkout)
    check_room(checkout, DISK_FOR_RUNNING if installed else DISK_FOR_INSTALL)


def check_room(folder: Path, needed: int = DISK_FOR_RUNNING) -> None:
    """Raise Unready if the disk of a folder, which need not exist yet, has less than `needed` bytes free."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise Unready(
            f"The disk of {folder} has {_size(free)} free and {_size(needed)} are needed: "
            "free some space, then start again; what is there stays."
        )


class RoomWatch:
    """Says once that a running world is about to fill its disk, and once that there is room again."""

    def __init__(self, home: Path, say: Callable[[str], None]) -> None:
        self._home, self._say = home, say
        self._low = False

    def look(self) -> None:
        free = shutil.disk_usage(self._home).free
        if free < DISK_RUNS_LOW and not self._low:
            self._say(f"The disk of {self._home} has {_size(free)} left: free some space; what is there stays")
        if free >= DISK_RUNS_LOW and self._low:
            self._say(f"The disk of {self._home} has room again: {_size(free)}")
        self._low = free < DISK_RUNS_LOW


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:.0f} MiB"


def _check_tracked(checkout: Path) -> None:
    """The first world pushes what git tracks here, minutes after a person could have been told that it cannot."""
    asked = subprocess.run(
        ["git", "ls-files", "--error-unmatch", "Makefile"],
        cwd=checkout, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if asked.returncode != 0:
        told = (asked.stderr.strip().splitlines() or ["no output"])[0]
        raise Unready(
            f"git does not read {checkout} ({told}): use a clone of the repository, made by the account that runs this."
        )


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise Unready for the first of these loopback ports that cannot be had; a key is the variable that chooses it."""
    for variable, port in ports.items():
        another = port + 1 if port < LAST_PORT else FIRST_PORT
        way_out = f"choose another: make run {variable}={another}"
        if not FIRST_PORT <= port <= LAST_PORT:
            raise Unready(f"{variable} is {port}: a port is a number from {FIRST_PORT} to {LAST_PORT}.")
        if list(ports.values()).count(port) > 1:
            both = " and ".join(name for name, chosen in ports.items() if chosen == port)
            raise Unready(f"{both} are both {port}: {way_out}")
        if _is_taken(port):
            raise Unready(f"Port {port} is taken: stop what uses it, or {way_out}")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # Without this a port in TIME_WAIT after a restart would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
