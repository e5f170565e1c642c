"""Suites as forks of one process that has imported what most of them import: no suite starts for seconds of a core.

A fork is a process of its own, which has spoken to no cloud yet. A suite's commands of `mlops` are forks too, of one
interpreter of the console's environment that all suites share.
"""

from __future__ import annotations

import gc
import os
import resource
import selectors
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tests.resident import Resident, become

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 3000
YIELDING = 15
"""By how much every suite but the first is nicer, which all would wait for at the end: it takes a core when it can."""
SHARED = "MLOPS_TEST_RESIDENT"
"""The variable that names the interpreter which runs the suites' commands."""
IMPORTED = (
    *("pytest", "azure.ai.ml", "azure.identity", "azure.monitor.query", "github", "pandas", "scipy.stats"),
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg", "alembic.command"),
    *("pydantic_settings", "pyarrow.parquet", "cryptography.fernet", "psutil"),
)
"""Nothing that imports a plugin of pytest (Hypothesis, AnyIO): it rewrites those while they are first imported."""


@dataclass(frozen=True)
class Ended:
    """How a suite ended and what it cost: wall time says how busy the machine was, `cpu` what the suite asks of it.

    The commands that it ran in the shared interpreter are not in `cpu`; the whole run's sum has them.
    """

    arguments: Sequence[str]
    code: int
    said: str
    seconds: float
    cpu: float


@dataclass(frozen=True)
class _Running:
    arguments: Sequence[str]
    process: int
    folder: Path
    started: float

    @property
    def said(self) -> Path:
        return self.folder / "said.txt"


@contextmanager
def warm() -> Iterator[Mapping[str, str]]:
    """Import once; the environment for the suites, which names the interpreter that they share."""
    # Read when scikit-learn is first imported. Suites share the cores: OpenMP's waiting threads would keep them busy.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # What a suite starts, it starts many times: Python compiles a module once, unless it is told not to keep it.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    console = Path(kept.get("MLOPS_RUNNER_PYTHON") or ROOT / ".venv" / "console" / "bin" / "python")
    with _folder() as folder:
        shared = Resident(console, folder, cwd=ROOT)
        try:
            for name in IMPORTED:
                import_module(name)
            assert threading.active_count() == 1, "a fork would lack the other threads"
            gc.freeze()
            yield {**kept, SHARED: str(shared.python)}
        finally:
            shared.end()


@contextmanager
def _folder() -> Iterator[Path]:
    """Not `TemporaryDirectory`, which every fork would delete at its own exit."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(
    suites: Sequence[Sequence[str]], environment: Mapping[str, str], at_a_time: int, tell: Callable[[Ended], None]
) -> list[Ended]:
    """Run each as `pytest ARGUMENTS`, in order, so many at a time; `tell` hears of each as it ends.

    The first one goes before the others wherever they want the same core.
    """
    waiting, ended = list(suites), []
    with selectors.DefaultSelector() as running:
        while waiting or running.get_map():
            while waiting and len(running.get_map()) < at_a_time:
                first = len(waiting) == len(suites)
                begun = _begin(waiting.pop(0), environment, 0 if first else YIELDING)
                running.register(os.pidfd_open(begun.process), selectors.EVENT_READ, begun)
            for key, _ in running.select(timeout=5):
                running.unregister(key.fd)
                os.close(key.fd)
                ended.append(_ended(key.data))
                tell(ended[-1])
            for key in running.get_map().values():
                if time.monotonic() - key.data.started > LIMIT_SECONDS:
                    os.kill(key.data.process, signal.SIGKILL)
    return ended


def used() -> float:
    """Seconds of a core of everything that has run and ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _begin(arguments: Sequence[str], environment: Mapping[str, str], yielding: int) -> _Running:
    # A folder for each: pytest's own numbered ones are tidied up by whoever comes next, also by a neighbour.
    folder = Path(tempfile.mkdtemp(prefix="mlops-"))
    sys.stdout.flush()
    process = os.fork()
    begun = _Running(arguments, process, folder, time.monotonic())
    if process == 0:
        os.nice(yielding)
        output = os.open(begun.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for stream, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(stream, target)
        os.closerange(3, 1024)
        become(["-m", "pytest", "--basetemp", str(folder / "t"), *arguments], dict(environment), str(ROOT))
    return begun


def _ended(suite: _Running) -> Ended:
    # Not `waitpid`: only this tells what the process and all that it waited for have used.
    _, status, spent = os.wait4(suite.process, 0)
    text = suite.said.read_text(errors="replace") if suite.said.exists() else ""
    shutil.rmtree(suite.folder, ignore_errors=True)
    return Ended(
        arguments=suite.arguments,
        code=os.waitstatus_to_exitcode(status),
        said=text,
        seconds=time.monotonic() - suite.started,
        cpu=spent.ru_utime + spent.ru_stime,
    )
