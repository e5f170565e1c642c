"""Runs workflow jobs as processes, a few at a time, in the order in which they were asked for."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from sandbox.actions import records
from sandbox.actions.events import pull_request_changed, pushed
from sandbox.actions.expressions import ExpressionError, condition, interpolate, truth
from sandbox.actions.repository import workflow_files
from sandbox.actions.workflow_file import Step, Workflow, WorkflowError, read_workflow
from sandbox.github import actions_permissions
from sandbox.github.repositories import bare_path
from sandbox.runtime.workflow_context import contexts, environment
from sandbox.runtime.workflow_job import JobRun, end_processes
from sandbox.runtime.workflow_steps import (
    AFTER_CANCEL,
    conclusion_of,
    event_file,
    job_environment,
    job_outputs,
    run_step,
)
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
                folder = self._folder(job)
                end_processes(folder / "temp")
                shutil.rmtree(folder, ignore_errors=True)
                records.finish_job(self.world, job, "failure", reason=records.LOST)
        self.pump()

    def stop(self) -> None:
        with self._lock:
            self._closing = True
            for job in self._active.values():
                job.cancel("The service stopped.", force=True)
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout=4)

    def _pushed(self, event: Document) -> None:
        if pushed(self.world, event):
            self.pump()

    def _pull_request(self, event: Document) -> None:
        if pull_request_changed(self.world, event):
            self.pump()

    def cancel(self, run_id: int, reason: str, *, force: bool = False) -> None:
        """Cancel the unfinished jobs of a run; `reason` is what their checks then say.

        Jobs and steps whose condition holds in a cancelled run go on, as on GitHub; with `force` they end as well.
        """
        with self._lock:
            self._cancel_jobs(run_id, reason, force=force)
            self.pump()

    def _cancel_jobs(self, run_id: int, reason: str, *, force: bool) -> None:
        run = records.change_run(self.world, run_id, cancelled=reason)
        siblings = {job["job_id"]: job for job in records.jobs(self.world, run_id, run["attempt"])}
        for job in siblings.values():
            if job["status"] == "completed" or (not force and self._outlives_cancel(run, job, siblings)):
                continue
            if job["id"] in self._active:
                self._active[job["id"]].cancel(reason, force=force)
            elif job["status"] == "queued":
                records.finish_job(self.world, job, "cancelled", reason=reason)

    def _outlives_cancel(self, run: Document, job: Document, siblings: Mapping[str, Document]) -> bool:
        """Whether the job's condition holds in a cancelled run; what has not ended counts as cancelled."""
        assumed = {
            name: {**other, "conclusion": other["conclusion"] or "cancelled"} for name, other in siblings.items()
        }
        try:
            declared = self._workflow(run).jobs[job["job_id"]]
            return condition(declared.condition, contexts(self.world, run, job, assumed), AFTER_CANCEL)
        except (WorkflowError, ExpressionError, KeyError):
            return False

    def rerun(self, run_id: int, *, only_failed: bool) -> None:
        """A new attempt: failed (or all) jobs and whatever needs them are queued again, the rest is kept."""
        with self._lock:
            run = records.run(self.world, run_id)
            if run is None:
                raise KeyError(run_id)
            previous = records.jobs(self.world, run_id, run["attempt"])
            again = {
                job["job_id"] for job in previous if not only_failed or job["conclusion"] not in ("success", "skipped")
            }
            while more := {j["job_id"] for j in previous if set(j["needs"]) & again} - again:
                again |= more
            attempt = run["attempt"] + 1
            fields = {"status": "queued", "conclusion": None, "concurrency": "", "cancelled": ""}
            begun = records.stamp(self.world)
            run = records.change_run(self.world, run_id, attempt=attempt, attempt_started_at=begun, **fields)
            for job in previous:
                if job["job_id"] in again:
                    # An attempt's artifacts are its own: the new one uploads under the same names.
                    for name in job["artifacts"]:
                        shutil.rmtree(self._artifacts(run) / name, ignore_errors=True)
                    records.create_job(self.world, run, job["job_id"], job["name"], job["needs"])
                else:
                    records.change_job(self.world, job["id"], attempt=attempt)
            self.pump()

    def pump(self) -> None:
        """Start what can start now."""
        with self._lock:
            for _, job in self.world.documents.list(records.JOB):
                if self._closing:
                    return
                if job["status"] == "queued":
                    self._consider(job["id"])

    def _consider(self, job_id: int) -> None:
        job = records.job(self.world, job_id)
        run = records.run(self.world, job["run_id"]) if job else None
        if job is None or run is None or job["status"] != "queued" or job_id in self._active:
            return  # changed since the list was read
        siblings = {j["job_id"]: j for j in records.jobs(self.world, run["id"], run["attempt"])}
        if any(siblings[name]["status"] != "completed" for name in job["needs"]):
            return
        try:
            workflow = self._workflow(run)
            if not self._may_start(run, workflow):
                return
            context = contexts(self.world, run, job, siblings)
            status = AFTER_CANCEL if run.get("cancelled") else _status(job, siblings)
            if not condition(workflow.jobs[job["job_id"]].condition, context, status):
                conclusion = "cancelled" if run.get("cancelled") else "skipped"
                reason = run.get("cancelled") or _why_skipped(job, siblings)
                records.finish_job(self.world, job, conclusion, reason=reason)
                self.pump()
                return
        except (WorkflowError, ExpressionError, KeyError) as error:
            records.finish_job(self.world, job, "failure", reason=str(error))
            self.pump()
            return
        if len(self._active) < self.world.settings.max_workflow_jobs:
            self._launch(run, job, workflow, context)

    def _workflow(self, run: Document) -> Workflow:
        """The workflow as the run's own commit has it."""
        return _workflow_at(self.world, run["repository"], run["sha"], run["path"])

    def _may_start(self, run: Document, workflow: Workflow) -> bool:
        """Hold a run back while another of its concurrency group is under way.

        As GitHub does: one run of a group is under way and one waits; a newer one takes the place of the one that
        waits, and with cancel-in-progress also of the one under way.
        """
        if not workflow.concurrency or run["concurrency"] == "holding":
            return True
        context = contexts(self.world, run, None, {})
        group = interpolate(workflow.concurrency, context)
        cancel = workflow.cancel_in_progress
        cancelling = truth(cancel) if isinstance(cancel, bool) else interpolate(str(cancel), context) == "true"
        records.change_run(self.world, run["id"], group=group)
        others = [
            other for other in records.runs(self.world, run["repository"])
            if other.get("group") == group and other["id"] != run["id"] and other["status"] != "completed"
        ]  # fmt: skip
        for other in others:
            if other["id"] < run["id"] and (cancelling or other["concurrency"] != "holding"):
                why = f"Canceling since a higher priority waiting request for '{group}' exists"
                # A run that still waited has begun nothing that would need an end.
                self._cancel_jobs(other["id"], why, force=other["concurrency"] != "holding")
        under_way = [records.run(self.world, other["id"]) for other in others if other["concurrency"] == "holding"]
        if any(other is not None and other["status"] != "completed" for other in under_way):
            return False
        records.change_run(self.world, run["id"], concurrency="holding")
        return True

    def _launch(self, run: Document, job: Document, workflow: Workflow, context: dict[str, Any]) -> None:
        job = records.start_job(self.world, job)
        active = self._prepare(run, job, workflow.jobs[job["job_id"]].timeout_minutes, context)
        self._active[job["id"]] = active
        thread = threading.Thread(
            target=self._run, args=(run, job, workflow, active), name=f"workflow-job-{job['id']}", daemon=True
        )
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]
        thread.start()

    def _folder(self, job: Document) -> Path:
        return self.world.folder("actions", "work", str(job["id"]))

    def _artifacts(self, run: Document) -> Path:
        return self.world.folder("actions", "artifacts", str(run["id"]))

    def _prepare(self, run: Document, job: Document, minutes: float, context: dict[str, Any]) -> JobRun:
        base = self._folder(job)
        workspace, temporary = base / "workspace", base / "temp"
        for folder in (workspace, temporary):
            folder.mkdir(exist_ok=True)
        return JobRun(
            workspace=workspace,
            temporary=temporary,
            log_file=log_path(self.world, job["id"]),
            artifacts=self._artifacts(run),
            bare_repository=bare_path(self.world, run["repository"]),
            env={},
            context=context,
            deadline=time.monotonic() + minutes * 60,
            timeout_minutes=minutes,
            grace=self.world.settings.cancel_grace_seconds,
            uploaded=lambda name: records.add_artifact(self.world, job["id"], name),
        )

    def _run(self, run: Document, job: Document, workflow: Workflow, active: JobRun) -> None:
        declared = workflow.jobs[job["job_id"]]
        conclusion, reason = "failure", "The runner failed."
        try:
            token, active.env = environment(self.world, run, job, declared.permissions, active)
            active.masks.append(token)
            active.context["github"]["token"] = token
            active.context["secrets"] = {"GITHUB_TOKEN": token}
            event_file(active, run["payload"])
            job_environment(active, workflow.env, declared.env)
            refused = self._refusal(run["repository"], declared.steps)
            if refused:
                active.log(f"##[error]{refused}")
                active.annotate("failure", refused)
                reason = refused
                return
            conclusion, reason = self._run_steps(job, active, declared.steps)
            outputs = job_outputs(active, declared.outputs) if conclusion == "success" else {}
            records.change_job(self.world, job["id"], outputs=outputs)
        except Exception as error:
            log.exception("Workflow job %s broke", job["id"])
            conclusion, reason = "failure", active.hidden(f"The runner failed: {error}")
        finally:
            end_processes(active.temporary)
            # On shutdown the job stays in progress in the records and is marked lost at the next start.
            with self._lock:
                self._active.pop(job["id"], None)
                if not self._closing:
                    shutil.rmtree(self._folder(job), ignore_errors=True)
                    records.finish_job(
                        self.world, job, conclusion, reason=reason, summary=active.summary,
                        annotations=active.annotations,
                    )  # fmt: skip
                    self.pump()

    def _refusal(self, repository: str, steps: Sequence[Step]) -> str:
        """The first action that the repository's Actions permissions do not allow, in GitHub's words."""
        refused = (actions_permissions.refusal(self.world, repository, step.used) for step in steps if step.used)
        return next(filter(None, refused), "")

    def _run_steps(self, job: Document, active: JobRun, steps: Sequence[Step]) -> tuple[str, str]:
        """Conclusion and reason; the job's record shows each step as it goes."""
        failed, reason = False, ""
        shown: list[Document] = [
            {"name": step.name, "number": number, "status": "queued", "conclusion": None}
            for number, step in enumerate(steps, start=1)
        ]
        for index, step in enumerate(steps):
            shown[index] |= {"status": "in_progress", "started_at": records.stamp(self.world)}
            records.change_job(self.world, job["id"], steps=shown)
            before = len(active.annotations)
            outcome = run_step(active, step, index, failed)
            conclusion = conclusion_of(step, outcome)
            shown[index] |= {
                "status": "completed", "conclusion": conclusion, "completed_at": records.stamp(self.world)
            }  # fmt: skip
            if conclusion == "failure" and not failed:
                failed, reason = True, _why_failed(active, step, before)
        records.change_job(self.world, job["id"], steps=shown)
        if active.cancelled.is_set():
            return "cancelled", active.cancel_reason
        return ("failure" if failed else "success"), reason[:250]


