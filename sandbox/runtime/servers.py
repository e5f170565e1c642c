"""One scoring server: Microsoft's inference server as a process on loopback, laid out as in Azure's container.

The folder of a server holds `app/` (the code asset), `azureml-models/{name}/{version}/...` (the model) and `log.txt`
(everything the server writes). The server sees its own deployment's environment variables and nothing of ours.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from sandbox.runtime import processes
from sandbox.runtime.processes import Process
from sandbox.state.documents import Document
from sandbox.world import World

HOST = "127.0.0.1"
RUN = """\
import os, socket, subprocess, sys
from azureml_inference_server_http import amlserver_linux
if sys.argv[2:]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        os.environ["AZUREML_MDC_PORT"] = str(listening.getsockname()[1])
        inherited = listening.fileno()
        subprocess.Popen([sys.executable, *sys.argv[2:], str(inherited)], pass_fds=[inherited])
amlserver_linux.run("127.0.0.1", int(sys.argv[1]), 1)
"""
SIDECAR = Path(__file__).with_name("sidecar.py")
LIVENESS_SECONDS = 2.0
MAX_LOG_BYTES = 16_000_000
RESERVED = re.compile(r"(AML_|AZUREML_(?!LOG_LEVEL$)|LD_).*|PATH|HOME|PYTHONPATH")
"""Variables a deployment cannot set: they say where its own parts lie."""


class CannotPrepare(Exception):
    """The code or the model of a deployment cannot be laid out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What a server runs: folders of the code and the model, the script within the code, its variables.

    `collections` are what it collects, by name, with the percentage kept of each, in folders of the time that begin
    anew at the rate of `rolling`; `source` is who the lines say they are of.
    """

    code: Path
    script: str
    model: Path
    model_name: str
    model_version: str
    variables: Mapping[str, str]
    collections: Mapping[str, float] = field(default_factory=dict)
    rolling: str = "hour"
    source: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """A started server: its process, its port on loopback and its folder."""

    process: Process
    port: int
    folder: Path

    def document(self) -> Document:
        return {"process": asdict(self.process), "port": self.port, "folder": str(self.folder)}

    @classmethod
    def from_document(cls, document: Document) -> Server:
        return cls(Process(**document["process"]), int(document["port"]), Path(document["folder"]))

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def spool(self) -> Path:
        """Where its sidecar keeps what was collected."""
        return self.folder / "collected.jsonl"


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds used so far and resident bytes, summed over the server's processes."""

    cpu_seconds: float
    memory_bytes: int


def prepare(specification: Specification, folder: Path) -> None:
    """Copy code and model into `folder`; CannotPrepare says what is missing."""
    if not specification.code.is_dir():
        raise CannotPrepare("The code asset holds no files; upload it again.")
    if not specification.model.exists():
        raise CannotPrepare(f"The model {specification.model_name}:{specification.model_version} holds no files.")
    script = (specification.code / specification.script).resolve()
    if not script.is_file() or not script.is_relative_to(specification.code.resolve()):
        raise CannotPrepare(f"The scoring script {specification.script} is not in the code asset.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(specification.code, folder / "app")
    models = model_folder(folder, specification)
    models.mkdir(parents=True)
    if specification.model.is_dir():
        shutil.copytree(specification.model, models / specification.model.name)
    else:
        shutil.copy2(specification.model, models)


def model_folder(folder: Path, specification: Specification) -> Path:
    """`AZUREML_MODEL_DIR`: Azure mounts a model under its name and version, with its own top folder inside."""
    return folder / "azureml-models" / specification.model_name / specification.model_version


def launch(world: World, specification: Specification, folder: Path) -> Server:
    """Start the server of a prepared folder on a free port; it answers once its `init()` has returned."""
    port = free_port()
    app = folder / "app"
    python = world.settings.runtime_python
    own = {name: value for name, value in specification.variables.items() if not RESERVED.fullmatch(name)}
    environment = {
        **processes.ONE_THREAD,
        **own,
        "AML_APP_ROOT": str(app),
        "AZUREML_ENTRY_SCRIPT": str(app / specification.script),
        "AZUREML_MODEL_DIR": str(model_folder(folder, specification)),
        "HOME": str(folder),
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    sidecar: list[str] = []
    if specification.collections:
        environment |= {"AZUREML_MDC_CONFIG_PATH": str(_collector_file(specification, folder))}
        sidecar = [str(SIDECAR), str(folder / "collected.jsonl"), specification.source]
    process = processes.start(
        [str(python), "-c", RUN, str(port), *sidecar],
        folder=app,
        environment=environment,
        log=folder / "log.txt",
        exit_file=folder / "exit_code",
    )
    return Server(process, port, folder)


def _collector_file(specification: Specification, folder: Path) -> Path:
    """The configuration that azureml-ai-monitoring reads: a percentage for each collection that is on."""
    collections = {
        name: {"enabled": True, "sampleRatePercentage": share} for name, share in specification.collections.items()
    }
    path = folder / "collector.json"
    path.write_text(json.dumps({"collections": collections}))
    return path


def answers(server: Server) -> bool:
    """The liveness probe: `GET /` of the inference server."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=LIVENESS_SECONDS)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def usage(server: Server) -> Usage:
    """What the kernel counts for the server's processes; nothing when they are gone."""
    cpu, memory = 0.0, 0
    with suppress(psutil.Error):
        wrapper = psutil.Process(server.process.pid)
        for member in wrapper.children(recursive=True):
            with suppress(psutil.Error):
                times = member.cpu_times()
                cpu += times.user + times.system
                memory += member.memory_info().rss
    return Usage(cpu, memory)


def strays(root: Path, known: Iterable[int]) -> list[Process]:
    """Servers below `root` that nobody recorded: the sandbox was killed between starting and recording them."""
    recorded = set(known)
    found = []
    for candidate in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            leads = os.getsid(candidate.pid) == candidate.pid and candidate.pid not in recorded
            if leads and Path(candidate.cwd()).is_relative_to(root):
                found.append(Process(candidate.pid, candidate.create_time(), str(root / "stray")))
    return found


def tail(server: Server, lines: int) -> str:
    """The last lines the server wrote, at most 200 kB of them."""
    try:
        with server.log.open("rb") as file:
            file.seek(max(0, server.log.stat().st_size - 200_000))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def cause(log_tail: str) -> str:
    """The line of a crashed server's log that says why: the error of the user's script, not what it led to."""
    text = log_tail.split("The above exception was the direct cause", maxsplit=1)[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b", line)]
    return errors[-1] if errors else (lines[-1] if lines else "it wrote nothing before it ended")


def new_lines(log: Path, offset: int, limit: int = 500) -> tuple[list[str], int]:
    """Whole lines from byte `offset` on, and the offset after them; a log over 16 MB is emptied when read."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return [], 0
    if size < offset:
        offset = 0
    found: list[str] = []
    with log.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n") or len(found) >= limit:
                break
            found.append(line.decode(errors="replace").rstrip())
            offset += len(line)
    if offset >= size > MAX_LOG_BYTES:
        os.truncate(log, 0)
        offset = 0
    return found, offset


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
