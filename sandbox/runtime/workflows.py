"""Runs workflow jobs as processes, a few at a time, in the order in which they were asked for."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from sandbox.actions import records
from sandbox.actions.events import pull_request_changed, pushed
from sandbox.actions.expressions import ExpressionError, condition, interpolate, truth
from sandbox.actions.repository import workflow_files
from sandbox.actions.workflow_file import Workflow, WorkflowError, read_workflow
from sandbox.github.repositories import bare_path
from sandbox.runtime.workflow_context import contexts, environment
from sandbox.runtime.workflow_steps import JobRun, event_file, job_environment, job_outputs, run_step
from sandbox.state.documents import Document
from sandbox.world import World

log = logging.getLogger(__name__)


class WorkflowRunner:
    """Owns the queue. `start` finds again what a restart left behind; `stop` ends what runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._lock = threading.RLock()
        self._active: dict[int, JobRun] = {}
        self._threads: list[threading.Thread] = []
        self._closing = False

    def start(self) -> None:
        self.world.events.subscribe("push", self._pushed)
        self.world.events.subscribe("pull_request", self._pull_request)
        for _, job in self.world.documents.list(records.JOB):
            if job["status"] == "in_progress":
                _end_process(job["process"])
                records.finish_job(self.world, job, "failure", reason=records.LOST)
        self.pump()

    def stop(self) -> None:
        with self._lock:
            self._closing = True
            for job in self._active.values():
                job.cancelled.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout=4)

    def _pushed(self, event: Document) -> None:
        if pushed(self.world, event):
            self.pump()

    def _pull_request(self, event: Document) -> None:
        if pull_request_changed(self.world, event):
            self.pump()

    def cancel(self, run_id: int) -> None:
        """Cancel every unfinished job of a run."""
        run = records.run(self.world, run_id)
        for job in records.jobs(self.world, run_id, run["attempt"] if run else None):
            if job["id"] in self._active:
                self._active[job["id"]].cancelled.set()
            elif job["status"] == "queued":
                records.finish_job(self.world, job, "cancelled", reason="The run was cancelled.")
        self.pump()

    def rerun(self, run_id: int, *, only_failed: bool) -> None:
        """A new attempt: failed (or all) jobs and whatever needs them are queued again, the rest is kept."""
        run = records.run(self.world, run_id)
        if run is None:
            raise KeyError(run_id)
        previous = records.jobs(self.world, run_id, run["attempt"])
        again = {
            job["job_id"] for job in previous if not only_failed or job["conclusion"] not in ("success", "skipped")
        }
        while more := {j["job_id"] for j in previous if set(j["needs"]) & again} - again:
            again |= more
        run = records.change_run(self.world, run_id, attempt=run["attempt"] + 1, status="queued", conclusion=None)
        for job in previous:
            if job["job_id"] in again:
                records.create_job(self.world, run, job["job_id"], job["name"], job["needs"])
            else:
                records.change_job(self.world, job["id"], attempt=run["attempt"])
        self.pump()

    def pump(self) -> None:
        """Start what can start now: what was merged before what is still proposed, then in order of asking."""
        with self._lock:
            queued = [
                job
                for _, job in self.world.documents.list(records.JOB)
                if job["status"] == "queued" and job["id"] not in self._active
            ]
            for job in sorted(queued, key=lambda job: job["pull_request"] is not None):
                if self._closing:
                    return
                self._consider(job)

    def _consider(self, job: Document) -> None:
        run = records.run(self.world, job["run_id"])
        assert run is not None
        siblings = {j["job_id"]: j for j in records.jobs(self.world, run["id"], run["attempt"])}
        needed = [siblings[name] for name in job["needs"]]
        if any(other["status"] != "completed" for other in needed):
            return
        try:
            workflow = self._workflow(run)
            if not self._may_start(run, workflow):
                return
            context = contexts(self.world, run, job, siblings)
            status = {
                "success": all(other["conclusion"] == "success" for other in needed),
                "failure": any(other["conclusion"] == "failure" for other in needed),
                "cancelled": any(other["conclusion"] == "cancelled" for other in needed),
            }
            if not condition(workflow.jobs[job["job_id"]].condition, context, status):
                records.finish_job(self.world, job, "skipped", reason="Skipped: its condition is not met.")
                self.pump()
                return
        except (WorkflowError, ExpressionError, KeyError) as error:
            records.finish_job(self.world, job, "failure", reason=str(error))
            return
        if len(self._active) < self.world.settings.max_workflow_jobs:
            self._launch(run, job, workflow, context)

    def _workflow(self, run: Document) -> Workflow:
        text = workflow_files(self.world, run["repository"], run["sha"])[run["path"]]
        return read_workflow(run["path"], text)

    def _may_start(self, run: Document, workflow: Workflow) -> bool:
        """Hold a run back while another of its concurrency group is under way, or cancel that one."""
        if not workflow.concurrency or run["concurrency"] == "holding":
            return True
        context = contexts(self.world, run, None, {})
        group = interpolate(workflow.concurrency, context)
        cancel = workflow.cancel_in_progress
        cancelling = truth(cancel) if isinstance(cancel, bool) else interpolate(str(cancel), context) == "true"
        others = [
            other for other in records.runs(self.world, run["repository"])
            if other.get("group") == group and other["id"] != run["id"] and other["status"] != "completed"
        ]  # fmt: skip
        records.change_run(self.world, run["id"], group=group)
        for other in others:
            if cancelling and other["id"] < run["id"]:
                self.cancel(other["id"])
            elif other["concurrency"] == "holding":
                return False
        records.change_run(self.world, run["id"], concurrency="holding")
        return True

    def _launch(self, run: Document, job: Document, workflow: Workflow, context: dict[str, Any]) -> None:
        job = records.start_job(self.world, job)
        active = self._prepare(run, job, context)
        self._active[job["id"]] = active
        thread = threading.Thread(
            target=self._run, args=(run, job, workflow, active), name=f"workflow-job-{job['id']}", daemon=True
        )
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _prepare(self, run: Document, job: Document, context: dict[str, Any]) -> JobRun:
        base = self.world.folder("actions", "work", str(job["id"]))
        workspace, temporary = base / "workspace", base / "temp"
        for folder in (workspace, temporary):
            folder.mkdir(exist_ok=True)
        return JobRun(
            workspace=workspace,
            temporary=temporary,
            log_file=log_path(self.world, job["id"]),
            artifacts=self.world.folder("actions", "artifacts", str(run["id"])),
            bare_repository=bare_path(self.world, run["repository"]),
            env={},
            context=context,
            deadline=0.0,
            on_process=lambda pid: self._note_process(job["id"], pid),
        )

    def _note_process(self, job_id: int, pid: int | None) -> None:
        process = None if pid is None else _identity(pid)
        records.change_job(self.world, job_id, process=process)

    def _run(self, run: Document, job: Document, workflow: Workflow, active: JobRun) -> None:
        declared = workflow.jobs[job["job_id"]]
        conclusion, reason = "failure", "The runner failed."
        try:
            active.deadline = time.monotonic() + declared.timeout_minutes * 60
            token, active.env = environment(self.world, run, job, declared.permissions, active)
            active.masks.append(token)
            active.context["github"]["token"] = token
            active.context["secrets"] = {"GITHUB_TOKEN": token}
            event_file(active, run["payload"])
            job_environment(active, workflow.env, declared.env)
            conclusion, reason, steps = _run_steps(active, declared.steps)
            outputs = job_outputs(active, declared.outputs) if conclusion == "success" else {}
            records.change_job(self.world, job["id"], steps=steps, outputs=outputs)
        except Exception as error:
            log.exception("Workflow job %s broke", job["id"])
            reason = f"The runner failed: {error}"
        finally:
            with self._lock:
                self._active.pop(job["id"], None)
            # On shutdown the job stays in progress in the records and is marked lost at the next start.
            if not self._closing:
                records.finish_job(self.world, job, conclusion, reason=reason, annotations=active.annotations)
                shutil.rmtree(active.workspace.parent, ignore_errors=True)
                self.pump()


