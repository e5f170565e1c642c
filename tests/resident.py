"""An interpreter that has imported the SDKs and our modules: a command is a fork of it and costs no start of seconds.

    made = Resident(python_of(CHECKOUT, "console"), folder, cwd=CHECKOUT)
    subprocess.run([str(made.python), "-m", "backend", "whoami"])

`made.python` takes `-m MODULE ARGUMENTS...` as an interpreter does. What it runs is a process of its own with the
caller's arguments, environment, folder, standard streams, signals and exit code, from the first line of the module on.
What the environment says to a module while it is imported is not seen; none of ours asks it then.
"""

from __future__ import annotations

import array
import atexit
import gc
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import backend

SDKS = ("azure.ai.ml", "azure.identity", "azure.monitor.query", "github", "pandas", "fastapi", "scipy.sparse")
"""What our modules import late, each for up to two seconds of a core; of MLflow, whose plugin asks the environment for
its cloud while it is imported, only what it imports in turn."""
RUN = ("backend.__main__", "backend.store.migrations")
"""What does something when it is imported."""
START_SECONDS = 120

CLIENT = """#!{python} -ISE
import array, json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
line.connect({address!r})
told = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
streams = array.array("i", [0, 1, 2])
line.sendmsg([len(told).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
line.sendall(told)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: line.send(bytes([number])))
code = line.recv(4)
sys.exit(int.from_bytes(code, "big") if code else 137)
"""


class Resident:
    """The waiting interpreter and its `python`; the first command waits until the imports are done.

    With `modules` it imports these and nothing of ours, which each command then reads from `cwd` as it is by then;
    nothing that is compiled is kept.
    """

    def __init__(self, interpreter: Path, folder: Path, *, cwd: Path, modules: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.address, self.python = folder / "resident", folder / "python"
        # A shebang takes one argument and 127 characters: the base interpreter, which needs no packages for the errand.
        base = os.path.realpath(sys.executable)
        self.python.write_text(CLIENT.format(python=base, address=str(self.address)))
        self.python.chmod(0o700)
        with (folder / "resident.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(interpreter), *(["-B"] if modules else []), "-m", "tests.resident", str(self.address), *modules],
                cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while not self.address.exists():
            assert self.process.poll() is None, (folder / "resident.log").read_text()
            assert time.monotonic() < end, "the resident interpreter did not start"
            time.sleep(0.02)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


def serve(address: str, modules: Sequence[str]) -> NoReturn:
    """Fork for each caller; tell it how that ended. A caller that goes away takes its process with it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        unready = f"{address}.unready"
        door.bind(unready)
        door.listen(16)
        Path(unready).rename(address)
        for name in modules or _everything():
            import_module(name)
        assert threading.active_count() == 1, "a fork would lack the other threads"
        gc.freeze()
        with selectors.DefaultSelector() as waiting:
            waiting.register(door, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    if key.fileobj is door:
                        _begin(door, waiting)
                    else:
                        _attend(key, waiting)


def _everything() -> list[str]:
    ours = [module.name for module in pkgutil.walk_packages(backend.__path__, "backend.")]
    return [*SDKS, *(name for name in ours if not name.startswith(RUN))]


def _begin(door: socket.socket, waiting: selectors.BaseSelector) -> None:
    line, _ = door.accept()
    head, ancillary, _, _ = line.recvmsg(4, socket.CMSG_LEN(3 * array.array("i").itemsize))
    told = _exactly(line, int.from_bytes(head, "big"))
    streams = array.array("i", ancillary[0][2])
    process = os.fork()
    if process == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        for inherited in {line.fileno(), *(key.fd for key in waiting.get_map().values())}:
            os.close(inherited)
        become(*json.loads(told))
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(process)
    waiting.register(ended, selectors.EVENT_READ, (process, line, ended))
    waiting.register(line, selectors.EVENT_READ, (process, line, ended))


def _exactly(line: socket.socket, length: int) -> bytes:
    told = b""
    while len(told) < length:
        told += line.recv(length - len(told))
    return told


def _attend(key: selectors.SelectorKey, waiting: selectors.BaseSelector) -> None:
    """A process has ended, or its caller was sent a signal, or is no more."""
    process, line, ended = key.data
    if key.fileobj is line:
        number = line.recv(1)
        os.kill(process, number[0] if number else signal.SIGKILL)
        if number:
            return
        waiting.unregister(line)
        line.close()
        return
    _, status = os.waitpid(process, 0)
    waiting.unregister(ended)
    os.close(ended)
    if line.fileno() != -1:
        waiting.unregister(line)
        code = os.waitstatus_to_exitcode(status)
        line.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))
        line.close()


def become(arguments: list[str], environment: dict[str, str], folder: str) -> NoReturn:
    """Go on as `python -m MODULE ...`, in this fork; what Python does last for a process is done here."""
    code: object = 1
    try:
        assert arguments[0] == "-m", "the resident interpreter runs modules only"
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        os.chdir(folder)
        sys.argv = arguments[1:]
        sys.path[0] = folder
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:  # noqa: BLE001  # as the interpreter would: told, and 1
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]  # non-daemon threads end first, as at any exit
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
