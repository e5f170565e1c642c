"""`make environments`: install environments by name; `--browser` also sees to Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sandbox.demo.environments import InstallFailed, ensure_all, share_files
from sandbox.demo.preflight import EXIT_UNAVAILABLE, Unready, check_machine

CHECKOUT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--browser"]:
            ensure_chromium()
            return 0
        check_machine(CHECKOUT, installed=all((CHECKOUT / ".venv" / name).exists() for name in arguments))
        if ensure_all(CHECKOUT, arguments, CHECKOUT / ".venv", _tell):
            share_files(CHECKOUT)
    except (InstallFailed, Unready) as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


def _tell(text: str, started: float) -> None:
    if text.endswith("installed"):
        print(f"{text}  ({time.monotonic() - started:.0f} s)", flush=True)


def ensure_chromium() -> None:
    """Debian's Chromium, installed with apt as root or through sudo where it is missing."""
    if shutil.which("chromium"):
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        done = subprocess.run([*prefix, *command], env=env, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise Unready(f"Chromium could not be installed ({last}): sudo apt-get install -y chromium")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
