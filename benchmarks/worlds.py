"""Worlds of the benchmarks' own: each a temporary home on free ports, ended and deleted afterwards."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from backend.bootstrap_ci import CiParts, build_ci
from backend.domain.endpoints import ProvisioningState
from backend.domain.promotions import Target
from backend.domain.registry import ModelVersion
from backend.gateways.azureml.endpoints import Endpoints
from backend.operations.training import Subject
from backend.promotion.target import target_on
from backend.settings import Settings, load
from sandbox.demo.branches import BRANCHES
from sandbox.demo.children import Children
from sandbox.demo.environments import python_of
from sandbox.demo.first_world import FirstWorld
from sandbox.demo.launch import CHECKOUT, start_sandbox, start_services
from sandbox.demo.preflight import free_port
from sandbox.demo.settings_file import Ports, service_environment

ROWS = 10_000
JOB_SECONDS = 300
DEPLOY_SECONDS = 180


def say(text: str, started: float | None = None) -> None:
    """Progress goes to standard error; standard output holds the table."""
    took = f"  ({time.monotonic() - started:.0f} s)" if started is not None else ""
    print(f"  {text}{took}", file=sys.stderr, flush=True)


@dataclass
class World:
    """A running sandbox. What a benchmark needs more of it is made when first asked for."""

    home: Path
    ports: Ports
    children: Children
    _runs: int = 0

    @cached_property
    def first(self) -> FirstWorld:
        """Its people at their terminals and their git."""
        return FirstWorld(CHECKOUT, self.home, self.ports, say, self.children.check)

    @cached_property
    def settings(self) -> Settings:
        """Settings that lead here, signed in as the worker."""
        told = json.loads((self.home / "sandbox" / "secrets.json").read_text())["mlops-worker"]
        for name in [name for name in os.environ if name.startswith(("MLOPS_", "AZURE_", "ARM_", "MLFLOW_"))]:
            del os.environ[name]
        os.environ["MLOPS_SETTINGS"] = str(self.home / "mlops.toml")
        os.environ["MLOPS_IDENTITY__CLIENT_ID"] = told["client_id"]
        os.environ["MLOPS_IDENTITY__CLIENT_SECRET"] = told["secret"]
        return load()

    @cached_property
    def data(self) -> Path:
        """A CSV of simulated patients."""
        path = self.home / "patients.csv"
        command = [str(self.runtime_python), "-m", "training.cohort", "--rows", str(ROWS), "--seed", "3"]
        subprocess.run([*command, "--out", str(path)], cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
        return path

    @cached_property
    def parts(self) -> CiParts:
        """The gateways of the production workspace, once setup has declared it."""
        started = time.monotonic()
        self.first.lead.sign_in()
        files = ("--dev-data", str(self.data), "--prod-data", str(self.data))
        self.first.lead.mlops("setup", "apply", *files, "--yes", env=self.first.setup_env, timeout=600)
        say("Setup applied", started)
        return build_ci(self.settings, self.settings.project.prod_workspace)

    @cached_property
    def served(self) -> Target:
        """The reference model as the only deployment of the production endpoint."""
        started = time.monotonic()
        target = self.deploy(target_on(self.settings.project.endpoint, self.register(self.train())))
        Endpoints(self.parts.workspace).set_traffic(target.endpoint, {target.deployment: 100})
        say(f"{target.deployment} serves", started)
        return target

    def register(self, name: str) -> ModelVersion:
        """The model that the latest run made, as a version; a worker that runs begins to test it."""
        return self.parts.training.register(name, self.subject(), self.parts.training.data())

    def deploy(self, target: Target) -> Target:
        """Create the target's deployment without traffic and wait until it answers."""
        endpoints, project = Endpoints(self.parts.workspace), self.settings.project
        endpoints.create_deployment(
            target,
            code=self.parts.jobs.code_id(target.run),
            instance_type=project.instance_type,
            instance_count=1,
            tags={"purpose": "benchmark"},
        )
        self.wait(f"{target.deployment} to succeed", lambda: self._succeeded(endpoints, target), DEPLOY_SECONDS)
        return target

    def start_worker(self) -> None:
        """The worker of `make run`, over this world's own database, unless it runs; ends with the world."""
        if self.children.has("worker"):
            return
        told = json.loads((self.home / "sandbox" / "secrets.json").read_text())
        command = [str(python_of(CHECKOUT, "console")), "-m", "backend", "worker"]
        self.children.start("worker", command, cwd=CHECKOUT, env=service_environment(self.home, told, "mlops-worker"))

    def wait(self, what: str, look: Callable[[], object], seconds: float, pause: float = 0.5) -> None:
        """Until `look` answers something true; TimeoutError says what was waited for."""
        end = time.monotonic() + seconds
        while not look():
            self.children.check()
            if time.monotonic() > end:
                raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}; the logs are in {self.children.logs}")
            time.sleep(pause)

    def _succeeded(self, endpoints: Endpoints, target: Target) -> bool:
        endpoint = endpoints.get(target.endpoint)
        found = endpoint.deployment(target.deployment) if endpoint else None
        if found is not None and found.state is ProvisioningState.FAILED:
            raise RuntimeError(f"{target.deployment} did not start: {found.problem}")
        return found is not None and found.state is ProvisioningState.SUCCEEDED

    def subject(self) -> Subject:
        """What the next run is about; every run has a commit of its own, so that none is adopted."""
        commit = f"{self._runs:09d}{'0' * 31}"
        return Subject(purpose="retrain", commit=commit, pull_request="", branch="main", author="scientist")

    def train(self, source: Path = CHECKOUT) -> str:
        """Train `source` on the production data through the gateways; the completed run's name."""
        self._runs += 1
        data = self.parts.training.data()
        name = self.parts.training.train(source, self.subject(), data)
        self.parts.training.wait(name, JOB_SECONDS, lambda _state, _seconds: None)
        return name

    @property
    def runtime_python(self) -> Path:
        return python_of(CHECKOUT, "runtime")

    def requests(self) -> int:
        """How many requests this world has answered so far."""
        address = f"http://127.0.0.1:{self.ports.browser}/control/journal?limit=1"
        with urllib.request.urlopen(address, timeout=10) as answer:
            newest = json.load(answer)["requests"]
        return int(newest[0]["number"]) if newest else 0

    def server_port(self, deployment: str) -> int:
        """The loopback port of a deployment's own inference server."""
        database = sqlite3.connect(f"file:{self.home / 'sandbox' / 'sandbox.db'}?mode=ro", uri=True)
        try:
            bodies = database.execute("SELECT body FROM documents WHERE kind = 'server'").fetchall()
        finally:
            database.close()
        found = [json.loads(body) for (body,) in bodies]
        return next(int(one["server"]["port"]) for one in found if one["deployment_id"].endswith(f"/{deployment}"))


