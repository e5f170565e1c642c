"""The Python environments, each made from its hashed lock and marked complete only when it is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.demo.disk import IMPORTED, SELDOM_IMPORTED, prune, share

STAMP = ".complete"
AT_A_TIME = 2
"""pip computes as much as it waits: more at once only share the cores."""


class InstallFailed(Exception):
    """pip could not finish; the text has its last lines and what to do."""


def python_of(checkout: Path, name: str) -> Path:
    return checkout / ".venv" / name / "bin" / "python"


def is_complete(checkout: Path, name: str) -> bool:
    stamp = checkout / ".venv" / name / STAMP
    return stamp.exists() and stamp.read_text() == _fingerprint(checkout, name)


def ensure_all(checkout: Path, names: Iterable[str], logs: Path, tell: Callable[[str, float], None]) -> bool:
    """`ensure` for each, side by side; `tell(text, started)` hears of each. True if any was installed."""

    def one(name: str) -> bool:
        started = time.monotonic()
        made = ensure(checkout, name, logs / f"install-{name}.log")
        tell(f"Environment {name} {'installed' if made else 'ready'}", started)
        return made

    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        return any(list(pool.map(one, names)))


def share_files(checkout: Path) -> int:
    """Keep one copy of what several environments hold; the bytes saved."""
    return share(folder for folder in sorted((checkout / ".venv").iterdir()) if (folder / STAMP).exists())


def ensure(checkout: Path, name: str, log: Path) -> bool:
    """Create or complete the environment `name`; False if it already was. Safe to repeat after an interruption."""
    if is_complete(checkout, name):
        return False
    folder = checkout / ".venv" / name
    python = python_of(checkout, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        if not python.exists() or not (folder / "bin" / "pip").exists():
            _run([sys.executable, "-m", "venv", "--clear", str(folder)], output, log, checkout)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
        pip += ["--no-deps"]  # a lock is whole: finding that out again costs seconds
        _run([*pip, "--require-hashes", "--requirement", f"requirements/{name}.txt"], output, log, checkout)
        if name in ("console", "dev"):
            # Editable, so that the `mlops` command runs this checkout; setuptools is in the lock.
            _run([*pip, "--no-build-isolation", "--editable", "."], output, log, checkout)
        if name != "dev":
            prune(folder)
        if name == "console":
            _import(python, IMPORTED, output, log, checkout)
        else:
            # pip compiles one file at a time; this uses every core. Broken files inside wheels are not an error.
            subprocess.run(
                [str(python), "-m", "compileall", "-q", "-j", "0", "-x", SELDOM_IMPORTED, str(folder / "lib")],
                stdout=output, stderr=output, check=False, timeout=900,
            )  # fmt: skip
    stamp(folder / STAMP, _fingerprint(checkout, name))
    return True


def stamp(path: Path, fingerprint: str) -> None:
    """A new file each time: a copy of an environment by hard links shares the old one, and says what was true of it."""
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(fingerprint)
    partial.replace(path)


def _import(python: Path, modules: Iterable[str], output: object, log: Path, checkout: Path) -> None:
    """Import these once, which keeps their bytecode; an environment in which that fails would be of no use."""
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    writing = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    _run([str(python), "-c", code, *modules], output, log, checkout, env=writing)


def _fingerprint(checkout: Path, name: str) -> str:
    lock = (checkout / "requirements" / f"{name}.txt").read_bytes()
    return hashlib.sha256(lock + sys.version.encode() + str(checkout).encode()).hexdigest()


def _run(argv: list[str], output: object, log: Path, checkout: Path, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(  # type: ignore[call-overload]
        argv, cwd=checkout, env=env, stdout=output, stderr=subprocess.STDOUT, check=False, timeout=1800
    )
    if done.returncode != 0:
        tail = " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
        raise InstallFailed(f"Installing failed: {tail}. The whole output is in {log}; start again to continue.")
