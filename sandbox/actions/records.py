"""Workflow runs and jobs as the service remembers them, and the check runs that show them on a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.actions.workflow_file import Workflow
from sandbox.github.checks import create_check_run, create_check_suite, update_check_run
from sandbox.state.documents import Document
from sandbox.world import World

RUN, JOB, WORKFLOW = "workflow_run", "workflow_job", "workflow"
SUMMARY_LIMIT = 65_535
LOST = "The runner has lost communication with the service: it was stopped while this job ran."


def key(number: int) -> str:
    return f"{number:012d}"


def stamp(world: World) -> str:
    return world.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def workflow_id(world: World, repository: str, path: str) -> int:
    """The number a workflow file keeps for as long as the repository lives."""
    place = f"{repository.lower()}:{path}"
    found = world.documents.get(WORKFLOW, place)
    if found is None:
        found = {"id": world.documents.next_number("workflow"), "path": path}
        world.documents.put(WORKFLOW, place, found)
    return int(found["id"])


def create_run(world: World, workflow: Workflow, event: Document) -> Document:
    """Store a queued run with a queued job and check run for every job of the workflow.

    `event` has repository, event, head_sha, head_branch, sha, ref, actor, pull_request (number or None), payload.
    """
    number = world.documents.next_number("workflow_run")
    run: Document = {
        **event,
        "id": number,
        "suite": _suite(world, event, number, workflow.name),
        "run_number": world.documents.next_number(f"workflow_run_number:{event['repository']}:{workflow.path}"),
        "attempt": 1,
        "path": workflow.path,
        "name": workflow.name,
        "status": "queued",
        "conclusion": None,
        "concurrency": "",
        "cancelled": "",
        "created_at": stamp(world),
        "updated_at": stamp(world),
        "problem": "",
    }
    world.documents.put(RUN, key(number), run)
    for job in workflow.jobs.values():
        create_job(world, run, job.id, job.name, job.needs)
    world.events.publish("workflow_run", _told(run, "requested"))
    return run


def _suite(world: World, event: Document, number: int, name: str) -> int:
    url = f"{world.settings.browser_url}/{event['repository']}/actions/runs/{number}"
    return create_check_suite(
        world,
        event["repository"],
        event["head_sha"],
        head_branch=event["head_branch"],
        workflow_run={"id": number, "url": url, "name": name},
    )


def create_job(world: World, run: Document, job_id: str, name: str, needs: Sequence[str]) -> Document:
    number = world.documents.next_number("workflow_job")
    check = create_check_run(
        world,
        run["repository"],
        run["head_sha"],
        name,
        status="queued",
        details_url=f"{world.settings.browser_url}/{run['repository']}/actions/runs/{run['id']}/job/{number}",
        suite=run["suite"],
        external_id=str(number),
    )
    job: Document = {
        "id": number,
        "run_id": run["id"],
        "attempt": run["attempt"],
        "job_id": job_id,
        "name": name,
        "needs": list(needs),
        "pull_request": run["pull_request"],
        "status": "queued",
        "conclusion": None,
        "check_run_id": check,
        "outputs": {},
        "steps": [],
        "created_at": stamp(world),
        "started_at": None,
        "completed_at": None,
        "artifacts": [],
    }
    world.documents.put(JOB, key(number), job)
    return job


def fail_to_start(world: World, path: str, event: Document, problem: str) -> None:
    """Record a run that could not start, with GitHub's conclusion and a check that says why."""
    number = world.documents.next_number("workflow_run")
    run: Document = {
        **event,
        "id": number,
        "suite": _suite(world, event, number, path),
        "run_number": number,
        "attempt": 1,
        "path": path,
        "name": path,
        "status": "completed",
        "conclusion": "startup_failure",
        "concurrency": "",
        "cancelled": "",
        "created_at": stamp(world),
        "updated_at": stamp(world),
        "problem": problem,
    }
    world.documents.put(RUN, key(number), run)
    check = create_check_run(
        world, event["repository"], event["head_sha"], path, status="in_progress", suite=run["suite"]
    )
    conclude_check(world, check, "failure", f"{path} could not start", problem, [])


