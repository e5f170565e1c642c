"""Check runs, check suites and commit statuses."""

from __future__ import annotations

import re
from typing import Any

from sandbox.github import checks, repositories
from sandbox.github.errors import GitHubError, forbidden, invalid
from sandbox.github.handlers.commits import resolved
from sandbox.github.payloads import checks as payloads
from sandbox.github.wire import Call, Reply
from sandbox.state.documents import Document

SHA = re.compile(r"^[0-9a-f]{40}$")
MAX_ANNOTATIONS = 50


def _writable(call: Call) -> Document:
    """Only an app may write check runs."""
    if call.caller.app is None:
        call.repository()
        raise forbidden("You must authenticate via a GitHub App.")
    return call.repository("checks", "write")


def create_run(call: Call) -> Reply:
    """A check run on a commit."""
    repository = _writable(call)
    given = call.body()
    for field in ("name", "head_sha"):
        if not isinstance(given.get(field), str) or not given[field]:
            raise GitHubError(422, f'Invalid request.\n\n"{field}" wasn\'t supplied.')
    git = repositories.git_of(call.world, repository["full_name"])
    if not SHA.match(given["head_sha"]) or git.resolve(given["head_sha"]) != given["head_sha"]:
        raise GitHubError(422, f"No commit found for SHA: {given['head_sha']}")
    _validate(given)
    app = call.caller.app.slug if call.caller.app else ""
    optional = ("details_url", "external_id", "conclusion", "output", "started_at", "completed_at")
    fields = {name: given[name] for name in optional if given.get(name) is not None}
    number = checks.create_check_run(
        call.world,
        repository["full_name"],
        given["head_sha"],
        given["name"],
        status=given.get("status") or "queued",
        app=app,
        **fields,
    )
    return Reply(payloads.check_run(call.world, repository, checks.check_run(call.world, number)), 201)


def update_run(call: Call) -> Reply:
    """New status, conclusion or output of a check run."""
    repository = _writable(call)
    run = _run(call, repository)
    if call.caller.app is not None and run["app"] != call.caller.app.slug:
        raise forbidden("Invalid app_id `" + str(call.caller.app.id) + "` - check run can only be modified by its app.")
    given = call.body()
    _validate(given)
    changed = checks.update_check_run(call.world, run["id"], **given)
    return Reply(payloads.check_run(call.world, repository, changed))


def _validate(given: dict[str, Any]) -> None:
    if given.get("status") is not None and given["status"] not in checks.RUN_STATUSES:
        raise invalid("CheckRun", "status")
    if given.get("conclusion") is not None and given["conclusion"] not in checks.CONCLUSIONS:
        raise invalid("CheckRun", "conclusion")
    if given.get("status") == "completed" and not given.get("conclusion"):
        raise invalid("CheckRun", "conclusion", "missing_field")
    output = given.get("output") or {}
    if output and not (output.get("title") and output.get("summary")):
        missing = "title" if not output.get("title") else "summary"
        raise GitHubError(422, f'Invalid request.\n\n"{missing}" wasn\'t supplied.')
    if len(output.get("annotations") or ()) > MAX_ANNOTATIONS:
        raise invalid("CheckRun", "annotations", "custom", f"annotations exceeds maximum of {MAX_ANNOTATIONS}")


def _run(call: Call, repository: Document) -> Document:
    run = checks.check_run(call.world, call.number("run"))
    if run["repository"].lower() != repository["full_name"].lower():
        raise GitHubError(404, "Not Found")
    return run


def read_run(call: Call) -> Reply:
    """One check run."""
    repository = call.repository("checks", "read")
    return Reply(payloads.check_run(call.world, repository, _run(call, repository)))


def run_annotations(call: Call) -> Reply:
    """Annotations of a check run."""
    repository = call.repository("checks", "read")
    run = _run(call, repository)
    found = run["output"]["annotations"]
    return call.paged(found, lambda given: payloads.annotation(call.world, repository, run, given))


def runs_of_commit(call: Call) -> Reply:
    """Check runs of a commit: the newest of each name, or all with `filter=all`."""
    repository = call.repository("checks", "read")
    sha = resolved(call, repository, str(call.path["ref"]))
    found = checks.check_runs(
        call.world, repository["full_name"], sha, latest=call.query.get("filter", "latest") == "latest"
    )
    return _run_page(call, repository, found)


