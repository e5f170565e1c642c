"""`make test` and `make test-recovery`: the suites in processes of their own, some at a time, the long ones first.

A process that has spoken to one cloud cannot speak to another: azure-ai-ml and azureml-mlflow remember the first. So
each file that makes a world of its own has a process, and the files that share a world have one together. All of it
runs in a network that has loopback only.

    python -m tests.deal              everything but what takes long
    python -m tests.deal recovery     what takes long: the crash matrix on both databases, the seeded defects, the
                                      cloud going away under open pages, every page in every width and theme
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests import forked, offline
from tests.forked import Ended

ROOT = Path(__file__).resolve().parents[1]
AT_A_TIME = 5
"""More than twice the two cores that are asked for: most suites wait for a service half of their time."""
LONG_AT_A_TIME = 4
"""Fewer: who kills workers in the middle of a step computes most of the time."""
EARLY = tuple(f"tests/wire/test_{name}.py" for name in ("setup", "gateways_azureml", "training_command"))
"""What takes long, so it would be waited for at the end."""
TOGETHER = (
    ("github_git", "github_graphql", "github_pulls", "github_rest", "github_tags",
     "identity_github", "identity_people", "identity_programs"),
    ("endpoints_lifecycle", "endpoints_scoring", "monitor_logs", "monitor_metrics"),
)  # fmt: skip
"""Files of tests/wire that add to one world, the session's, and leave alone what others made: they share a process."""
WHOLLY_LONG = re.compile(r"^pytestmark = .*\bmark\.recovery\b", re.MULTILINE)
INDEPENDENT = ("tests/unit", "tests/docs", "tests/console")
"""Folders whose tests share no world that one leaves to the next."""
LONGEST = tuple(f"tests/recovery/test_{name}.py" for name in ("crash_points", "connection_lost", "worker_killed"))
ON_BOTH = re.compile(r"\bdatabases\)|\bdatabases,|\"sqlite\"")
"""How a file looks whose long tests run on SQLite and on PostgreSQL."""

REPORT = ("--durations=3", "--durations-min=15")
"""What takes long is told in each run, so that the time limit of the whole is kept before it is missed."""

CACHE = "cache_dir="
"""pytest's setting; each suite has a cache of its own, which knows what failed in it."""
NOTHING_SELECTED = 5
"""pytest's exit code where the marker leaves no test of a file."""


def suites() -> list[list[str]]:
    """Arguments of one pytest each, in the order in which they begin."""
    found = [path for folder in ("e2e", "recovery", "wire") for path in _tests_of(folder)]
    sharing = [path for path in found if "made_world" in (ROOT / path).read_text()]
    together = [[f"tests/wire/test_{name}.py" for name in names] for names in TOGETHER]
    grouped = {*sharing, *EARLY, *(path for paths in together for path in paths)}
    alone = [path for path in found if path not in grouped]
    # A world costs 80 s of a core, so what needs one shares it: the tour comes last, and leaves it with two versions.
    world = sorted(sharing, key=lambda path: "/e2e/" in path)
    unit = [*_tests_of("unit"), "tests/unit/training", "tests/docs"]
    console = _tests_of("console")
    return [world, unit[::2], unit[1::2], console[::2], console[1::2],
            *([path] for path in EARLY), *together, *([path] for path in alone)]  # fmt: skip


def _tests_of(folder: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / folder).glob("test_*.py"))


def quick_suites() -> list[list[str]]:
    """Without the files of which nothing would be left: importing them costs a second of a core each."""
    chosen = ([path for path in arguments if not _wholly_long(path)] for arguments in suites())
    return [arguments for arguments in chosen if arguments]


def _wholly_long(path: str) -> bool:
    return path.endswith(".py") and WHOLLY_LONG.search((ROOT / path).read_text()) is not None


def long_suites() -> list[list[str]]:
    """The long crash matrix; a file for both databases is two suites. Files that hold nothing of it are left out."""
    found: list[list[str]] = []
    world, *_ = every = suites()
    for arguments in every:
        texts = {path: _text(ROOT / path) for path in arguments}
        long = [path for path, text in texts.items() if "mark.recovery" in text or ON_BOTH.search(text)]
        if len(arguments) == 1 and long and "mark.recovery" in texts[long[0]] and ON_BOTH.search(texts[long[0]]):
            found += [[*long, "-k", chosen] for chosen in ("sqlite", "not sqlite")]
        elif long:
            found.append(long)
    # The world first, which has the cores when it wants them: browsers keep deadlines, who dies in memory has none.
    return sorted(found, key=lambda arguments: (arguments[0] not in world, arguments[0] not in LONGEST))


def _text(place: Path) -> str:
    return "".join(file.read_text() for file in (place.rglob("test_*.py") if place.is_dir() else [place]))


def passed(suite: Ended) -> bool:
    return suite.code in {0, NOTHING_SELECTED}


def named(arguments: Sequence[str]) -> list[str]:
    """The files and folders among a suite's arguments."""
    return [argument for argument in arguments if argument.startswith("tests/")]


def once_more(arguments: Sequence[str]) -> list[str]:
    """Only the tests that failed, where each makes what it needs; in a shared world, the files that they are in.

    All of the suite where pytest did not get to write down what failed.
    """
    if all(path.startswith(INDEPENDENT) for path in named(arguments)):
        return [*arguments, "--last-failed"]
    cache = next(argument for argument in arguments if argument.startswith(CACHE)).removeprefix(CACHE)
    failures = ROOT / cache / "v/cache/lastfailed"
    files = {test.partition("::")[0] for test in json.loads(failures.read_text())} if failures.exists() else set()
    kept = [a for a in arguments if not a.startswith("tests/") or a in files]
    return kept if named(kept) else [*arguments]


def told(suite: Ended) -> None:
    """Print what a suite said."""
    if suite.code != NOTHING_SELECTED:
        first, *more = named(suite.arguments)
        title = f"{first}{' and more' if more else ''}"
        print(f"== {title}  ({suite.seconds:.0f} s, {suite.cpu:.0f} s of a core)\n{suite.said}", flush=True)


def main() -> int:
    offline.enter("tests.deal", sys.argv[1:])
    started = time.monotonic()
    long = bool(sys.argv[1:])
    options = ["-q", "-m", "recovery", "--timeout", "1800", *REPORT] if long else ["-q", "-m", "not recovery", *REPORT]
    with forked.warm() as environment:
        dealt = enumerate(long_suites() if long else quick_suites())
        chosen = [[*options, "-o", f"{CACHE}.pytest_cache/{number}", *suite] for number, suite in dealt]
        ended = forked.run(chosen, environment, LONG_AT_A_TIME if long else AT_A_TIME, told)
        # Suites on busy cores can miss a deadline that each keeps alone: what failed is tried once more, alone.
        again = [once_more(suite.arguments) for suite in ended if not passed(suite)]
        failed = [suite.arguments for suite in forked.run(again, environment, 1, told) if not passed(suite)]
    longest = max(suite.seconds for suite in ended)
    print(f"{len(chosen)} suites in {time.monotonic() - started:.0f} s, {len(failed)} failed")
    print(f"{forked.used():.0f} s of a core in all; the longest suite took {longest:.0f} s")
    for arguments in again:
        said = "failed twice" if arguments in failed else "passed when run again alone"
        print(f"{said}: {' '.join(named(arguments))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