@contextmanager
def bare_world() -> Iterator[World]:
    """A sandbox with nothing in it yet."""
    with _home() as (home, ports, children):
        started = time.monotonic()
        start_sandbox(children, home, ports)
        say("A world of its own", started)
        yield World(home, ports, children)


@contextmanager
def world_of_its_own() -> Iterator[World]:
    """As `bare_world`, for a benchmark that shares it with no other: what a worker finds to do there is measured."""
    with bare_world() as made:
        yield made


@contextmanager
def console_world() -> Iterator[World]:
    """Sandbox, worker and console over an empty world."""
    with _home() as (home, ports, children):
        started = time.monotonic()
        start_services(children, home, ports, console=True)
        say("A console of its own", started)
        yield World(home, ports, children)


@contextmanager
def complete_world() -> Iterator[World]:
    """Sandbox, worker and console with a version in service and a pull request that was checked, as `make run` has."""
    with _home() as (home, ports, children):
        started = time.monotonic()
        start_services(children, home, ports, console=True)
        made = World(home, ports, children)
        made.first.make(BRANCHES[:1])
        say("A complete world of its own", started)
        yield made


@contextmanager
def _home() -> Iterator[tuple[Path, Ports, Children]]:
    """A temporary home on free ports; whatever was started there is ended, and the home deleted."""
    home = Path(tempfile.mkdtemp(prefix="mlops-bench-"))
    children = Children(home / "logs")
    try:
        yield home, Ports(console=free_port(), sandbox=free_port(), browser=free_port()), children
    finally:
        children.stop()
        shutil.rmtree(home, ignore_errors=True)