def runs_of_suite(call: Call) -> Reply:
    """Check runs of a suite."""
    repository = call.repository("checks", "read")
    suite = checks.check_suite(call.world, call.number("suite"))
    found = checks.check_runs(call.world, repository["full_name"], suite["head_sha"], latest=False)
    return _run_page(call, repository, [run for run in found if run["suite"] == suite["id"]])


def _run_page(call: Call, repository: Document, found: list[Document]) -> Reply:
    wanted = {field: call.query[field] for field in ("status",) if call.query.get(field)}
    if call.query.get("check_name"):
        wanted["name"] = call.query["check_name"]
    found = [run for run in found if all(run[field] == value for field, value in wanted.items())]
    return call.paged(found[::-1], lambda run: payloads.check_run(call.world, repository, run), wrap="check_runs")


def suites_of_commit(call: Call) -> Reply:
    """Check suites of a commit."""
    repository = call.repository("checks", "read")
    sha = resolved(call, repository, str(call.path["ref"]))
    found = checks.check_suites(call.world, repository["full_name"], sha)
    return call.paged(found, lambda suite: _suite(call, repository, suite), wrap="check_suites")


def read_suite(call: Call) -> Reply:
    """One check suite."""
    repository = call.repository("checks", "read")
    return Reply(_suite(call, repository, checks.check_suite(call.world, call.number("suite"))))


def _suite(call: Call, repository: Document, suite: Document) -> dict[str, Any]:
    runs = checks.check_runs(call.world, repository["full_name"], suite["head_sha"])
    mine = [run for run in runs if run["suite"] == suite["id"]]
    return payloads.check_suite(call.world, repository, suite, mine)


def create_status(call: Call) -> Reply:
    """A commit status by a person who may push or an app that may write statuses."""
    repository = call.repository("statuses", "write")
    sha = resolved(call, repository, str(call.path["sha"]))
    given = call.body()
    if given.get("state") not in {"error", "failure", "pending", "success"}:
        raise invalid("Status", "state")
    created = checks.create_status(
        call.world,
        repository["full_name"],
        sha,
        context=str(given.get("context") or "default"),
        state=given["state"],
        creator=call.caller.login,
        description=str(given.get("description") or ""),
        target_url=str(given.get("target_url") or ""),
    )
    return Reply(payloads.status(call.world, repository, sha, created), 201)


def statuses(call: Call) -> Reply:
    """All statuses of a commit, newest first."""
    repository = call.repository("statuses", "read")
    sha = resolved(call, repository, str(call.path["ref"]))
    found = checks.statuses(call.world, repository["full_name"], sha, latest=False)
    return call.paged(found, lambda given: payloads.status(call.world, repository, sha, given))


def combined(call: Call) -> Reply:
    """The newest status of each context, and all as one state."""
    repository = call.repository("statuses", "read")
    sha = resolved(call, repository, str(call.path["ref"]))
    found = checks.statuses(call.world, repository["full_name"], sha)
    return Reply(payloads.combined_status(call.world, repository, sha, found))


REPO = "/repos/{owner}/{repo}"
ROUTES = (
    ("POST", f"{REPO}/check-runs", create_run),
    ("GET", f"{REPO}/check-runs/{{run}}", read_run),
    ("PATCH", f"{REPO}/check-runs/{{run}}", update_run),
    ("GET", f"{REPO}/check-runs/{{run}}/annotations", run_annotations),
    ("GET", f"{REPO}/check-suites/{{suite}}", read_suite),
    ("GET", f"{REPO}/check-suites/{{suite}}/check-runs", runs_of_suite),
    ("GET", f"{REPO}/commits/{{ref:path}}/check-runs", runs_of_commit),
    ("GET", f"{REPO}/commits/{{ref:path}}/check-suites", suites_of_commit),
    ("GET", f"{REPO}/commits/{{ref:path}}/statuses", statuses),
    ("GET", f"{REPO}/commits/{{ref:path}}/status", combined),
    ("POST", f"{REPO}/statuses/{{sha}}", create_status),
)
