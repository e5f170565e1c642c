"""The Python environments, each made from its hashed lock and marked complete only when it is."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox.demo.disk import IMPORTED, SELDOM_IMPORTED, prune, share

STAMP = ".complete"
SHARED = ".shared"
AT_A_TIME = 2
"""pip computes as much as it waits: more at once only share the cores."""
STEP_SECONDS = 1800.0


class InstallFailed(Exception):
    """pip could not finish; the text has its last lines and what to do."""


@dataclass(frozen=True)
class Steps:
    """The commands of one installation: their output in `log`, `lock` inherited, ended when `ended` is set."""

    checkout: Path
    log: Path
    output: IO[str]
    lock: int
    ended: threading.Event

    def run(self, argv: list[str], *, env: Mapping[str, str] | None = None, check: bool = True) -> None:
        """To its end, in a session of its own; InstallFailed if it fails or is ended, or takes half an hour."""
        process = subprocess.Popen(
            argv, cwd=self.checkout, env=env, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT,
            start_new_session=True, pass_fds=(self.lock,),
        )  # fmt: skip
        end = time.monotonic() + STEP_SECONDS
        while process.poll() is None:
            if self.ended.wait(0.1) or time.monotonic() > end:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=10)
                raise InstallFailed(f"Installing was ended in the middle: start again to continue. Log: {self.log}")
        if check and process.returncode != 0:
            tail = " / ".join(self.log.read_text(errors="replace").strip().splitlines()[-3:])
            raise InstallFailed(f"Installing failed: {tail}. All of it is in {self.log}; start again to continue.")


def python_of(checkout: Path, name: str) -> Path:
    return checkout / ".venv" / name / "bin" / "python"


def is_complete(checkout: Path, name: str) -> bool:
    stamp = checkout / ".venv" / name / STAMP
    return stamp.exists() and stamp.read_text() == _fingerprint(checkout, name)


def ensure_all(checkout: Path, names: Iterable[str], logs: Path, tell: Callable[[str, float], None]) -> bool:
    """`ensure` for each, side by side; `tell(text, started)` hears of each. True if any was installed.

    Whatever ends it early, a signal that raises included, ends what it has started.
    """
    ended = threading.Event()

    def one(name: str) -> bool:
        started = time.monotonic()
        log = logs / f"install-{name}.log"
        made = ensure(checkout, name, log, lambda text: tell(text, started), ended)
        tell(f"Environment {name} {'installed' if made else 'ready'}", started)
        return made

    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        try:
            return any(list(pool.map(one, names)))
        except BaseException:
            ended.set()
            raise


def share_files(checkout: Path) -> int | None:
    """Keep one copy of what several environments hold; the bytes saved, None if that was done since they were made."""
    made = [folder for folder in sorted((checkout / ".venv").iterdir()) if (folder / STAMP).exists()]
    told = "\n".join(f"{folder.name} {(folder / STAMP).read_text()}" for folder in made)
    done = checkout / ".venv" / SHARED
    if done.exists() and done.read_text() == told:
        return None
    saved = share(made)
    stamp(done, told)
    return saved


def ensure(checkout: Path, name: str, log: Path, tell: Callable[[str], None], ended: threading.Event) -> bool:
    """Create or complete the environment `name`; False if it already was. Safe to repeat after an interruption.

    `tell` hears why it takes longer than usual. InstallFailed soon after `ended` is set.
    """
    if is_complete(checkout, name):
        return False
    folder = checkout / ".venv" / name
    log.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder, tell, ended) as lock:
        if is_complete(checkout, name):
            return True
        with log.open("w", encoding="utf-8") as output:
            _install(Steps(checkout, log, output, lock, ended), name, folder, tell)
    stamp(folder / STAMP, _fingerprint(checkout, name))
    return True


def _install(steps: Steps, name: str, folder: Path, tell: Callable[[str], None]) -> None:
    python = python_of(steps.checkout, name)
    foreign = made_by(folder)
    if foreign is not None and foreign != minor_version():
        tell(f"Environment {name} was made by Python {foreign} and this is {minor_version()}: making it again")
    if foreign != minor_version() or not python.exists() or not (folder / "bin" / "pip").exists():
        steps.run([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    pip += ["--no-deps"]  # a lock is whole: finding that out again costs seconds
    steps.run([*pip, "--require-hashes", "--requirement", f"requirements/{name}.txt"])
    if name in ("console", "dev"):
        # Editable, so that the `mlops` command runs this checkout; setuptools is in the lock.
        steps.run([*pip, "--no-build-isolation", "--editable", "."])
    if name != "dev":
        prune(folder)
    if name == "console":
        _import(steps, python, IMPORTED)
    else:
        # pip compiles one file at a time; this uses every core. Broken files inside wheels are not an error.
        steps.run(
            [str(python), "-m", "compileall", "-q", "-j", "0", "-x", SELDOM_IMPORTED, str(folder / "lib")],
            check=False,
        )


def made_by(folder: Path) -> str | None:
    """The minor version of the Python that made this environment, None where there is none yet."""
    try:
        written = (folder / "pyvenv.cfg").read_text()
    except FileNotFoundError:
        return None
    values = dict(line.split(" = ", 1) for line in written.splitlines() if " = " in line)
    return ".".join(values.get("version", "").split(".")[:2])


def minor_version() -> str:
    return ".".join(str(part) for part in sys.version_info[:2])


@contextmanager
def alone(folder: Path, tell: Callable[[str], None], ended: threading.Event) -> Iterator[int]:
    """Hold this environment; the lock's descriptor, which a child that inherits it holds until it ends itself.

    So a pip whose launcher was killed, or another world's start from the same checkout, is waited for.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        told = False
        while not _taken(lock):
            if not told:
                tell(f"Environment {folder.name} is still being installed by another start: waiting for its end")
                told = True
            if ended.wait(0.5):
                raise InstallFailed(f"Environment {folder.name} was still being installed by another start.")
        yield lock.fileno()


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def stamp(path: Path, fingerprint: str) -> None:
    """A new file each time: a copy of an environment by hard links shares the old one, and says what was true of it."""
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(fingerprint)
    partial.replace(path)


def _import(steps: Steps, python: Path, modules: Iterable[str]) -> None:
    """Import these once, which keeps their bytecode; an environment in which that fails would be of no use."""
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    writing = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    steps.run([str(python), "-c", code, *modules], env=writing)


def _fingerprint(checkout: Path, name: str) -> str:
    lock = (checkout / "requirements" / f"{name}.txt").read_bytes()
    return hashlib.sha256(lock + sys.version.encode() + str(checkout).encode()).hexdigest()
