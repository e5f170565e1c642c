"""The cloud in memory behind a socket file, so that it outlives the workers that are killed, and costs no processes."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from backend.errors import RemoteRejected
from backend.promotion.context import Reach
from tests.recovery.cloud import Cloud
from tests.recovery.cloud_state import Clock

GATEWAYS = ("workspace", "endpoints", "models", "jobs", "assets", "collected", "contents", "logs", "metrics")
WRITES = frozenset({"create_deployment", "set_traffic", "set_mirror", "delete_deployment", "submit"})


class RunningClock(Clock):
    """Real time that began at `base`; the same in every process of this machine, whose monotonic clock they share."""

    def __init__(self, base: datetime) -> None:
        self.base, self.began = base, time.monotonic()

    def __call__(self) -> datetime:
        return self.base + timedelta(seconds=time.monotonic() - self.began)

    def pass_(self, seconds: float) -> None:
        self.base += timedelta(seconds=seconds)


class CloudServer:
    """Answers one call at a time, as one service would; what fails in it fails at the caller."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self._reach = cloud, cloud.reach()
        # The path of a socket file may have 108 characters, which a test's own folder may exceed.
        self._folder = tempfile.TemporaryDirectory(prefix="mlops-cloud-")
        self.address = str(Path(self._folder.name) / "socket")
        self._listener = Listener(self.address, family="AF_UNIX")
        self._turn = threading.Lock()
        self._ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._ended:
            with suppress(OSError, EOFError):
                threading.Thread(target=self._serve, args=(self._listener.accept(),), daemon=True).start()

    def _serve(self, line: Connection) -> None:
        # A caller that was killed has hung up: what it asked for has happened, and nobody hears the answer.
        with suppress(EOFError, OSError), line:
            while True:
                line.send(self._answer(*line.recv()))

    def _answer(self, gateway: str, method: str, arguments: Any, named: Any) -> tuple[str, Any]:
        with self._turn:
            try:
                return "", getattr(getattr(self._reach, gateway), method)(*arguments, **named)
            except RemoteRejected as error:
                return "refused", (str(error), error.operation, error.status)
            except Exception as error:  # noqa: BLE001  # it is raised again in the process that asked
                return "failed", error

    def end(self) -> None:
        self._ended = True
        with suppress(OSError, EOFError):
            Client(self.address, family="AF_UNIX").close()
        self._listener.close()
        self._folder.cleanup()


class _Gateway:
    def __init__(self, name: str, call: Callable[[str, str, Any, Any], Any]) -> None:
        self._name, self._call = name, call

    def __getattr__(self, method: str) -> Callable[..., Any]:
        return lambda *arguments, **named: self._call(self._name, method, arguments, named)


def far_reach(address: str, crossing: Callable[[str], None]) -> Reach:
    """The gateways of a worker process; `crossing` sees every call before and after it, by `before set_traffic`."""
    line, turn = Client(address, family="AF_UNIX"), threading.Lock()

    def call(gateway: str, method: str, arguments: Any, named: Any) -> Any:
        crossing(f"before {method}")
        with turn:
            line.send((gateway, method, arguments, named))
            problem, answer = line.recv()
        if problem == "refused":
            said, operation, status = answer
            raise RemoteRejected(said, service="Azure ML", operation=operation, status=status)
        if problem:
            raise answer
        crossing(f"after {method}")
        return answer

    return Reach(**{name: _Gateway(name, call) for name in GATEWAYS})  # type: ignore[arg-type]
