"""`make environments`: install environments by name; `--browser` also sees to Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.demo.environments import InstallFailed, ensure
from sandbox.demo.preflight import EXIT_UNAVAILABLE, Unready, check_machine

CHECKOUT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--browser"]:
            ensure_chromium()
            return 0
        check_machine(CHECKOUT, installed=all((CHECKOUT / ".venv" / name).exists() for name in arguments))
        for name in arguments:
            if ensure(CHECKOUT, name, CHECKOUT / ".venv" / f"install-{name}.log"):
                print(f"Environment {name} installed", flush=True)
    except (InstallFailed, Unready) as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


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
