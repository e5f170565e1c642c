"""Serves one world: two sockets, every service started before the first request and stopped after the last."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import signal
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette

from sandbox.app import applications, services
from sandbox.service import Service
from sandbox.state.ca import Certificates, ensure_certificates
from sandbox.world import Settings, World, open_world

log = logging.getLogger(__name__)

EXIT_UNAVAILABLE = 69
HANDLER_THREADS = 64
GRACE_SECONDS = 3


class CannotServeError(Exception):
    """The sandbox cannot start here; the message is one line for the person who started it."""


class _Server(uvicorn.Server):
    """Two of these share a process, so neither may take the signals for itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class _Port:
    server: _Server
    socket: socket.socket


def serve(settings: Settings, names: Sequence[str]) -> None:
    """Serve until SIGTERM or SIGINT; port 0 in `settings` takes a free one. CannotServeError if taken."""
    lock = _lock_home(settings.home)
    with contextlib.closing(lock), contextlib.ExitStack() as stack:
        tls_socket = stack.enter_context(contextlib.closing(_listen(settings.port, "--port")))
        browser_socket = stack.enter_context(contextlib.closing(_listen(settings.browser_port, "--browser-port")))
        settings = replace(settings, port=_number(tls_socket), browser_port=_number(browser_socket))
        certificates, world, mounted = _open(settings, names)
        stack.callback(world.documents.close)
        stack.callback(world.events.close)
        asyncio.run(_run(world, mounted, certificates, tls_socket, browser_socket))


def _open(settings: Settings, names: Sequence[str]) -> tuple[Certificates, World, Sequence[Service]]:
    """Everything that writes to the home before the first request; a full disk or a damaged file ends here."""
    try:
        certificates = ensure_certificates(settings.home / "tls")
        world = open_world(settings)
        return certificates, world, services(world, names)
    except (OSError, sqlite3.Error) as error:
        raise CannotServeError(_unusable(settings.home, error)) from error


def _unusable(home: Path, error: Exception) -> str:
    return f"The sandbox cannot use {home}: {error}. Mend that, or choose another folder with --home."


async def _run(
    world: World,
    mounted: Sequence[Service],
    certificates: Certificates,
    tls_socket: socket.socket,
    browser_socket: socket.socket,
) -> None:
    anyio.to_thread.current_default_thread_limiter().total_tokens = HANDLER_THREADS
    apps = applications(world, mounted)
    ports = (
        _Port(_Server(_config(apps.tls, certificates)), tls_socket),
        _Port(_Server(_config(apps.browser)), browser_socket),
    )
    _stop_on_signals(ports)
    apps.journal.start()
    started: list[Service] = []
    try:
        for service in mounted:
            await asyncio.to_thread(service.start)
            started.append(service)
        await _serve_ports(world, ports)
    finally:
        for service in reversed(started):
            await asyncio.to_thread(_stop, service)
        apps.journal.stop()


async def _serve_ports(world: World, ports: Sequence[_Port]) -> None:
    running = [asyncio.create_task(port.server.serve(sockets=[port.socket])) for port in ports]
    while not all(port.server.started for port in ports) and not any(task.done() for task in running):
        await asyncio.sleep(0.01)
    if all(port.server.started for port in ports):
        print(f"ready {world.settings.url} {world.settings.browser_url}", flush=True)
    await asyncio.gather(*running)


def _stop_on_signals(ports: Sequence[_Port]) -> None:
    def stop() -> None:
        for port in ports:
            port.server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def _stop(service: Service) -> None:
    try:
        service.stop()
    except Exception:
        log.exception("The service %s did not stop cleanly", service.name)


def _lock_home(home: Path) -> IO[str]:
    """Hold `<home>/lock` for as long as this process lives; the kernel frees it after a kill."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (home / "lock").open("a+")
    except OSError as error:
        raise CannotServeError(_unusable(home, error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise CannotServeError(
            f"A sandbox already runs on {home}; stop it, or choose another folder with --home."
        ) from error
    return lock


def _listen(port: int, option: str) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol number says TCP; without it every answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise CannotServeError(
            f"Port {port} cannot be opened ({error.strerror}); end what uses it, or choose another with {option}."
        ) from error
    listener.setblocking(False)
    return listener


def _number(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def _config(application: Starlette, certificates: Certificates | None = None) -> uvicorn.Config:
    """How a port is served; idle connections outlive the SDKs' own pools, so that no client meets a closed one."""
    return uvicorn.Config(
        application,
        ssl_certfile=None if certificates is None else certificates.chain,
        ssl_keyfile=None if certificates is None else certificates.key,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
