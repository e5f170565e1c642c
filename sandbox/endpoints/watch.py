"""One deployment's server under watch: its log, its usage and what it collects are carried off, it is restarted."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from sandbox.endpoints import collection, events
from sandbox.monitor import tables
from sandbox.runtime import processes, servers
from sandbox.runtime.servers import Server, Specification
from sandbox.state.documents import Document
from sandbox.world import World

SAMPLE_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 30.0
STEADY_SECONDS = 60.0


class Watch:
    """Used from one thread at a time. `ready` says whether the server answers; `server` is the one that runs now."""

    def __init__(self, world: World, document: Document, *, ready: bool) -> None:
        self._world = world
        self.document = document
        self.server = Server.from_document(document["server"])
        self.ready = ready
        self.restarts = 0
        self._since = time.monotonic()
        self._due: float | None = None
        self._offset = _stored_offset(self.server)
        self._sampled_at = self._since
        self._cpu_seconds = servers.usage(self.server).cpu_seconds
        self._sample_due = self._since if ready else self._since + SAMPLE_SECONDS

    @property
    def deployment_id(self) -> str:
        return str(self.document["deployment_id"])

    def check(self) -> bool:
        """Look after the server once; True when `ready` or `server` has changed."""
        before = (self.ready, self.server)
        self.read_log()
        self.carry_collected()
        if not processes.alive(self.server.process):
            self._revive()
        elif not self.ready and servers.answers(self.server):
            self.become_ready()
        if time.monotonic() >= self._sample_due:
            self._sample()
        return before != (self.ready, self.server)

    def become_ready(self) -> None:
        """Called when the server has answered its liveness probe."""
        self.ready, self._since = True, time.monotonic()
        self._sample_due = self._since
        self._event("Ready", "The scoring server answers its liveness probe")

    def read_log(self) -> None:
        """Take what the server has written since the last time."""
        if not self.server.folder.is_dir():
            return
        lines, offset = servers.new_lines(self.server.log, self._offset)
        if offset != self._offset:
            events.console(self._world, self.deployment_id, str(self.document["image"]), lines)
            self._offset = offset
            _offset_file(self.server).write_text(str(offset))

    def carry_collected(self) -> None:
        """Take what its sidecar has kept since the last time to the blob store."""
        chosen = specification(self.document)
        if chosen.collections:
            collection.carry(self._world, self.deployment_id, self.server, chosen.rolling)

    def _revive(self) -> None:
        now = time.monotonic()
        if self._due is None:
            if self.ready and now - self._since > STEADY_SECONDS:
                self.restarts = 0
            pause = min(2.0**self.restarts - 1, LONGEST_BACKOFF_SECONDS)
            self.ready, self._due = False, now + pause
            code = processes.exit_code(self.server.process)
            ended = "was lost" if code is None else f"ended with code {code}"
            self._event("BackOff", f"The scoring server {ended}; it is started again in {pause:.0f} s")
        if now < self._due:
            return
        self._due = None
        self.restarts += 1
        self.server = servers.launch(self._world, specification(self.document), self.server.folder)
        self.document = {**self.document, "server": self.server.document()}
        self._world.documents.update(
            "server", self.deployment_id.lower(), lambda stored: {**stored, "server": self.server.document()}
        )
        self._cpu_seconds = 0.0
        self._event("Restarted", f"The scoring server was started again, for the {self.restarts}. time")

    def _sample(self) -> None:
        now = time.monotonic()
        found = servers.usage(self.server)
        elapsed = max(now - self._sampled_at, 0.001)
        cpu = max(found.cpu_seconds - self._cpu_seconds, 0.0) / elapsed / (os.cpu_count() or 1) * 100
        row: dict[str, Any] = {
            "ResourceId": self.deployment_id.lower(),
            "InstanceId": events.instance_of(self.deployment_id),
            "CpuPercent": round(min(cpu, 100.0), 3),
            "MemoryPercent": round(found.memory_bytes / psutil.virtual_memory().total * 100, 3),
            "Instances": int(self.ready),
        }
        tables.record_sample(self._world, row)
        self._sampled_at, self._cpu_seconds, self._sample_due = now, found.cpu_seconds, now + SAMPLE_SECONDS

    def _event(self, name: str, message: str) -> None:
        events.event(self._world, self.deployment_id, name, message)


def specification(document: Document) -> Specification:
    """The specification kept in a server's document."""
    stored = document["specification"]
    return Specification(**{**stored, "code": Path(stored["code"]), "model": Path(stored["model"])})


def stored(chosen: Specification) -> Document:
    """The specification as a server's document keeps it."""
    plain = {"code": str(chosen.code), "model": str(chosen.model), "variables": dict(chosen.variables)}
    return {**asdict(chosen), **plain, "collections": dict(chosen.collections)}


def _offset_file(server: Server) -> Path:
    return server.folder / "log.offset"


def _stored_offset(server: Server) -> int:
    try:
        return int(_offset_file(server).read_text())
    except (FileNotFoundError, ValueError):
        return 0
