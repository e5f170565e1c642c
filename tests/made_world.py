"""The first world of `make run`, without its pull requests: version 1 is trained, approved and serves."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sandbox.demo.branches import Branch
from sandbox.demo.children import Children
from sandbox.demo.first_world import FirstWorld
from sandbox.demo.launch import CHECKOUT, python_of, start_services
from sandbox.demo.preflight import free_port
from sandbox.demo.session import Person
from sandbox.demo.settings_file import Ports, service_environment


@dataclass
class MadeWorld:
    """Sandbox and worker of one home, and `first`, whose `lead` and `scientist` are signed in at its terminal.

    `python` runs their commands. Tests of a session share the world: leave version 1 serving, and open pull requests
    under branch names of your own.
    """

    home: Path
    python: Path
    ports: Ports = field(default_factory=lambda: Ports(console=free_port(), sandbox=free_port(), browser=free_port()))
    children: Children = field(init=False)
    first: FirstWorld = field(init=False)

    def make(self) -> None:
        """Start sandbox and worker, then run the first world's own script. About a minute on two quiet cores."""
        self.children = Children(self.home / "logs")
        start_services(self.children, self.home, self.ports, console=False)
        silent, alive = lambda _text, _started: None, self.children.check
        self.first = FirstWorld(CHECKOUT, self.home, self.ports, silent, alive, self.python)
        self.first.make(())

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports.sandbox}"

    @property
    def browser_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.browser}"

    @property
    def lead(self) -> Person:
        return self.first.lead

    @property
    def scientist(self) -> Person:
        return self.first.scientist

    def person(self, account: str) -> Person:
        """Somebody else at a terminal of their own; `sign_in()` is the caller's."""
        return Person(account, self.python, CHECKOUT, self.home, self.ports, self.environment())

    def environment(self, program: str = "mlops-console") -> dict[str, str]:
        """What a service of this world is started with, signed in as `program`."""
        return service_environment(self.home, self.first.told, program)

    def console(self) -> str:
        """The address of this world's console, started by the first who asks."""
        address = f"http://127.0.0.1:{self.ports.console}"
        if not self.children.has("console"):
            argv = [str(python_of(CHECKOUT, "console")), "-m", "console"]
            self.children.start("console", argv, cwd=CHECKOUT, env=self.environment())
            self.children.wait_for(f"{address}/_stcore/health", 120, "The console")
        return address

    def crash(self, *names: str) -> None:
        """End services as a power cut does, and start them again."""
        for name in names:
            self.children.crash(name)
        self.children.wait_for(f"{self.browser_url}/", 120, "The sandbox")

    def practitioners(self, per_second: float) -> None:
        """Requests to the production endpoint: a promotion over a stable version needs about 5 a second."""
        self.lead.call(f"{self.browser_url}/control/practitioners", "POST", {"per_second": per_second})

    def open_pull_request(self, branch: Branch) -> int:
        return self.first.open_pull_request(branch)

    def processes(self) -> list[psutil.Process]:
        """Every process of this world: the services, and whatever runs for them in sessions of their own."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and str(self.home) in " ".join([*process.cmdline(), process.cwd()]):
                    found += [process, *process.children(recursive=True)]
            except psutil.Error:
                continue  # ended meanwhile, or another user's
        return list(dict.fromkeys(found))

    def end(self) -> None:
        self.children.stop()
