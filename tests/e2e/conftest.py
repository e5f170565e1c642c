"""A real console before a real sandbox, seen through Chromium; no certificate error is ignored."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from browsing import Complaints, sign_in
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sandbox.demo.settings_file import Ports, service_environment, write_settings

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
expect.set_options(timeout=20_000)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Console:
    """One console process over the settings of `home`."""

    home: Path
    port: int
    program: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.home / "console.log").read_text()

    def start(self) -> None:
        python = os.environ.get("MLOPS_CONSOLE_PYTHON") or str(ROOT / ".venv" / "console" / "bin" / "python")
        with (self.home / "console.log").open("ab") as log:
            self.process = subprocess.Popen(
                [python, "-m", "console"], cwd=ROOT, env=self.program, stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, f"The console ended:\n{self.log[-4000:]}"
            assert time.monotonic() < end, f"The console does not answer:\n{self.log[-4000:]}"
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:  # noqa: S310  our own address
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="session")
def console(make_sandbox: Callable[..., object], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = tmp_path_factory.mktemp("home")
    sandbox = make_sandbox(home=home / "sandbox")
    port = free_port()
    told = write_settings(home, Ports(console=port, sandbox=sandbox.port, browser=sandbox.browser_port))
    started = Console(home, port, service_environment(home, told, "mlops-console"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("MLOPS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def window(chromium: Browser, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """`window(**look)`: a browser of its own, without anybody's cookies, that trusts no special certificate."""
    with ExitStack() as ends:

        def open_window(**look: object) -> Page:
            context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **look})
            ends.callback(context.close)
            complaints.listen(context)
            return context.new_page()

        yield open_window


@pytest.fixture
def visitor(window: Callable[..., Page]) -> Page:
    return window()


@pytest.fixture
def enter(window: Callable[..., Page]) -> Callable[..., Page]:
    """`enter(url, name, **look)`: a browser of its own in which `name` has signed in on the page of `url`."""

    def signed_in(url: str, name: str, **look: object) -> Page:
        page = window(**look)
        sign_in(page, url, name)
        return page

    return signed_in
