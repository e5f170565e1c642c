"""A real sandbox, as a process of its own, for every test that speaks to one."""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings

from backend.cli import SELDOM
from tests import offline
from tests.forked import SHARED
from tests.made_world import MadeWorld
from tests.resident import Resident

if TYPE_CHECKING:
    from tests.databases import Databases
    from tests.postgres import Cluster

offline.guard()
gc.set_threshold(SELDOM)
# Read when scikit-learn is first imported. Suites share the cores: OpenMP's waiting threads would keep them busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# To explain a failure, Hypothesis traces each line before Python 3.12, and every traced line calls the guard's hook.
# No deadline either: on shared cores the time of one example says nothing about the code.
settings.register_profile("house", phases=[phase for phase in Phase if phase is not Phase.explain], deadline=None)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 20
MADE_WORLD_SECONDS = 900
"""The time limit of a test that may be the first to ask for `made_world`."""


def interpreter(variable: str, environment: str) -> Path:
    """The interpreter named by `variable`, else the one of `.venv/<environment>`."""
    return Path(os.environ.get(variable) or ROOT / ".venv" / environment / "bin" / "python")


@dataclass
class Sandbox:
    """One sandbox process. `url` is its TLS port, `browser_url` its plain one; `restart` keeps home and ports.

    `settings` are further options of `python -m sandbox serve`.
    """

    home: Path
    settings: tuple[str, ...] = ()
    url: str = ""
    browser_url: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)
    killed: bool = False

    @property
    def ca_file(self) -> Path:
        return self.home / "tls" / "ca.pem"

    @property
    def secrets(self) -> dict:
        return json.loads((self.home / "secrets.json").read_text())

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2] or 0)

    @property
    def browser_port(self) -> int:
        return int(self.browser_url.rpartition(":")[2] or 0)

    @property
    def pid(self) -> int:
        assert self.process is not None, "the sandbox is not running"
        return self.process.pid

    def command(self) -> list[str]:
        """`MLOPS_SANDBOX_SERVICES` narrows every world of a test run to some services."""
        services = os.environ.get("MLOPS_SANDBOX_SERVICES", "")
        return [
            str(interpreter("MLOPS_SANDBOX_PYTHON", "sandbox")),
            *("-m", "sandbox", "serve", "--home", str(self.home)),
            *("--port", str(self.port), "--browser-port", str(self.browser_port)),
            *("--runtime-python", str(interpreter("MLOPS_RUNTIME_PYTHON", "runtime"))),
            *("--runner-python", str(interpreter("MLOPS_RUNNER_PYTHON", "console"))),
            *(("--services", services) if services else ()),
            *self.settings,
        ]

    def start(self) -> None:
        """Start, and return once it serves; on the ports of the last start, on free ones the first time."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.killed = False
        with (self.home / "sandbox.log").open("a") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, env=_environment()
            )
        line = _first_line(self.process)
        if not line.startswith("ready "):
            self.stop()
            raise AssertionError(f"The sandbox did not start:\n{self.log()[-4000:]}")
        _, self.url, self.browser_url = line.split()

    def stop(self) -> int:
        """End it as Ctrl-C does; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)
        self.killed = True

    def restart(self) -> None:
        self.start()

    def end(self) -> None:
        """End it for good: a killed world is started once more, so that it ends the jobs and servers it left behind."""
        if self.killed:
            self.start()
        self.stop()

    def log(self) -> str:
        return (self.home / "sandbox.log").read_text()

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
            raise AssertionError(f"The sandbox did not end in {STOP_SECONDS} s:\n{self.log()[-4000:]}") from None
        finally:
            assert process.stdout is not None
            process.stdout.close()


def _environment() -> dict[str, str]:
    """Ours without the settings of a surrounding world: the sandbox is told everything on its command line."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        readable, _, _ = select.select([process.stdout], [], [], 0.2)
        if readable or process.poll() is not None:
            return process.stdout.readline().strip()
    return ""


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    yield
    if refused := offline.seen():
        pytest.fail("\n".join(refused), pytrace=False)


@pytest.fixture(scope="session")
def sandbox_python() -> Path:
    """The interpreter of the sandbox's environment, for tests that run its commands."""
    return interpreter("MLOPS_SANDBOX_PYTHON", "sandbox")


@pytest.fixture(scope="session")
def make_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sandbox]]:
    """`make_sandbox(*options, home=None)`: a started world of the caller's own, ended with the session."""
    with ExitStack() as ends:

        def make(*options: str, home: Path | None = None) -> Sandbox:
            world = Sandbox(home=home or tmp_path_factory.mktemp("world"), settings=options)
            ends.callback(world.end)
            world.start()
            return world

        yield make


@pytest.fixture(scope="session")
def sandbox(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """The world shared by the tests of a session: add to it, and leave what others made alone."""
    return make_sandbox("--poll-after-ms", "50", "--ingestion-seconds", "0.2")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The session's own PostgreSQL, started when first asked for."""
    from tests.postgres import Cluster

    made = Cluster()
    try:
        made.begin()
        yield made
    finally:
        made.end()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.recovery)])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Both kinds of database: what holds in one must hold in the other, which the long run shows."""
    from tests.databases import chosen

    yield from chosen(request)


@pytest.fixture(scope="session")
def resident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The console's interpreter with everything imported, for suites that run `mlops` often: `-m MODULE ARGUMENTS`."""
    shared = os.environ.get(SHARED)
    if shared:
        yield Path(shared)
        return
    made = Resident(interpreter("MLOPS_RUNNER_PYTHON", "console"), tmp_path_factory.mktemp("resident"), cwd=ROOT)
    yield made.python
    made.end()


@pytest.fixture(scope="session")
def made_world(tmp_path_factory: pytest.TempPathFactory, resident: Path) -> Iterator[MadeWorld]:
    """The first world with version 1 serving, made once a session by the product's own commands."""
    world = MadeWorld(tmp_path_factory.mktemp("made"), resident)
    try:
        world.make()
        yield world
    finally:
        world.end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "made_world" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(MADE_WORLD_SECONDS))
