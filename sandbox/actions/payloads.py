"""Workflow runs, jobs and artifacts as the REST API shows them."""

from __future__ import annotations

from typing import Any

from sandbox.actions import records
from sandbox.state.documents import Document
from sandbox.world import World


def api(world: World, repository: str) -> str:
    return f"{world.settings.url}/api/v3/repos/{repository}"


def workflow_payload(world: World, repository: str, path: str, name: str) -> dict[str, Any]:
    number = records.workflow_id(world, repository, path)
    return {
        "id": number,
        "node_id": f"W_{number}",
        "name": name,
        "path": path,
        "state": "active",
        "url": f"{api(world, repository)}/actions/workflows/{number}",
        "html_url": f"{world.settings.browser_url}/{repository}/blob/main/{path}",
        "badge_url": "",
    }


def run_payload(world: World, run: Document) -> dict[str, Any]:
    base = f"{api(world, run['repository'])}/actions/runs/{run['id']}"
    pulls = [{"number": run["pull_request"], "head": {"sha": run["head_sha"], "ref": run["head_branch"]}}]
    return {
        "id": run["id"],
        "node_id": f"WFR_{run['id']}",
        "name": run["name"],
        "display_title": run["name"],
        "path": run["path"],
        "event": run["event"],
        "status": run["status"],
        "conclusion": run["conclusion"],
        "head_branch": run["head_branch"],
        "head_sha": run["head_sha"],
        "run_number": run["run_number"],
        "run_attempt": run["attempt"],
        "workflow_id": records.workflow_id(world, run["repository"], run["path"]),
        "check_suite_id": run["suite"],
        "created_at": run["created_at"],
        "updated_at": run["updated_at"],
        "run_started_at": run.get("attempt_started_at") or run["created_at"],
        "actor": {"login": run["actor"], "type": "User"},
        "triggering_actor": {"login": run["actor"], "type": "User"},
        "pull_requests": pulls if run["pull_request"] else [],
        "url": base,
        "html_url": f"{world.settings.browser_url}/{run['repository']}/actions/runs/{run['id']}",
        "jobs_url": f"{base}/jobs",
        "logs_url": f"{base}/logs",
        "artifacts_url": f"{base}/artifacts",
        "cancel_url": f"{base}/cancel",
        "rerun_url": f"{base}/rerun",
    }


def job_payload(world: World, run: Document, job: Document) -> dict[str, Any]:
    url = f"{api(world, run['repository'])}/actions/jobs/{job['id']}"
    return {
        "id": job["id"],
        "run_id": run["id"],
        "run_attempt": job["attempt"],
        "node_id": f"CR_{job['id']}",
        "name": job["name"],
        "workflow_name": run["name"],
        "head_branch": run["head_branch"],
        "head_sha": run["head_sha"],
        "status": job["status"],
        "conclusion": job["conclusion"],
        "created_at": job["created_at"],
        "started_at": job["started_at"] or job["created_at"],
        "completed_at": job["completed_at"],
        "steps": job["steps"],
        "labels": ["ubuntu-24.04"],
        "runner_name": "local",
        "url": url,
        "run_url": f"{api(world, run['repository'])}/actions/runs/{run['id']}",
        "html_url": f"{world.settings.browser_url}/{run['repository']}/actions/runs/{run['id']}/job/{job['id']}",
        "check_run_url": f"{api(world, run['repository'])}/check-runs/{job['check_run_id']}",
    }
