"""Every deployment's server: started and waited for, watched, restarted when it dies, ended.

A server is a process of its own session, recorded by pid and start time before it is waited for. After a restart of
the sandbox, also after a kill -9, the recorded one is found again; one that died meanwhile is started again.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sandbox.arm.errors import ArmError
from sandbox.arm.ids import parse
from sandbox.endpoints import events
from sandbox.endpoints.watch import Watch, stored
from sandbox.runtime import processes, servers
from sandbox.runtime.servers import CannotPrepare, Server, Specification
from sandbox.state.documents import Document
from sandbox.world import World

log = logging.getLogger(__name__)

KIND = "server"
STARTING = "server_starting"  # the last attempt that has not become the running server; kept for its log
PROBE_SECONDS = 0.2
WATCH_SECONDS = 0.5
DRAIN_SECONDS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run for a deployment. `fingerprint` tells one order from another; `patience_seconds` until it answers."""

    deployment_id: str
    fingerprint: str
    specification: Specification
    image: str
    patience_seconds: float

    @property
    def key(self) -> str:
        return self.deployment_id.lower()


class Fleet:
    """The servers of a world; every method may be called from any thread."""

    def __init__(self, world: World, changed: Callable[[], None]) -> None:
        self._world = world
        self._changed = changed
        self._lock = threading.RLock()
        self._running: dict[str, Watch] = {}
        self._orders: dict[str, tuple[str, Future[None]]] = {}
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="deploy")
        self._thread = threading.Thread(target=self._supervise, name="fleet", daemon=True)

    def start(self) -> None:
        """Find again the servers that ran before; the dead ones are started again by the supervisor."""
        recorded = [_server(document) for kind in (KIND, STARTING) for _, document in self._world.documents.list(kind)]
        for stray in servers.strays(self._world.folder("servers"), {server.process.pid for server in recorded}):
            processes.terminate(stray, 1.0)
        for key, document in self._world.documents.list(KIND):
            server = Server.from_document(document["server"])
            ready = processes.alive(server.process) and servers.answers(server)
            self._running[key] = Watch(self._world, document, ready=ready)
        self._thread.start()

    def stop(self) -> None:
        """End every server; their records stay, so that the next start brings them back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        with self._lock:
            ending = [watch.server for watch in self._running.values()]
        ending += [Server.from_document(document["server"]) for _, document in self._world.documents.list(STARTING)]
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda server: processes.terminate(server.process, 2.0), ending))
        self._pool.shutdown(wait=False, cancel_futures=True)

    def deploy(self, order: Order) -> None:
        """Start the order's server and return when it answers; ArmError ResourceNotReady with the reason otherwise.

        An order that is being carried out is joined, one that runs already is done; another order for the same
        deployment replaces the running server once the new one answers.
        """
        with self._lock:
            fingerprint, future = self._orders.get(order.key, ("", None))
            if future is not None and not future.done() and fingerprint != order.fingerprint:
                raise ArmError(409, "Conflict", f"Deployment {parse(order.deployment_id).name} is being changed.")
            if future is None or future.done():
                future = self._pool.submit(self._carry_out, order)
                self._orders[order.key] = (order.fingerprint, future)
        future.result()

    def busy(self, deployment_id: str) -> bool:
        """Whether an order for the deployment is being carried out."""
        with self._lock:
            _, future = self._orders.get(deployment_id.lower(), ("", None))
            return future is not None and not future.done()

    def carries_out(self, order: Order) -> bool:
        """Whether this very order is being carried out."""
        with self._lock:
            fingerprint, future = self._orders.get(order.key, ("", None))
            return future is not None and not future.done() and fingerprint == order.fingerprint

    def serves(self, deployment_id: str) -> bool:
        """Whether a server of the deployment has ever answered and has not been ended."""
        with self._lock:
            return deployment_id.lower() in self._running

    def remove(self, deployment_id: str) -> None:
        """End the deployment's server, also one that is starting, and forget it."""
        key = deployment_id.lower()
        with self._lock:
            watch = self._running.pop(key, None)
        starting = self._world.documents.get(STARTING, key)
        self._world.documents.delete(STARTING, key)
        self._world.documents.delete(KIND, key)
        self._changed()
        for server in [*([watch.server] if watch else []), *([_server(starting)] if starting else [])]:
            processes.terminate(server.process, 2.0)
        if watch is not None:
            watch.carry_collected()
        shutil.rmtree(self._home(key), ignore_errors=True)

    def ports(self) -> Mapping[str, int]:
        """The loopback port of every server that answers, by lower-cased deployment id."""
        with self._lock:
            return {key: watch.server.port for key, watch in self._running.items() if watch.ready}

    def runs(self, order: Order) -> bool:
        """Whether this very order is what runs."""
        with self._lock:
            watch = self._running.get(order.key)
        return watch is not None and watch.document["fingerprint"] == order.fingerprint

    def log_tail(self, deployment_id: str, lines: int) -> str:
        """What the deployment's newest server wrote last."""
        key = deployment_id.lower()
        document = self._world.documents.get(STARTING, key) or self._world.documents.get(KIND, key)
        return "" if document is None else servers.tail(_server(document), lines)

    def _carry_out(self, order: Order) -> None:
        if self.runs(order):
            return
        document = self._attempt(order)
        watch = Watch(self._world, document, ready=False)
        try:
            self._wait(order, watch)
        except ArmError as error:
            watch.read_log()
            processes.terminate(watch.server.process, 2.0)
            watch.read_log()
            events.event(self._world, order.deployment_id, "Failed", error.message)
            raise
        self._promote(order, watch)

    def _attempt(self, order: Order) -> Document:
        """The document of the order's starting server: of one found running, or of one started now."""
        before = self._world.documents.get(STARTING, order.key)
        if before is not None:
            if before["fingerprint"] == order.fingerprint and processes.alive(_server(before).process):
                return before
            processes.terminate(_server(before).process, 2.0)
            shutil.rmtree(_server(before).folder, ignore_errors=True)
        folder = self._home(order.key) / f"{self._world.documents.next_number('server_folder')}"
        try:
            servers.prepare(order.specification, folder)
        except (CannotPrepare, OSError) as error:
            events.event(self._world, order.deployment_id, "Failed", str(error))
            raise ArmError(400, "BadArgument", f"The deployment cannot be prepared: {error}") from error
        events.event(
            self._world,
            order.deployment_id,
            "Pulled",
            f"The environment {order.image}, the code and the model are there",
        )
        server = servers.launch(self._world, order.specification, folder)
        document = {
            "deployment_id": order.deployment_id,
            "fingerprint": order.fingerprint,
            "image": order.image,
            "specification": stored(order.specification),
            "server": server.document(),
        }
        self._world.documents.put(STARTING, order.key, document)
        events.event(self._world, order.deployment_id, "Started", "The scoring server's container was started")
        return document

    def _wait(self, order: Order, watch: Watch) -> None:
        deadline = time.monotonic() + order.patience_seconds
        process = watch.server.process
        while not servers.answers(watch.server):
            watch.read_log()
            if self._stopping.is_set() or self._world.documents.get(STARTING, order.key) is None:
                raise ArmError(409, "Canceled", "The deployment was deleted or the sandbox stopped while it started.")
            if not processes.alive(process):
                code = processes.exit_code(process)
                ended = "was ended from outside" if code is None else f"ended with code {code}"
                raise self._crashed(watch, f"the scoring server {ended}")
            if time.monotonic() > deadline:
                raise self._crashed(watch, f"Liveness probe failed for {order.patience_seconds:.0f} s")
            time.sleep(PROBE_SECONDS)

    def _crashed(self, watch: Watch, what: str) -> ArmError:
        text = servers.tail(watch.server, 40)
        said = f"User container has crashed or terminated: {what}. {servers.cause(text)}"
        return ArmError(400, "ResourceNotReady", said, details=[("ContainerLog", text)])

    def _promote(self, order: Order, watch: Watch) -> None:
        """The server that answers becomes the deployment's; the one it replaces is ended."""
        watch.become_ready()
        self._world.documents.put(KIND, order.key, watch.document)
        self._world.documents.delete(STARTING, order.key)
        with self._lock:
            replaced = self._running.get(order.key)
            self._running[order.key] = watch
        self._changed()
        if replaced is not None:
            # Calls that were on their way to the old server are answered by it before it ends.
            self._stopping.wait(DRAIN_SECONDS)
            processes.terminate(replaced.server.process, 5.0)
            replaced.carry_collected()
            shutil.rmtree(replaced.server.folder, ignore_errors=True)

    def _supervise(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            with self._lock:
                watches = list(self._running.items())
            changes = [self._look_after(key, watch) for key, watch in watches]
            if any(changes):
                self._changed()

    def _look_after(self, key: str, watch: Watch) -> bool:
        try:
            return watch.check()
        except Exception:
            with self._lock:
                forgotten = self._running.get(key) is not watch
            if not forgotten:
                log.exception("Watching the server of %s failed; it is tried again", key)
            return False

    def _home(self, key: str) -> Path:
        identity = parse(key)
        return self._world.folder("servers", identity.workspace, *identity.names[-2:])


def _server(document: Document) -> Server:
    return Server.from_document(document["server"])
