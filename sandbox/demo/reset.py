"""`make reset`: delete a local world that does not run; nothing else, whatever MLOPS_HOME says."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
from pathlib import Path

from sandbox.demo.children import Children
from sandbox.demo.launch import CHECKOUT, one_launcher
from sandbox.demo.preflight import EXIT_UNAVAILABLE, Unready


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make reset", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("MLOPS_HOME", CHECKOUT / ".mlops")))
    home: Path = parser.parse_args(arguments).home.resolve()
    try:
        print(reset(home))
    except (Unready, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


def reset(home: Path) -> str:
    """Delete the world of `home` and tell it in a sentence. Unready if it runs, or is a folder of something else."""
    if not home.exists():
        return f"There is no world in {home}: nothing to delete."
    # A launcher makes this file before anything else, and nobody but a launcher does.
    if not (home / "launcher.lock").is_file():
        raise Unready(f"{home} is not the folder of a local world: nothing was deleted. MLOPS_HOME names another one.")
    with one_launcher(home):
        Children(home / "logs").end_leftovers()
        _refuse_while_served(home / "sandbox" / "lock")
        shutil.rmtree(home)
    return f"The world of {home} is deleted; the environments stay. `make run` makes a new one."


def _refuse_while_served(path: Path) -> None:
    """A sandbox that was started without the launcher holds a lock of its own."""
    if not path.exists():
        return
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unready(f"A sandbox still runs on {path.parent}: stop it first; nothing was deleted.") from None


if __name__ == "__main__":
    sys.exit(main())
