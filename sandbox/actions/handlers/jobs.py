"""Jobs of a run, their logs, and the artifacts they left."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from sandbox.actions import records
from sandbox.actions.handlers.runs import workflow_run
from sandbox.actions.payloads import api, job_payload
from sandbox.github.errors import not_found
from sandbox.github.wire import Call, Reply
from sandbox.runtime.workflows import log_path
from sandbox.state.documents import Document


def list_jobs(call: Call) -> Reply:
    """Jobs of the newest attempt, or of all with `filter=all`."""
    run = workflow_run(call, "read")
    attempt = None if call.query.get("filter") == "all" else run["attempt"]
    return call.paged(
        records.jobs(call.world, run["id"], attempt), lambda job: job_payload(call.world, run, job), "jobs"
    )


def _job(call: Call) -> tuple[Document, Document]:
    repository = call.repository("actions", "read")
    job = call.world.documents.get(records.JOB, records.key(call.number("job_id")))
    run = records.run(call.world, job["run_id"]) if job else None
    if job is None or run is None or run["repository"].lower() != repository["full_name"].lower():
        raise not_found()
    return run, job


def get_job(call: Call) -> Reply:
    """One job with its steps."""
    run, job = _job(call)
    return Reply(job_payload(call.world, run, job))


def job_log(call: Call) -> Reply:
    """The log itself; GitHub redirects to a storage address that answers the same text."""
    _, job = _job(call)
    path = log_path(call.world, job["id"])
    if not path.exists():
        raise not_found()
    return Reply(content=path.read_bytes(), media_type="text/plain; charset=utf-8")


def list_artifacts(call: Call) -> Reply:
    """What the jobs of a run uploaded."""
    run = workflow_run(call, "read")
    return call.paged(_artifacts(call, run), lambda payload: payload, "artifacts")


def download_artifact(call: Call) -> Reply:
    """One artifact as a zip file."""
    run = workflow_run(call, "read")
    folder = call.world.folder("actions", "artifacts", str(run["id"])) / Path(str(call.path["name"])).name
    if not folder.is_dir():
        raise not_found()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    return Reply(content=buffer.getvalue(), media_type="application/zip")


def _artifacts(call: Call, run: Document) -> list[dict[str, Any]]:
    folder = call.world.folder("actions", "artifacts", str(run["id"]))
    base = f"{api(call.world, run['repository'])}/actions/runs/{run['id']}/artifacts"
    return [
        {
            "id": run["id"] * 1000 + index,
            "name": path.name,
            "size_in_bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
            "expired": False,
            "created_at": run["updated_at"],
            "archive_download_url": f"{base}/{path.name}/zip",
        }
        for index, path in enumerate(sorted(folder.iterdir()), start=1)
    ]
