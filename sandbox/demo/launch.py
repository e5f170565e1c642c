"""`make run`: environments, sandbox, worker, console, first world; Ctrl-C ends them all.

Exit codes: 0 after Ctrl-C, 69 if the machine lacks something (one line says what), 1 if a process died.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sandbox.demo.children import Children, Died
from sandbox.demo.environments import InstallFailed, ensure_all, is_complete, python_of, share_files
from sandbox.demo.first_world import FirstWorld, WorldFailed
from sandbox.demo.preflight import EXIT_UNAVAILABLE, RoomWatch, Unready, check_machine, check_ports, check_room
from sandbox.demo.settings_file import Ports, service_environment, write_settings

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ("console", "sandbox", "runtime")
START_SECONDS = 600.0
"""A start takes a quarter of a minute; on a machine that is busy with other things it takes many times that."""

Say = Callable[[str, float | None], None]


class Stopped(Exception):
    """The person asked us to end."""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    home: Path = options.home.resolve()
    ports = Ports(console=options.console_port, sandbox=options.sandbox_port, browser=options.browser_port)
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _stop)
    try:
        installed = all(is_complete(CHECKOUT, name) for name in ENVIRONMENTS)
        check_machine(CHECKOUT, installed=installed)
        check_room(home)
        with one_launcher(home):
            children = Children(home / "logs", say)
            for name in children.end_leftovers():
                say(f"Ended the {name} of an earlier start that was cut off")
            check_ports({"CONSOLE_PORT": ports.console, "SANDBOX_PORT": ports.sandbox, "BROWSER_PORT": ports.browser})
            return _run(home, ports, children)
    except Unready as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    except OSError as error:
        print(
            f"{error.strerror or error}: {error.filename or home}. Free some space or mend it, then start again.",
            file=sys.stderr,
        )
        return EXIT_UNAVAILABLE
    except (Died, InstallFailed, WorldFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped:
        print("\nStopped. Everything this world started has ended; `make run` continues it.")
        return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("MLOPS_HOME", CHECKOUT / ".mlops")))
    parser.add_argument("--console-port", type=int, default=8501)
    parser.add_argument("--sandbox-port", type=int, default=9443)
    parser.add_argument("--browser-port", type=int, default=9480)
    return parser.parse_args(arguments)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    raise Stopped


@contextmanager
def one_launcher(home: Path) -> Iterator[None]:
    """Hold the home for this process; a second launcher on it is told so."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "launcher.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unready(f"A world is already running in {home}: use it, or stop it with Ctrl-C first.") from None
        yield


def say(text: str, started: float | None = None) -> None:
    took = f"  ({time.monotonic() - started:.0f} s)" if started is not None else ""
    print(f"  {text}{took}", flush=True)


def _run(home: Path, ports: Ports, children: Children) -> int:
    began = time.monotonic()
    room = RoomWatch(home, say)

    def alive() -> None:
        room.look()
        children.check()

    print("MLOps Console: a local world with simulated patients", flush=True)
    try:
        ensure_all(CHECKOUT, ("console", "sandbox"), home / "logs", say)
        start_services(children, home, ports, console=True)
        say(f"Console usable at http://127.0.0.1:{ports.console}", began)
        ensure_all(CHECKOUT, ("runtime",), home / "logs", say)
        world = FirstWorld(CHECKOUT, home, ports, say, alive)
        world.make()
        say("The world is complete", began)
        _share_files()
        print(f"\nOpen http://127.0.0.1:{ports.console}  (sign in as lead; Ctrl-C stops)", flush=True)
        while True:
            alive()
            time.sleep(1.0)
    except (Died, InstallFailed, WorldFailed):
        room.look()  # most of what fails for want of room does not say so
        raise
    finally:
        children.stop()


def _share_files() -> None:
    """Last, because nobody waits for it: half a minute of reading where the disk is slow."""
    started = time.monotonic()
    saved = share_files(CHECKOUT)
    if saved is not None:
        say(f"{saved / 1e6:.0f} MB saved by keeping one copy of what the environments have in common", started)


def start_services(children: Children, home: Path, ports: Ports, *, console: bool, tell: Say | None = None) -> None:
    """Sandbox, then worker, then console, each once the one before answers; `tell` hears a line for each."""
    tell = tell or say
    started = time.monotonic()
    console_python = python_of(CHECKOUT, "console")
    told = start_sandbox(children, home, ports)
    tell(f"Sandbox answers at https://localhost:{ports.sandbox} and http://127.0.0.1:{ports.browser}", started)
    started = time.monotonic()
    children.start(
        "worker", [str(console_python), "-m", "backend", "worker"],
        cwd=CHECKOUT, env=service_environment(home, told, "mlops-worker"), again=True,
    )  # fmt: skip
    tell("Worker started", None)
    if console:
        children.start(
            "console", [str(console_python), "-m", "console"],
            cwd=CHECKOUT, env=service_environment(home, told, "mlops-console"), again=True,
        )  # fmt: skip
        children.wait_for(f"http://127.0.0.1:{ports.console}/_stcore/health", START_SECONDS, "The console")
        tell(f"Console answers at http://127.0.0.1:{ports.console}", started)


def start_sandbox(children: Children, home: Path, ports: Ports) -> dict[str, dict[str, str]]:
    """The sandbox alone, with the settings that lead to it; answers its program secrets by program name."""
    children.start(
        "sandbox",
        [
            str(python_of(CHECKOUT, "sandbox")), "-m", "sandbox", "serve", "--home", str(home / "sandbox"),
            "--port", str(ports.sandbox), "--browser-port", str(ports.browser),
            "--runtime-python", str(python_of(CHECKOUT, "runtime")),
            "--runner-python", str(python_of(CHECKOUT, "console")),
        ],
        cwd=CHECKOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, again=True,
    )  # fmt: skip
    children.wait_for(f"http://127.0.0.1:{ports.browser}/", START_SECONDS, "The sandbox")
    return write_settings(home, ports)


if __name__ == "__main__":
    sys.exit(main())
