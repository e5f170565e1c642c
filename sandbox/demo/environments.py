"""The Python environments, each made from its hashed lock and marked complete only when it is."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

STAMP = ".complete"
WITH_TESTS = ("matplotlib", "networkx", "numpy", "pandas", "pyarrow", "scipy", "sklearn")


class InstallFailed(Exception):
    """pip could not finish; the text has its last lines and what to do."""


def python_of(checkout: Path, name: str) -> Path:
    return checkout / ".venv" / name / "bin" / "python"


def is_complete(checkout: Path, name: str) -> bool:
    stamp = checkout / ".venv" / name / STAMP
    return stamp.exists() and stamp.read_text() == _fingerprint(checkout, name)


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
        _run([*pip, "--require-hashes", "--requirement", f"requirements/{name}.txt"], output, log, checkout)
        if name in ("console", "dev"):
            # Editable, so that the `mlops` command runs this checkout; setuptools is in the lock.
            _run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."], output, log, checkout)
        if name != "dev":
            _prune(folder)
        # pip compiles one file at a time; this uses every core. Broken files inside wheels are not an error.
        subprocess.run(
            [str(python), "-m", "compileall", "-q", "-j", "0", str(folder / "lib")],
            stdout=output, stderr=output, check=False, timeout=900,
        )  # fmt: skip
    (folder / STAMP).write_text(_fingerprint(checkout, name))
    return True


def _prune(folder: Path) -> None:
    """Remove the big packages' own test suites: a tenth of the disk, and of the time to compile."""
    for site in folder.glob("lib/python*/site-packages"):
        for package in WITH_TESTS:
            for tests in list((site / package).rglob("tests")):
                shutil.rmtree(tests, ignore_errors=True)


def _fingerprint(checkout: Path, name: str) -> str:
    lock = (checkout / "requirements" / f"{name}.txt").read_bytes()
    return hashlib.sha256(lock + sys.version.encode() + str(checkout).encode()).hexdigest()


def _run(argv: list[str], output: object, log: Path, checkout: Path) -> None:
    done = subprocess.run(argv, cwd=checkout, stdout=output, stderr=subprocess.STDOUT, check=False, timeout=1800)  # type: ignore[call-overload]
    if done.returncode != 0:
        tail = " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
        raise InstallFailed(f"Installing failed: {tail}. The whole output is in {log}; start again to continue.")
