"""A person at a terminal, as the first world plays one: device codes approved, commands run, REST called."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandbox.accounts import GITHUB_APP_CLIENT_ID
from sandbox.demo.settings_file import Ports


class CommandFailed(Exception):
    """A command of the product ended badly; `code` is its exit code, the text its last words."""

    def __init__(self, command: list[str], code: int, output: str) -> None:
        super().__init__(f"`mlops {' '.join(command)}` ended with {code}: {output.strip()[-400:] or 'no output'}")
        self.code = code
        self.output = output


class Person:
    """One account: `mlops` with its own profile, and its GitHub token for git and REST."""

    def __init__(
        self, account: str, python: Path, checkout: Path, home: Path, ports: Ports, env: Mapping[str, str],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.account = account
        self._meanwhile = meanwhile
        self.checkout = checkout
        self.ports = ports
        self._python = python
        self._env = {**env, "MLOPS_PROFILE": account}
        self._tls = ssl.create_default_context(cafile=str(home / "sandbox" / "tls" / "ca.pem"))
        self._token = ""

    def mlops(self, *arguments: str, timeout: float = 600, env: Mapping[str, str] | None = None) -> str:
        """Run `mlops ...` as this person; its standard output, or CommandFailed. `meanwhile` is called every second."""
        with subprocess.Popen(
            [str(self._python), "-m", "backend", *arguments], cwd=self.checkout, env={**self._env, **(env or {})},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                out, err = self._ended(process, timeout)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise CommandFailed(list(arguments), process.returncode, err or out)
        return out

    def _ended(self, process: subprocess.Popen[str], timeout: float) -> tuple[str, str]:
        end = time.monotonic() + timeout
        while True:
            try:
                return process.communicate(timeout=min(1.0, timeout))
            except subprocess.TimeoutExpired as error:
                if time.monotonic() >= end:
                    raise subprocess.TimeoutExpired(error.cmd, timeout) from None
            self._meanwhile()

    def read(self, *arguments: str) -> Any:
        return json.loads(self.mlops(*arguments, "--json"))

    def acknowledging(self, version: str) -> list[str]:
        """The options that accept what is advisory about a version, after reading what it is."""
        names = self.read("decision", version)["to_acknowledge"]
        return [part for name in names for part in ("--acknowledge", str(name))]

    def sign_in(self) -> None:
        """`mlops login`, then `mlops login --github`: the device codes are approved as the person would."""
        for extra in ([], ["--github"]):
            process = subprocess.Popen(
                [str(self._python), "-m", "backend", "login", *extra, "--json"], cwd=self.checkout, env=self._env,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert process.stderr is not None
            # The code comes beside standard output, after whatever a library may have had to say there.
            first = next((line for line in process.stderr if line.startswith("{")), "")
            if first:
                self.approve_device(json.loads(first)["user_code"])
            out, err = process.communicate(timeout=120)
            if process.returncode != 0:
                raise CommandFailed(["login", *extra], process.returncode, err or out or first)

    def approve_device(self, user_code: str) -> None:
        self.call(
            f"http://127.0.0.1:{self.ports.browser}/control/device",
            "POST", {"user_code": user_code, "account": self.account},
        )  # fmt: skip

    @property
    def token(self) -> str:
        """A GitHub token of this account by GitHub's device flow."""
        if not self._token:
            base = f"https://localhost:{self.ports.sandbox}/login"
            client = GITHUB_APP_CLIENT_ID
            code = self.call(f"{base}/device/code", "POST", {"client_id": client})
            self.approve_device(code["user_code"])
            grant = "urn:ietf:params:oauth:grant-type:device_code"
            form = {"client_id": client, "device_code": code["device_code"], "grant_type": grant}
            for _ in range(20):
                answer = self.call(f"{base}/oauth/access_token", "POST", form)
                if "access_token" in answer:
                    self._token = answer["access_token"]
                    break
                time.sleep(float(answer.get("interval", code.get("interval", 1))))
        return self._token

    def github(self, path: str, method: str = "GET", body: object = None) -> Any:
        """GitHub REST as this person; `path` begins after `/api/v3`."""
        return self.call(
            f"https://localhost:{self.ports.sandbox}/api/v3{path}",
            method,
            body,
            {"Authorization": f"token {self.token}"},
        )

    def call(self, url: str, method: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  # loopback addresses built above
            url, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Accept": "application/json", "Content-Type": "application/json", **(headers or {})},
        )  # fmt: skip
        context = self._tls if url.startswith("https") else None
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:  # noqa: S310  # as above
            text = answer.read()
        return json.loads(text) if text else None