def runs(world: World, repository: str) -> list[Document]:
    """Newest first."""
    found = [body for _, body in world.documents.list(RUN) if body["repository"] == repository]
    return found[::-1]


def run(world: World, number: int) -> Document | None:
    return world.documents.get(RUN, key(number))


def job(world: World, number: int) -> Document | None:
    return world.documents.get(JOB, key(number))


def jobs(world: World, run_id: int, attempt: int | None = None) -> list[Document]:
    """The jobs of a run's attempt, in the order of the file; all attempts if None."""
    found = [body for _, body in world.documents.list(JOB) if body["run_id"] == run_id]
    return [body for body in found if attempt is None or body["attempt"] == attempt]


def change_run(world: World, number: int, **fields: Any) -> Document:
    body = world.documents.update(RUN, key(number), lambda run: {**run, **fields, "updated_at": stamp(world)})
    if body is None:
        raise KeyError(number)
    return body


def change_job(world: World, number: int, **fields: Any) -> Document:
    body = world.documents.update(JOB, key(number), lambda job: {**job, **fields})
    if body is None:
        raise KeyError(number)
    return body


def add_artifact(world: World, number: int, name: str) -> None:
    """Note that this job made the artifact; at once, because a job that is lost may run again."""
    world.documents.update(JOB, key(number), lambda job: {**job, "artifacts": [*job["artifacts"], name]})


def start_job(world: World, job: Document) -> Document:
    update_check_run(world, job["check_run_id"], status="in_progress", started_at=stamp(world))
    change_run(world, job["run_id"], status="in_progress")
    return change_job(world, job["id"], status="in_progress", started_at=stamp(world))


def finish_job(
    world: World,
    job: Document,
    conclusion: str,
    *,
    reason: str = "",
    summary: str = "",
    annotations: Sequence[Document] = (),
) -> None:
    """End a job and its check run; `reason` is the plain sentence shown as the check's title.

    `summary` is what its steps wrote for their page (markdown).
    """
    change_job(world, job["id"], status="completed", conclusion=conclusion, completed_at=stamp(world))
    conclude_check(world, job["check_run_id"], conclusion, reason, summary, annotations)
    siblings = jobs(world, job["run_id"], job["attempt"])
    if all(sibling["status"] == "completed" for sibling in siblings):
        found = run(world, job["run_id"]) or {}
        conclusion = _overall(siblings, asked_to_end=bool(found.get("cancelled")))
        ended = change_run(world, job["run_id"], status="completed", conclusion=conclusion)
        world.events.publish("workflow_run", _told(ended, "completed"))
        suite = {"repository": ended["repository"], "id": ended["suite"], "action": "completed"}
        world.events.publish("check_suite", suite)


def _told(run: Document, action: str) -> Document:
    return {"repository": run["repository"], "run_id": run["id"], "action": action}


def conclude_check(
    world: World, check: int, conclusion: str, title: str, summary: str, annotations: Sequence[Document]
) -> None:
    fields: Document = {"status": "completed", "conclusion": conclusion, "completed_at": stamp(world)}
    if title or summary or annotations:
        fields["output"] = {
            "title": title or None,
            "summary": (summary or title)[:SUMMARY_LIMIT] or None,
            "annotations": list(annotations),
        }
    update_check_run(world, check, **fields)


def _overall(siblings: Sequence[Document], *, asked_to_end: bool) -> str:
    """A run that was cancelled stays so, whatever became of the jobs that ran on."""
    conclusions = {sibling["conclusion"] for sibling in siblings}
    for conclusion in ("cancelled", "failure") if asked_to_end else ("failure", "cancelled"):
        if conclusion in conclusions:
            return conclusion
    return "skipped" if conclusions == {"skipped"} else "success"
