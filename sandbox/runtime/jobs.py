"""Runs command jobs as real processes, two at a time, and says what became of each.

Queued -> Preparing -> Running -> Completed | Failed | Canceled. One thread decides everything from what is on disk:
the job's record (kind "job"), the recorded process and its exit file. So a sandbox that is killed and started again
goes on where it was, and a process that vanished without an exit code is reported as lost.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.exceptions import HTTPException

from sandbox.arm import resources
from sandbox.arm.ids import parse
from sandbox.runtime import processes
from sandbox.runtime.job_command import exit_file, job_folder, log_file, prepare
from sandbox.runtime.processes import Process
from sandbox.state.documents import Document
from sandbox.tracking import runs
from sandbox.tracking.server import ready_url
from sandbox.world import World

log = logging.getLogger(__name__)

KIND = "job"
AT_ONCE = 2
TICK_SECONDS = 0.2
TAIL_LINES = 20
DEFAULT_LIMIT = timedelta(hours=6)
MLFLOW_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}
DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$")


class Jobs:
    """The runner of one world. `submit` and `cancel` may be called from any thread and return at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)
        self._active: list[str] = []

    def start(self) -> None:
        """Find the jobs that were going on when this world last stopped."""
        records = self._world.documents.list(KIND)
        self._active = [key for key, record in records if not record["settled"]]
        self._thread.start()

    def stop(self) -> None:
        """End every process; a job that was running has failed, and says why."""
        self._ended.set()
        self._wake.set()
        self._thread.join(timeout=10)
        for key in self._active:
            record = self._world.documents.get(KIND, key)
            if record is not None and record["process"] and not record["ended_at"]:
                processes.terminate(Process(**record["process"]), grace_seconds=2)
                self._end(key, "Failed", "The sandbox was stopped while this job ran.")

    def submit(self, job_id: str, *, user: str) -> None:
        """Queue a job whose ARM resource exists, and create its run. TimeoutError if tracking does not answer."""
        job, identity = self._job(job_id), parse(job_id)
        properties = job["properties"]
        runs.ensure_workspace(self._world, identity.workspace)
        experiment = runs.ensure_experiment(self._world, identity.workspace, properties["experimentName"])
        runs.create_run(
            self._world,
            identity.workspace,
            experiment,
            identity.name,
            display_name=properties["displayName"],
            user=user,
            tags={key: str(value) for key, value in properties["tags"].items()},
        )
        record: Document = {"id": job_id, "experiment_id": experiment, "process": None, "cancel": False}
        record |= {
            "started_at": None,
            "ended_at": None,
            "limit_at": None,
            "exit_code": None,
            "error": "",
            "settled": False,
        }
        self._world.documents.put(KIND, job_id.lower(), record)
        self._active.append(job_id.lower())
        self._publish(job_id, "Queued")
        self._wake.set()

    def cancel(self, job_id: str, timeout_seconds: float = 30.0) -> None:
        """Ask for the end of a job and wait until it has ended; TimeoutError if it does not."""
        key = job_id.lower()
        self._world.documents.update(KIND, key, lambda record: {**record, "cancel": True})
        self._status(key, "CancelRequested")
        self._wake.set()
        deadline = self._world.now() + timedelta(seconds=timeout_seconds)
        while self._world.now() < deadline:
            if self._record(key)["ended_at"]:
                return
            self._ended.wait(0.05)
        raise TimeoutError(f"The job {parse(job_id).name} did not end within {timeout_seconds:.0f} s.")

    def _loop(self) -> None:
        while not self._ended.is_set():
            for key in list(self._active):
                if self._ended.is_set():
                    return
                try:
                    self._advance(key)
                except Exception:
                    log.exception("The job %s could not be advanced", key)
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()

    def _advance(self, key: str) -> None:
        record = self._world.documents.get(KIND, key)
        if record is None:
            self._active.remove(key)
        elif record["ended_at"]:
            self._settle(key, record)
        elif record["process"]:
            self._watch(key, record, Process(**record["process"]))
        elif record["cancel"]:
            self._end(key, "Canceled", "")
        elif self._adopted(key, record):
            return
        elif self._running() < AT_ONCE:
            self._launch(key, record)

    def _running(self) -> int:
        found = [self._world.documents.get(KIND, key) for key in self._active]
        return sum(1 for record in found if record and record["process"] and not record["ended_at"])

    def _launch(self, key: str, record: Document) -> None:
        job = self._job(record["id"])
        self._status(key, "Preparing")
        try:
            plan = prepare(self._world, record["id"], job["properties"], record["experiment_id"])
        except (OSError, shutil.Error, HTTPException) as error:
            self._end(key, "Failed", f"The job could not be prepared: {getattr(error, 'message', error)}")
            return
        process = processes.start(
            ["/bin/bash", "-c", plan.command],
            folder=plan.folder,
            environment=plan.environment,
            log=plan.log,
            exit_file=plan.exit_file,
        )
        self._running_since(key, record, process)

    def _running_since(self, key: str, record: Document, process: Process) -> None:
        now = self._world.now()
        limits = self._job(record["id"])["properties"].get("limits") or {}
        times = {"started_at": _text(now), "limit_at": _text(now + duration(limits.get("timeout")))}
        self._world.documents.update(KIND, key, lambda found: {**found, **times, "process": process.document()})
        self._status(key, "Running")

    def _adopted(self, key: str, record: Document) -> bool:
        """Whether the process was started just before a kill, too late for its record."""
        if not job_folder(self._world, record["id"]).exists():
            return False
        process = processes.find(exit_file(self._world, record["id"]))
        if process is not None:
            self._running_since(key, record, process)
        return process is not None

    def _watch(self, key: str, record: Document, process: Process) -> None:
        if record["cancel"]:
            processes.terminate(process)
            self._end(key, "Canceled", "")
        elif processes.alive(process):
            if self._world.now() > datetime.fromisoformat(record["limit_at"]):
                processes.terminate(process)
                self._end(key, "Failed", "The job was ended: it ran longer than its time limit.")
            elif not record.get("tracked") and self._track(record["id"], "RUNNING", None):
                self._world.documents.update(KIND, key, lambda found: {**found, "tracked": True})
        else:
            code = processes.exit_code(process)
            if code == 0:
                self._end(key, "Completed", "", code)
            elif code is None:
                message = (
                    "The job was lost: its process vanished without an exit code, as after a crash of this machine."
                )
                self._end(key, "Failed", message)
            else:
                self._end(key, "Failed", self._reason(record["id"], code), code)

    def _reason(self, job_id: str, code: int) -> str:
        file = log_file(self._world, job_id)
        lines = file.read_text(errors="replace").splitlines()[-TAIL_LINES:] if file.exists() else []
        return "\n".join([f"The command exited with code {code}. The last lines of its log:", *lines])

    def _end(self, key: str, status: str, error: str, code: int | None = None) -> None:
        outcome = {"ended_at": _text(self._world.now()), "error": error, "exit_code": code}
        record = self._world.documents.update(KIND, key, lambda found: {**found, **outcome})
        assert record is not None
        if error and code is None:
            file = log_file(self._world, record["id"])
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as output:
                output.write(f"\n{error}\n")
        self._status(key, status)

    def _settle(self, key: str, record: Document) -> None:
        """Tell MLflow how the run ended, again until it listens; only then is nothing left to do."""
        status = self._job(record["id"])["properties"]["status"]
        ended = datetime.fromisoformat(record["ended_at"])
        if self._track(record["id"], MLFLOW_STATUS[status], int(ended.timestamp() * 1000)):
            shutil.rmtree(job_folder(self._world, record["id"]) / "inputs", ignore_errors=True)
            self._world.documents.update(KIND, key, lambda found: {**found, "settled": True})
            self._active.remove(key)

    def _track(self, job_id: str, status: str, end_time_ms: int | None) -> bool:
        """Whether MLflow was told; never waits for a server that is starting, since other jobs must go on."""
        identity = parse(job_id)
        if not ready_url(self._world):
            return False
        try:
            runs.update_run(self._world, identity.workspace, identity.name, status, end_time_ms)
        except (HTTPException, httpx.HTTPError, TimeoutError) as error:
            log.warning("The run %s could not be marked %s in MLflow: %s", identity.name, status, error)
            return False
        return True

    def _status(self, key: str, status: str) -> None:
        """Write and publish a status; a job that has ended keeps the one it ended with."""

        def change(job: Document) -> Document:
            ended = job["properties"]["status"] in MLFLOW_STATUS
            return job if ended else {**job, "properties": {**job["properties"], "status": status}}

        changed = resources.update(self._world, key, change)
        if changed is not None and changed["properties"]["status"] == status:
            self._publish(changed["id"], status)

    def _publish(self, job_id: str, status: str) -> None:
        identity = parse(job_id)
        event: dict[str, Any] = {"workspace": identity.workspace, "name": identity.name, "status": status}
        self._world.events.publish("job", event)

    def _job(self, job_id: str) -> Document:
        job = resources.get(self._world, job_id)
        assert job is not None, f"{job_id} has no ARM resource"
        return job

    def _record(self, key: str) -> Document:
        record = self._world.documents.get(KIND, key)
        assert record is not None, f"{key} was never submitted"
        return record


def duration(text: str | None) -> timedelta:
    """ISO 8601 (`PT1H30M`), as `limits.timeout` has it; the default limit without one we can read."""
    match = DURATION.match(text or "")
    if match is None or not any(match.groups()):
        return DEFAULT_LIMIT
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _text(moment: datetime) -> str:
    return moment.isoformat()
