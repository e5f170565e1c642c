"""`make environments`: install environments by name; `--browser` and `--database` get what the tests need besides."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sandbox.demo.environments import InstallFailed, ensure_all, share_files
from sandbox.demo.preflight import EXIT_UNAVAILABLE, Unready, check_machine

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = Path("/usr/lib/postgresql")
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/mlops-tests.conf")


def main(arguments: list[str]) -> int:
    try:
        if arguments and arguments[0] in FOR_TESTS:
            for name in arguments:
                FOR_TESTS[name]()
            return 0
        check_machine(CHECKOUT, installed=all((CHECKOUT / ".venv" / name).exists() for name in arguments))
        ensure_all(CHECKOUT, arguments, CHECKOUT / ".venv", _tell)
        share_files(CHECKOUT)
    except (InstallFailed, Unready) as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


def _tell(text: str, started: float) -> None:
    if not text.endswith("ready"):
        print(f"{text}  ({time.monotonic() - started:.0f} s)", flush=True)


def ensure_chromium() -> None:
    """Debian's Chromium, installed with apt as root or through sudo where it is missing."""
    if not shutil.which("chromium"):
        _apt_install("chromium", "Chromium")


def ensure_postgresql(programs: Path = PROGRAMS, no_cluster: Path = NO_CLUSTER) -> None:
    """Debian's PostgreSQL where it is missing: its programs alone, for the tests start a server of their own.

    The package makes and starts a server for the whole machine unless it is told not to; whoever installs another
    version later gets one again.
    """
    if shutil.which("initdb") or any(programs.glob("*/bin/initdb")):
        return
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as told:
        told.write("create_main_cluster = false\n")
        told.flush()
        _as_root("install", "-D", "-m", "0644", told.name, str(no_cluster))
    try:
        _apt_install("postgresql", "PostgreSQL")
    finally:
        _as_root("rm", "-f", str(no_cluster))


def _apt_install(package: str, title: str) -> None:
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", package]):
        done = _as_root(*command)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise Unready(f"{title} could not be installed ({last}): sudo apt-get install -y {package}")


def _as_root(*command: str) -> subprocess.CompletedProcess[str]:
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run([*prefix, *command], env=env, capture_output=True, text=True, check=False, timeout=900)


FOR_TESTS = {"--browser": ensure_chromium, "--database": ensure_postgresql}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