def _why_failed(active: JobRun, step: Step, before: int) -> str:
    """The first error the step told, else its last printed line."""
    errors = [a["message"] for a in active.annotations[before:] if a["annotation_level"] == "failure"]
    if len(errors) > 1 or not active.last_lines:  # the last error is the exit code, which everybody sees anyway
        return str(errors[0].splitlines()[0]) if errors else f"{step.name}: it printed nothing"
    return f"{step.name}: {active.last_lines[-1]}"


def _ancestors(job: Document, siblings: Mapping[str, Document]) -> list[Document]:
    """Every job this one needs, and all that those need: GitHub's status functions look at all of them."""
    seen: dict[str, Document] = {}
    todo = list(job["needs"])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen[name] = siblings[name]
            todo += siblings[name]["needs"]
    return list(seen.values())


def _status(job: Document, siblings: Mapping[str, Document]) -> dict[str, bool]:
    conclusions = {other["conclusion"] for other in _ancestors(job, siblings)}
    return {
        "success": conclusions <= {"success"},
        "failure": "failure" in conclusions,
        "cancelled": "cancelled" in conclusions,
    }


def _why_skipped(job: Document, siblings: Mapping[str, Document]) -> str:
    words = {"failure": "failed", "cancelled": "was cancelled", "skipped": "was skipped"}
    for conclusion, word in words.items():
        for name in job["needs"]:
            if siblings[name]["conclusion"] == conclusion:
                return f"Skipped: {siblings[name]['name']} {word}."
    return "Skipped: its condition is not met."


@lru_cache(maxsize=256)
def _workflow_at(world: World, repository: str, sha: str, path: str) -> Workflow:
    return read_workflow(path, workflow_files(world, repository, sha)[path])


def log_path(world: World, job_id: int) -> Path:
    return world.folder("actions", "logs") / f"{job_id}.txt"
