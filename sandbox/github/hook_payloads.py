"""What a webhook is sent, by event, and how the REST API shows webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.actions import payloads as actions
from sandbox.actions import records
from sandbox.github import checks, comments, pulls, reviews
from sandbox.github.models import ZERO
from sandbox.github.payloads import checks as check_payloads
from sandbox.github.payloads import pulls as pull_payloads
from sandbox.github.payloads.accounts import organisation, user
from sandbox.github.payloads.commits import git_commit
from sandbox.github.payloads.repositories import api_url, full_repository
from sandbox.github.repositories import git_of
from sandbox.state.documents import Document
from sandbox.state.events import Event
from sandbox.world import World

MOST_COMMITS = 20


def _push(world: World, repository: Document, event: Event) -> Document:
    git = git_of(world, repository["full_name"])
    before, after = event["before"], event["after"]
    shas = [] if after == ZERO else git.commits(after, *([f"^{before}"] if before != ZERO else []), limit=MOST_COMMITS)
    told = [git_commit(world, repository, git.commit(sha)) for sha in shas[::-1]]
    return {
        "ref": event["ref"],
        "before": before,
        "after": after,
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": ZERO not in {before, after} and not git.is_ancestor(before, after),
        "commits": told,
        "head_commit": told[-1] if told else None,
        "pusher": {"name": event["pusher"]},
        "sender": user(world, event["pusher"]),
    }


def _pull_request(world: World, repository: Document, event: Event) -> Document:
    pull = pulls.get(world, repository["full_name"], event["number"])
    detail = pull_payloads.pull_detail(world, repository, pull, len(comments.every(world, pull)))
    by = pull["merged_by"] or pull["author"]
    return {
        "action": event["action"],
        "number": pull["number"],
        "pull_request": detail,
        "sender": user(world, by),
    }


def _review(world: World, repository: Document, event: Event) -> Document:
    pull = pulls.get(world, repository["full_name"], event["number"])
    found = reviews.get(world, pull, event["review"])
    return {
        "action": event["action"],
        "review": pull_payloads.review(world, repository, pull, found),
        "pull_request": pull_payloads.pull_row(world, repository, pull),
        "sender": user(world, event["by"]),
    }


def _issue_comment(world: World, repository: Document, event: Event) -> Document:
    pull = pulls.get(world, repository["full_name"], event["number"])
    row = pull_payloads.pull_row(world, repository, pull)
    issue = {name: row[name] for name in ("id", "number", "title", "state", "user", "html_url")}
    return {
        "action": event["action"],
        "issue": issue | {"pull_request": {"url": row["url"], "html_url": row["html_url"]}},
        "comment": pull_payloads.issue_comment(world, repository, event["comment"]),
        "sender": user(world, event["by"]),
    }


def _check_run(world: World, repository: Document, event: Event) -> Document:
    run = checks.check_run(world, event["id"])
    told = check_payloads.check_run(world, repository, run)
    return {"action": event["action"], "check_run": told, "sender": user(world, f"{run['app']}[bot]")}


def _check_suite(world: World, repository: Document, event: Event) -> Document:
    suite = checks.check_suite(world, event["id"])
    runs = [r for r in checks.check_runs(world, suite["repository"], suite["head_sha"]) if r["suite"] == suite["id"]]
    told = check_payloads.check_suite(world, repository, suite, runs)
    return {"action": event["action"], "check_suite": told, "sender": user(world, f"{suite['app']}[bot]")}


def _workflow_run(world: World, repository: Document, event: Event) -> Document:
    run = records.run(world, event["run_id"])
    assert run is not None, "a run is told of after it was stored, and none is ever deleted"
    workflow = actions.workflow_payload(world, repository["full_name"], run["path"], run["name"])
    told = actions.run_payload(world, run)
    return {"action": event["action"], "workflow_run": told, "workflow": workflow, "sender": user(world, run["actor"])}


BUILD: dict[str, Callable[[World, Document, Event], Document]] = {
    "push": _push,
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "issue_comment": _issue_comment,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "workflow_run": _workflow_run,
}


def body_of(world: World, repository: Document, name: str, event: Event) -> Document:
    """The JSON of one event, with what every event has."""
    common = {"repository": full_repository(world, repository), "organization": organisation(world)}
    return BUILD[name](world, repository, event) | common


def ping(world: World, repository: Document, hook: Document) -> Document:
    told = {"zen": "Keep it logically awesome.", "hook_id": hook["id"], "hook": hook_payload(world, repository, hook)}
    return told | {"repository": full_repository(world, repository), "sender": user(world, repository["owner"])}


def hook_payload(world: World, repository: Document, hook: Document) -> dict[str, Any]:
    """A webhook; whether it has a secret shows, the secret never."""
    url = f"{api_url(world, repository)}/hooks/{hook['id']}"
    config = {name: "********" if name == "secret" else value for name, value in hook["config"].items()}
    return {
        "type": "Repository",
        "id": hook["id"],
        "name": "web",
        "active": hook["active"],
        "events": hook["events"],
        "config": config,
        "updated_at": hook["updated_at"],
        "created_at": hook["created_at"],
        "url": url,
        "test_url": f"{url}/tests",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": hook["last_response"],
    }


def delivery_row(_world: World, _repository: Document, delivery: Document) -> dict[str, Any]:
    names = ("id", "guid", "delivered_at", "redelivery", "duration", "status", "status_code", "event", "action")
    return {name: delivery[name] for name in names} | {"installation_id": None, "repository_id": None}


def delivery_whole(world: World, repository: Document, delivery: Document) -> dict[str, Any]:
    exchange = {name: delivery[name] for name in ("url", "request", "response")}
    return delivery_row(world, repository, delivery) | exchange
