"""Check runs, check suites and commit statuses: what is known about a commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.github.errors import not_found
from sandbox.github.models import APPS
from sandbox.github.repositories import stamp
from sandbox.state.documents import Document
from sandbox.world import World

CHECK_RUN = "github_check_run"  # by repository@sha:id
CHECK_RUN_PLACE = "github_check_run_place"  # id -> the key above
CHECK_SUITE = "github_check_suite"  # by repository@sha:id
CHECK_SUITE_PLACE = "github_check_suite_place"
STATUS = "github_status"  # by repository@sha:id
RUN_STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "stale",
    "timed_out",
)
CHANGEABLE = ("name", "details_url", "external_id", "status", "conclusion", "started_at", "completed_at", "output")
PASSING = {"success", "neutral", "skipped"}


def create_check_suite(
    world: World,
    repository: str,
    head_sha: str,
    *,
    app: str = "github-actions",
    head_branch: str = "",
    workflow_run: Mapping[str, Any] | None = None,
) -> int:
    """A suite of check runs by one app; `workflow_run` is `{"id", "url", "name"}` of the Actions run behind it."""
    number = world.documents.next_number("github_check_suite")
    key = _key(repository, head_sha, number)
    body: Document = {
        "id": number,
        "repository": repository,
        "head_sha": head_sha,
        "head_branch": head_branch,
        "app": app,
        "workflow_run": dict(workflow_run) if workflow_run else None,
        "created_at": stamp(world),
        "updated_at": stamp(world),
    }
    world.documents.put(CHECK_SUITE, key, body)
    world.documents.put(CHECK_SUITE_PLACE, str(number), {"key": key})
    return number


def create_check_run(
    world: World,
    repository: str,
    head_sha: str,
    name: str,
    *,
    status: str = "queued",
    app: str = "github-actions",
    details_url: str = "",
    suite: int | None = None,
    external_id: str = "",
    conclusion: str | None = None,
    output: Mapping[str, Any] | None = None,
    started_at: str | None = None,
    completed_at: str | None = None,
) -> int:
    """Store a check run and return its id; without `suite` it joins the app's newest suite of the commit."""
    number = world.documents.next_number("github_check_run")
    key = _key(repository, head_sha, number)
    body: Document = {
        "id": number,
        "repository": repository,
        "head_sha": head_sha,
        "name": name,
        "status": status,
        "conclusion": None,
        "app": app,
        "details_url": details_url,
        "suite": suite if suite is not None else _suite_for(world, repository, head_sha, app),
        "external_id": external_id,
        "started_at": started_at or stamp(world),
        "completed_at": None,
        "output": {"title": None, "summary": None, "text": None, "annotations": []},
    }
    given = {"status": status, "conclusion": conclusion, "output": output, "completed_at": completed_at}
    body = _changed(world, body, {name: value for name, value in given.items() if value is not None})
    world.documents.put(CHECK_RUN, key, body)
    world.documents.put(CHECK_RUN_PLACE, str(number), {"key": key})
    _tell(world, body, "created")
    if body["status"] == "completed":
        _tell(world, body, "completed")
    return number


def update_check_run(world: World, number: int, **fields: Any) -> Document:
    """Change a check run (`status`, `conclusion`, `output`, `details_url`, ...); a conclusion completes it."""
    key, before = _place(world, CHECK_RUN_PLACE, number), check_run(world, number)
    changed = world.documents.update(CHECK_RUN, key, lambda body: _changed(world, body, fields))
    if changed is None:
        raise not_found()
    if changed["status"] == "completed" != before["status"]:
        _tell(world, changed, "completed")
    return changed


def _tell(world: World, run: Document, action: str) -> None:
    world.events.publish("check_run", {"repository": run["repository"], "id": run["id"], "action": action})


