"""GitHub Actions: the REST API of workflow runs, and the runner behind it."""

from __future__ import annotations

from sandbox.actions.handlers import jobs, runs
from sandbox.github.wire import routes
from sandbox.runtime.workflows import WorkflowRunner
from sandbox.service import Service
from sandbox.world import World

BASE = "/repos/{owner}/{repo}/actions"


def service(world: World) -> Service:
    runner = WorkflowRunner(world)
    table = (
        ("GET", f"{BASE}/workflows", runs.list_workflows),
        ("GET", f"{BASE}/workflows/{{workflow}}", runs.get_workflow),
        ("GET", f"{BASE}/workflows/{{workflow}}/runs", runs.list_runs_of_workflow),
        ("POST", f"{BASE}/workflows/{{workflow}}/dispatches", runs.dispatch(runner)),
        ("GET", f"{BASE}/runs", runs.list_runs),
        ("GET", f"{BASE}/runs/{{run_id}}", runs.get_run),
        ("POST", f"{BASE}/runs/{{run_id}}/cancel", runs.cancel_run(runner, force=False)),
        ("POST", f"{BASE}/runs/{{run_id}}/force-cancel", runs.cancel_run(runner, force=True)),
        ("POST", f"{BASE}/runs/{{run_id}}/rerun", runs.rerun(runner, only_failed=False)),
        ("POST", f"{BASE}/runs/{{run_id}}/rerun-failed-jobs", runs.rerun(runner, only_failed=True)),
        ("GET", f"{BASE}/runs/{{run_id}}/jobs", jobs.list_jobs),
        ("GET", f"{BASE}/runs/{{run_id}}/artifacts", jobs.list_artifacts),
        ("GET", f"{BASE}/runs/{{run_id}}/artifacts/{{name}}/zip", jobs.download_artifact),
        ("GET", f"{BASE}/jobs/{{job_id}}", jobs.get_job),
        ("GET", f"{BASE}/jobs/{{job_id}}/logs", jobs.job_log),
    )
    return Service(name="actions", routes=routes(world, table), start=runner.start, stop=runner.stop)
