"""One real `mlflow server` behind the gateway: on loopback, with a workspace of its own for each Azure ML workspace."""

from __future__ import annotations

import logging
import socket
import sqlite3
import sys
import threading
import time

import httpx

from sandbox.runtime import processes
from sandbox.runtime.processes import Process
from sandbox.world import World

log = logging.getLogger(__name__)

KIND = "tracking_server"
KEY = "mlflow"
WANTED = "wanted"
CHECK_SECONDS = 0.3
SERVE = """\
import gc
import sys
gc.set_threshold(50_000)
import uvicorn
uvicorn.run("mlflow.server.fastapi_app:app", host="127.0.0.1", port=int(sys.argv[1]), access_log=False)
"""
"""Looking for garbage among what an import brings, which all stays, is a fifth of the start."""
ANALYZE_SECONDS = 300.0


class TrackingServer:
    """Keeps the server running; one that survived a kill of the sandbox is adopted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tracking-server", daemon=True)
        self._analyzed = time.monotonic()

    def start(self) -> None:
        """Begin to look after the server, which is started once a workspace exists: it takes 250 MB."""
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=5)
        process = self._recorded()
        if process is not None:
            processes.terminate(process, grace_seconds=3)
            self._world.documents.delete(KIND, KEY)

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                process = self._recorded()
                if self._world.documents.get(KIND, WANTED) is not None and not (process and processes.alive(process)):
                    self._launch()
                self._analyze()
            except (OSError, sqlite3.Error):
                log.exception("The mlflow server could not be started or its database could not be analysed")
            self._ended.wait(CHECK_SECONDS)

    def _recorded(self) -> Process | None:
        document = self._world.documents.get(KIND, KEY)
        return None if document is None else Process(**document["process"])

    def _launch(self) -> None:
        folder = self._world.folder("mlflow")
        port = _free_port()
        command = [sys.executable, "-c", SERVE, str(port)]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            **_options(f"sqlite:///{folder / 'mlflow.db'}"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "PYTHONWARNINGS": "ignore",
        }
        process = processes.start(
            command, folder=folder, environment=environment, log=folder / "server.log", exit_file=folder / "server.exit"
        )
        self._world.documents.put(KIND, KEY, {"process": process.document(), "url": f"http://127.0.0.1:{port}"})

    def _analyze(self) -> None:
        """Without statistics SQLite takes 10 s to sort 10,000 runs by a metric; with them 0.3 s."""
        database = self._world.settings.home / "mlflow" / "mlflow.db"
        if time.monotonic() - self._analyzed < ANALYZE_SECONDS or not database.exists():
            return
        self._analyzed = time.monotonic()
        connection = sqlite3.connect(database, timeout=10)
        try:
            connection.execute("ANALYZE")
        finally:
            connection.close()


def _options(store: str) -> dict[str, str]:
    """`mlflow server --enable-workspaces --no-serve-artifacts ...`, as that command tells the server that it starts.

    The command itself stays beside its server as a second Python of the same size, which doubled the start and the
    memory of a world. The names are those of mlflow/server/constants.py in the version of our lock.
    """
    return {
        "_MLFLOW_SERVER_FILE_STORE": store,
        "_MLFLOW_SERVER_REGISTRY_STORE": store,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_ENABLE_WORKSPACES": "true",
    }


def server_url(world: World, timeout_seconds: float = 60.0) -> str:
    """Where the server answers; waits while it starts. TimeoutError says where its log is."""
    want(world)
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if url := ready_url(world):
            return url
        time.sleep(0.1)
    log_file = world.settings.home / "mlflow" / "server.log"
    raise TimeoutError(f"The mlflow server did not answer within {timeout_seconds:.0f} s; see {log_file}.")


def want(world: World) -> None:
    """Have the server started, now and whenever this world starts again."""
    if world.documents.get(KIND, WANTED) is None:
        world.documents.create(KIND, WANTED, {})


def ready_url(world: World) -> str:
    """Where the server answers now, "" while it starts."""
    document = world.documents.get(KIND, KEY)
    if document is not None and (document.get("healthy") or _healthy(world, document["url"])):
        return str(document["url"])
    return ""


def _healthy(world: World, url: str) -> bool:
    try:
        if httpx.get(f"{url}/health", timeout=2).status_code != 200:
            return False
    except httpx.HTTPError:
        return False
    world.documents.update(KIND, KEY, lambda document: {**document, "healthy": document["url"] == url})
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
