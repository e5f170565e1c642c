"""Workflow runs: list, look, cancel, run again, dispatch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.actions import records
from sandbox.actions.events import dispatched
from sandbox.actions.payloads import run_payload, workflow_payload
from sandbox.actions.repository import head_of, workflow_files
from sandbox.actions.workflow_file import WorkflowError, read_workflow
from sandbox.github.errors import GitHubError, not_found
from sandbox.github.wire import Call, Reply
from sandbox.runtime.workflows import WorkflowRunner
from sandbox.state.documents import Document

FILTERS = {"event": "event", "branch": "head_branch", "head_sha": "head_sha", "actor": "actor"}
STATUSES = ("queued", "in_progress", "completed")


def workflow_run(call: Call, action: str) -> Document:
    repository = call.repository("actions", action)
    found = records.run(call.world, call.number("run_id"))
    if found is None or found["repository"].lower() != repository["full_name"].lower():
        raise not_found()
    return found


def list_workflows(call: Call) -> Reply:
    """The workflow files of the default branch."""
    return call.paged(_workflows(call), lambda payload: payload, "workflows")


def get_workflow(call: Call) -> Reply:
    """One workflow, by its id or its file's name."""
    return Reply(_workflow(call))


def _workflows(call: Call, action: str = "read") -> list[dict[str, Any]]:
    repository = call.repository("actions", action)
    name = repository["full_name"]
    files = workflow_files(call.world, name, head_of(call.world, name, repository["default_branch"]))
    shown = []
    for path, text in sorted(files.items()):
        try:
            title = read_workflow(path, text).name
        except WorkflowError:
            title = path
        shown.append(workflow_payload(call.world, name, path, title))
    return shown


def _workflow(call: Call, action: str = "read") -> dict[str, Any]:
    wanted = str(call.path["workflow"])
    for payload in _workflows(call, action):
        if wanted in (str(payload["id"]), payload["path"], payload["path"].rpartition("/")[2]):
            return payload
    raise not_found()


def list_runs(call: Call) -> Reply:
    """Runs of the repository, newest first, by event, branch, head_sha, actor and status."""
    return _run_page(call, records.runs(call.world, call.repository("actions", "read")["full_name"]))


def list_runs_of_workflow(call: Call) -> Reply:
    """Runs of one workflow, newest first."""
    path = _workflow(call)["path"]
    found = records.runs(call.world, call.repository("actions", "read")["full_name"])
    return _run_page(call, [run for run in found if run["path"] == path])


def _run_page(call: Call, found: list[Document]) -> Reply:
    for parameter, field in FILTERS.items():
        if parameter in call.query:
            found = [run for run in found if run[field] == call.query[parameter]]
    if "status" in call.query:
        field = "status" if call.query["status"] in STATUSES else "conclusion"
        found = [run for run in found if run[field] == call.query["status"]]
    return call.paged(found, lambda run: run_payload(call.world, run), "workflow_runs")


def get_run(call: Call) -> Reply:
    """One run, with the conclusion of its newest attempt."""
    return Reply(run_payload(call.world, workflow_run(call, "read")))


def cancel_run(runner: WorkflowRunner, *, force: bool) -> Callable[[Call], Reply]:
    def cancel(call: Call) -> Reply:
        """End what runs and drop what waits, but for `always()` and its like; force-cancel spares nothing."""
        run = workflow_run(call, "write")
        if run["status"] == "completed":
            raise GitHubError(409, "Cannot cancel a workflow run that is completed.")
        runner.cancel(run["id"], f"The run was canceled by @{call.caller.login}.", force=force)
        return Reply({}, 202)

    return cancel


def rerun(runner: WorkflowRunner, *, only_failed: bool) -> Callable[[Call], Reply]:
    def again(call: Call) -> Reply:
        """A new attempt of a completed run."""
        run = workflow_run(call, "write")
        if run["status"] != "completed":
            raise GitHubError(403, "This workflow is already running")
        if run["conclusion"] == "startup_failure":
            raise GitHubError(403, "This workflow run cannot be retried")
        runner.rerun(run["id"], only_failed=only_failed)
        return Reply({}, 201)

    return again


def dispatch(runner: WorkflowRunner) -> Callable[[Call], Reply]:
    def start(call: Call) -> Reply:
        """Run a workflow that has a workflow_dispatch trigger on a branch."""
        repository = call.repository("actions", "write")
        name, body = repository["full_name"], call.body()
        branch = str(body.get("ref", "")).removeprefix("refs/heads/")
        sha = head_of(call.world, name, branch)
        if not sha:
            raise GitHubError(422, f"No ref found for: {branch}")
        path = _workflow(call, "write")["path"]
        subject: Document = {
            "repository": name,
            "event": "workflow_dispatch",
            "head_sha": sha,
            "head_branch": branch,
            "base_branch": "",
            "sha": sha,
            "ref": f"refs/heads/{branch}",
            "actor": call.caller.login,
            "pull_request": None,
            "payload": {"inputs": body.get("inputs") or {}, "ref": f"refs/heads/{branch}"},
        }
        try:
            run = dispatched(call.world, subject, path)
        except (WorkflowError, ValueError) as error:
            raise GitHubError(422, str(error)) from error
        if run is None:
            raise GitHubError(422, "Workflow does not have 'workflow_dispatch' trigger")
        runner.pump()
        if not body.get("return_run_details"):
            return Reply(status=204)
        shown = run_payload(call.world, run)
        return Reply({"workflow_run_id": run["id"], "run_url": shown["url"], "html_url": shown["html_url"]})

    return start
