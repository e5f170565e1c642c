"""A sandbox with workers that can be killed: real processes, the real wire, one world for a test module."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from backend.domain.clock import utc_now
from backend.domain.promotions import Kind, Promotion
from backend.domain.registry import ModelVersion
from backend.operations.promotions import Promotions
from backend.policy.blockers import to_acknowledge
from backend.settings_project import Project
from backend.store import Store
from sandbox.demo.settings_file import Ports, service_environment, write_settings
from tests.recovery.hospital import LEAD, PROJECT, WHY

ROOT = Path(__file__).resolve().parents[2]
SMALL = {
    "min_calls": "3",
    "min_seconds": "1",
    "max_p95_ms": "5000",
    "max_p95_ratio": "50",
    "max_cpu_percent": "0",
    "max_memory_percent": "0",
    "max_error_increase": "1",
    "max_positive_shift": "1",
    "deadline_seconds": "600",
    "keep_warm_seconds": "600",
}

PATIENCE = 400.0
"""Seconds for what takes some twenty on quiet cores; the long run keeps them busy with four suites."""

CALLS_A_SECOND = 4
"""Of practitioners: a weight of 10 % sees its calls in some seconds."""


class World:
    """`runtime` is the interpreter that makes the simulated patients, `python` the one that runs single commands.

    The workers find their database at `url`.
    """

    def __init__(self, home: Path, sandbox: Any, runtime: Path, python: Path, url: str) -> None:
        self.home, self.sandbox, self.runtime, self.python = home, sandbox, runtime, python
        ports = Ports(console=1, sandbox=sandbox.port, browser=sandbox.browser_port)
        self.told = write_settings(home, ports)
        self.tree = home / "diabetes"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.url = url
        self.store = Store(url, token_key=SecretStr(""))
        self.store.migrate()
        self.project: Project = PROJECT
        self.promotions = Promotions(self.store, self.project, utc_now)

    def prepare(self, *arguments: str) -> Any:
        """Run one of `prepare.py`'s verbs as the setup program."""
        done = subprocess.run(
            [str(self.python), "-m", "tests.recovery.prepare", *arguments],
            cwd=ROOT,
            env=service_environment(self.home, self.told, "mlops-setup") | {"MLOPS_DATABASE_URL": self.url},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, f"prepare {arguments}: {done.stderr[-3000:]}"
        return json.loads(done.stdout)

    def set_up(self) -> None:
        """Patients, resources, and the repository with a rollout that asks for few calls."""
        files = []
        for name, seed in (("dev", 3), ("prod", 4)):
            files.append(str(self.home / f"{name}.csv"))
            command = [str(self.runtime), "-m", "training.cohort", "--rows", "2500", "--seed", str(seed)]
            subprocess.run([*command, "--out", files[-1]], cwd=ROOT, check=True, capture_output=True, timeout=120)
        failed = self.prepare("setup", *files)
        # What needs the repository's first commit waits for it, and these worlds can do without.
        later = ("ruleset", "code owners", "stand-in branch")
        assert not [line for line in failed if not line.startswith(later)], failed
        shutil.copytree(ROOT / "training", self.tree / "training", ignore=shutil.ignore_patterns("__pycache__"))
        rollout = self.tree / "training" / "rollout.toml"
        text = rollout.read_text()
        for key, value in SMALL.items():
            text = re.sub(rf"^({key}\s*=\s*)[\d.]+", rf"\g<1>{value}", text, flags=re.MULTILINE)
        rollout.write_text(text)
        # So few patients prove little about a model: here it is workers that are tried.
        gates = self.tree / "training" / "gates.toml"
        gates.write_text(gates.read_text().replace('level = "hard"', 'level = "advisory"'))
        self.git("init", "-q", "-b", "main")
        calls = {"per_second": CALLS_A_SECOND}
        httpx.post(f"{self.sandbox.browser_url}/control/practitioners", json=calls, timeout=20).raise_for_status()

    def push(self, message: str) -> str:
        """Commit what is in the tree and push it to a branch of its own, which every reader can reach by its hash.

        The first one is main's import too: the gate file is read there.
        """
        self.git("add", "--all")
        author = ("-c", "user.name=scientist", "-c", "user.email=scientist@hospital.example")
        self.git(*author, "commit", "-q", "-m", message)
        sha = self.git("rev-parse", "HEAD").strip()
        address = f"https://x-access-token:{self.github_token()}@localhost:{self.sandbox.port}/hospital/diabetes.git"
        imported = [] if self.git("ls-remote", address, "refs/heads/main").strip() else ["HEAD:refs/heads/main"]
        self.git("push", "-q", address, f"HEAD:refs/heads/train-{sha[:7]}", *imported)
        return sha

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.tree,
            env={
                **os.environ,
                "GIT_SSL_CAINFO": str(self.sandbox.ca_file),
                "GIT_TERMINAL_PROMPT": "0",
                "HOME": str(self.home),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def github_token(self) -> str:
        """The lead's, by GitHub's device flow."""
        login = {"client_id": self.told["github"]["client_id"]}
        accept = {"Accept": "application/json"}
        with httpx.Client(base_url=self.sandbox.browser_url, headers=accept, timeout=20) as http:
            code = http.post("/login/device/code", data=login).json()
            http.post("/control/device", json={"user_code": code["user_code"], "account": "lead"}).raise_for_status()
            grant = {
                **login,
                "device_code": code["device_code"],
                "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            }
            return str(http.post("/login/oauth/access_token", data=grant).json()["access_token"])

    def train(self, message: str) -> ModelVersion:
        commit = self.push(message)
        return ModelVersion.model_validate(self.prepare("train", str(self.tree), commit))

    def click(self, version: ModelVersion, key: str) -> Promotion:
        """The lead approves and promotes, with everything that is advisory accepted."""
        told = to_acknowledge(self.promotions.decision(LEAD, version, None).blockers)
        return self.promotions.approve_and_promote(LEAD, version, self.promotions.stable(), WHY, key, told)

    def endpoints(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The production endpoint and the test endpoint, as `prepare` reads them."""
        production, test = self.prepare("endpoints", self.project.endpoint, self.project.test_endpoint)
        return production, test

    def endpoint(self) -> dict[str, Any]:
        return dict(self.prepare("endpoints", self.project.endpoint)[0])

    def mlops(self, *arguments: str) -> str:
        """What a command that reads prints, run as the console's identity."""
        done = subprocess.run(
            [str(self.python), "-m", "backend", *arguments],
            cwd=ROOT,
            env=service_environment(self.home, self.told, "mlops-console") | {"MLOPS_DATABASE_URL": self.url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_worker(self) -> subprocess.Popen[bytes]:
        environment = service_environment(self.home, self.told, "mlops-worker")
        environment |= {
            "MLOPS_DATABASE_URL": self.url,
            "MLOPS_WORKER__LEASE": "10",
            "MLOPS_WORKER__POLL": "0.25",
            "MLOPS_WORKER__REGISTRY_POLL": "2",
        }
        with (self.home / f"worker-{len(self.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "backend", "worker"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def kill_worker(self) -> None:
        """As a power cut does: no handler runs, no lease is given back."""
        worker = self.workers[-1]
        assert worker.poll() is None, self.worker_log()
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=10)

    def worker_log(self) -> str:
        return "\n".join(p.read_text()[-3000:] for p in sorted(self.home.glob("worker-*.log"))[-2:])

    def wait(self, what: str, look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Until `look` answers something; fails with the worker's last words."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            assert self.workers[-1].poll() in {None, -signal.SIGKILL}, self.worker_log()
            time.sleep(0.1)
        latest = [(p.id, p.phase.value, p.reason) for p in self.store.promotions.recent(3)]
        raise AssertionError(f"{what}: not within {seconds:.0f} s. {latest}\n{self.worker_log()}")

    def staged(self, version: ModelVersion) -> Promotion:
        """The test of a version, as soon as the worker has begun one."""

        def look() -> Promotion | None:
            of_it = self.store.promotions.of_version(version.name, version.version)
            return next((p for p in of_it if p.kind is Kind.STAGE), None)

        found: Promotion = self.wait(f"the test of v{version.version}", look)
        return found

    def wait_final(self, promotion_id: str, seconds: float = PATIENCE) -> Promotion:
        def look() -> Promotion | None:
            found = self.store.promotions.find(promotion_id)
            return (
                found if found is not None and (found.phase.final or found.phase.value == "needs attention") else None
            )

        found: Promotion = self.wait(f"the end of {promotion_id}", look, seconds)
        return found

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.terminate()
                worker.wait(timeout=40)
        self.store.close()