def _changed(world: World, body: Document, fields: Mapping[str, Any]) -> Document:
    new = dict(body)
    for name in CHANGEABLE:
        if name in fields and name != "output":
            new[name] = fields[name]
    if fields.get("output"):
        output = dict(body["output"])
        given = dict(fields["output"])
        output["annotations"] = [*output["annotations"], *(given.pop("annotations", None) or ())]
        new["output"] = output | {name: value for name, value in given.items() if name in output}
    if fields.get("conclusion"):
        new["status"] = "completed"
    elif body["status"] == "completed":
        # GitHub answers 200 and leaves it completed: only its conclusion and its words can still change.
        new["status"], new["conclusion"] = "completed", body["conclusion"]
    if new["status"] == "completed":
        new["completed_at"] = new["completed_at"] or stamp(world)
    else:
        new["conclusion"] = new["completed_at"] = None
    return new


def check_run(world: World, number: int) -> Document:
    found = world.documents.get(CHECK_RUN, _place(world, CHECK_RUN_PLACE, number))
    if found is None:
        raise not_found()
    return found


def check_suite(world: World, number: int) -> Document:
    found = world.documents.get(CHECK_SUITE, _place(world, CHECK_SUITE_PLACE, number))
    if found is None:
        raise not_found()
    return found


def check_suites(world: World, repository: str, sha: str) -> list[Document]:
    return [body for _, body in world.documents.list(CHECK_SUITE, _prefix(repository, sha))]


def check_runs(world: World, repository: str, sha: str, *, latest: bool = True) -> list[Document]:
    """The check runs of a commit, oldest first; `latest` keeps the newest of each app and name."""
    runs = [body for _, body in world.documents.list(CHECK_RUN, _prefix(repository, sha))]
    if not latest:
        return runs
    newest = {(run["app"], run["name"]): run for run in sorted(runs, key=lambda run: int(run["id"]))}
    return sorted(newest.values(), key=lambda run: int(run["id"]))


def suite_state(runs: Sequence[Document]) -> tuple[str, str | None]:
    """Status and conclusion of a suite, from its check runs: the worst conclusion once all have completed."""
    if not runs:
        return "queued", None
    if any(run["status"] != "completed" for run in runs):
        return "queued" if all(run["status"] == "queued" for run in runs) else "in_progress", None
    order = ("failure", "timed_out", "cancelled", "action_required", "stale", "success", "neutral", "skipped")
    conclusions = {str(run["conclusion"]) for run in runs}
    return "completed", next((name for name in order if name in conclusions), "neutral")


def create_status(
    world: World,
    repository: str,
    sha: str,
    *,
    context: str,
    state: str,
    creator: str,
    description: str = "",
    target_url: str = "",
) -> Document:
    """A commit status, the older kind of check."""
    number = world.documents.next_number("github_status")
    body: Document = {
        "id": number,
        "context": context,
        "state": state,
        "description": description,
        "target_url": target_url,
        "creator": creator,
        "created_at": stamp(world),
    }
    world.documents.put(STATUS, _key(repository, sha, number), body)
    return body


def statuses(world: World, repository: str, sha: str, *, latest: bool = True) -> list[Document]:
    """Statuses of a commit, newest first; `latest` keeps the newest of each context."""
    found = [body for _, body in world.documents.list(STATUS, _prefix(repository, sha))]
    if latest:
        found = list({status["context"]: status for status in found}.values())
    return sorted(found, key=lambda status: -int(status["id"]))


def _suite_for(world: World, repository: str, sha: str, app: str) -> int:
    suites = [suite["id"] for suite in check_suites(world, repository, sha) if suite["app"] == app]
    return int(suites[-1]) if suites else create_check_suite(world, repository, sha, app=app)


def _place(world: World, kind: str, number: int) -> str:
    place = world.documents.get(kind, str(number))
    if place is None:
        raise not_found()
    return str(place["key"])


def _prefix(repository: str, sha: str) -> str:
    return f"{repository.lower()}@{sha}:"


def _key(repository: str, sha: str, number: int) -> str:
    return f"{_prefix(repository, sha)}{number:012d}"


def app_id(slug: str) -> int | None:
    """The integration id that a ruleset names; None for an app this world does not have."""
    app = APPS.get(slug)
    return app.id if app is not None else None
