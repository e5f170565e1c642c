"""`make test` and `make test-recovery`: the suites in processes of their own, some at a time, the long ones first.

A process that has spoken to one cloud cannot speak to another: azure-ai-ml and azureml-mlflow remember the first. So
each file that starts services has a process, and the files that share the made world have one together. All of it runs
in a network that has loopback only.

    python -m tests.deal              everything but the long crash matrix
    python -m tests.deal recovery     the long crash matrix on both databases, and the seeded defects
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import offline

ROOT = Path(__file__).resolve().parents[1]
AT_A_TIME = 3
"""One more than the two cores that are asked for: most suites wait for a service half of their time."""
LIMIT_SECONDS = 3000
LONGEST_ALONE = "tests/recovery/test_worker_killed.py"
LONGEST = ("tests/recovery/test_crash_points.py", "tests/recovery/test_connection_lost.py")
ON_BOTH = re.compile(r"\bdatabases\)|\bdatabases,|\"sqlite\"")
"""How a file looks whose long tests run on SQLite and on PostgreSQL."""

REPORT = ("--durations=3", "--durations-min=15")
"""What takes long is told in each run, so that the time limit of the whole is kept before it is missed."""

NOTHING_SELECTED = 5
"""pytest's exit code where the marker leaves no test of a file."""


def suites() -> list[list[str]]:
    """Arguments of one pytest each, in the order in which they begin."""
    files = {folder: sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests" / folder).glob("test_*.py")) for folder in
             ("e2e", "recovery", "wire")}  # fmt: skip
    sharing = [path for folder in files.values() for path in folder if "made_world" in (ROOT / path).read_text()]
    alone = [[path] for folder in files.values() for path in folder if path not in sharing]
    alone.sort(key=lambda arguments: arguments != [LONGEST_ALONE])
    return [sharing, ["tests/unit", "tests/docs"], ["tests/console"], *alone]


def long_suites() -> list[list[str]]:
    """The long crash matrix; a file for both databases is two suites. What holds nothing of it is left out."""
    found: list[list[str]] = []
    for arguments in suites():
        text = "".join(file.read_text() for path in arguments for file in _files(ROOT / path))
        if "mark.recovery" not in text:
            continue
        on_both = len(arguments) == 1 and not (ROOT / arguments[0]).is_dir() and ON_BOTH.search(text)
        found += [[*arguments, "-k", chosen] for chosen in ("sqlite", "not sqlite")] if on_both else [arguments]
    return sorted(found, key=lambda arguments: arguments[0] not in LONGEST)


def _files(place: Path) -> list[Path]:
    return sorted(place.rglob("test_*.py")) if place.is_dir() else [place]


def run(arguments: list[str], marker: str) -> bool:
    """Run one suite and print what it said; True if nothing failed."""
    started = time.monotonic()
    # A folder for each: pytest's own numbered ones are tidied up by whoever comes next, also by a neighbour.
    with tempfile.TemporaryDirectory(prefix="mlops-", ignore_cleanup_errors=True) as folder:
        done = _pytest(arguments, marker, Path(folder))
    if done.returncode == NOTHING_SELECTED:
        return True
    title = f"== {arguments[0]}{' and more' if len(arguments) > 1 else ''}  ({time.monotonic() - started:.0f} s)"
    print(f"{title}\n{done.stdout}{done.stderr}", flush=True)
    return done.returncode == 0


def _pytest(arguments: list[str], marker: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-m", marker, "--basetemp", str(folder / "t"), *REPORT, *arguments]
    if marker == "recovery":
        command += ["--timeout", "1800"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False, stdin=subprocess.DEVNULL
    )


def main() -> int:
    offline.enter("tests.deal", sys.argv[1:])
    started = time.monotonic()
    asked = sys.argv[1:]
    marker = "recovery" if asked else "not recovery"
    chosen = long_suites() if asked else suites()
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        good = list(pool.map(lambda arguments: run(arguments, marker), chosen))
    again = [arguments for arguments, fine in zip(chosen, good, strict=True) if not fine]
    # Suites on busy cores can miss a deadline that each keeps alone: what failed is tried once more alone, and said.
    failed = [arguments for arguments in again if not run(arguments, marker)]
    print(f"{len(chosen)} suites in {time.monotonic() - started:.0f} s, {len(failed)} failed")
    for arguments in again:
        print(f"{'failed twice' if arguments in failed else 'passed when run again alone'}: {' '.join(arguments)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