def _run_steps(active: JobRun, steps: Any) -> tuple[str, str, list[Document]]:
    failed, reason, shown = False, "", []
    for index, step in enumerate(steps):
        before = len(active.annotations)
        outcome = run_step(active, step, index, failed)
        shown.append({"name": step.name, "number": index + 1, "status": "completed", "conclusion": outcome})
        if outcome == "failure" and not step.continue_on_error and not failed:
            failed = True
            errors = [a["message"] for a in active.annotations[before:] if a["annotation_level"] == "failure"]
            last = active.last_lines[-1] if active.last_lines else "it printed nothing"
            reason = errors[0].splitlines()[0] if errors else f"{step.name}: {last}"
    if active.cancelled.is_set():
        return "cancelled", "The run was cancelled.", shown
    return ("failure" if failed else "success"), reason[:250], shown


def log_path(world: World, job_id: int) -> Path:
    return world.folder("actions", "logs") / f"{job_id}.txt"


def _identity(pid: int) -> Mapping[str, float] | None:
    try:
        return {"pid": pid, "started": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:
        return None


def _end_process(process: Mapping[str, float] | None) -> None:
    """End a step left over from before a restart, if the pid is still the same process."""
    if process is None or _identity(int(process["pid"])) != process:
        return
    try:
        os.killpg(int(process["pid"]), signal.SIGKILL)
    except ProcessLookupError:
        return
