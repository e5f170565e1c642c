"""Check runs, check suites, annotations and commit statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.github import checks
from sandbox.github.payloads.accounts import app, user
from sandbox.github.payloads.repositories import api_url, html_url, minimal_repository
from sandbox.github.repositories import git_of
from sandbox.state.documents import Document
from sandbox.world import World


def check_run(world: World, repository: Document, run: Document) -> dict[str, Any]:
    url = f"{api_url(world, repository)}/check-runs/{run['id']}"
    output = run["output"]
    page = f"{html_url(world, repository)}/runs/{run['id']}"
    return {
        "id": run["id"],
        "name": run["name"],
        "node_id": f"CR_{run['id']}",
        "head_sha": run["head_sha"],
        "external_id": run["external_id"],
        "url": url,
        "html_url": page,
        "details_url": run["details_url"] or page,
        "status": run["status"],
        "conclusion": run["conclusion"],
        "started_at": run["started_at"],
        "completed_at": run["completed_at"],
        "output": {
            "title": output["title"],
            "summary": output["summary"],
            "text": output["text"],
            "annotations_count": len(output["annotations"]),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run["suite"]},
        "app": app(world, run["app"]),
        "pull_requests": [],
    }


def annotation(world: World, repository: Document, run: Document, given: Document) -> dict[str, Any]:
    defaults: dict[str, Any] = {"start_column": None, "end_column": None, "title": None, "raw_details": None}
    names = ("path", "start_line", "end_line", "annotation_level", "message", *defaults)
    blob = f"{html_url(world, repository)}/blob/{run['head_sha']}/{given.get('path', '')}"
    return defaults | {name: given[name] for name in names if name in given} | {"blob_href": blob}


def check_suite(world: World, repository: Document, suite: Document, runs: Sequence[Document]) -> dict[str, Any]:
    """A suite with the state its runs give it."""
    url = f"{api_url(world, repository)}/check-suites/{suite['id']}"
    status, conclusion = checks.suite_state(runs)
    head = git_of(world, repository["full_name"]).commit(suite["head_sha"])
    return {
        "id": suite["id"],
        "node_id": f"CS_{suite['id']}",
        "head_branch": suite["head_branch"] or None,
        "head_sha": suite["head_sha"],
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": None,
        "after": suite["head_sha"],
        "pull_requests": [],
        "app": app(world, suite["app"]),
        "repository": minimal_repository(world, repository),
        "created_at": suite["created_at"],
        "updated_at": suite["updated_at"],
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": {
            "id": head.sha,
            "tree_id": head.tree,
            "message": head.message,
            "timestamp": head.committer.date,
            "author": {"name": head.author.name, "email": head.author.email},
            "committer": {"name": head.committer.name, "email": head.committer.email},
        },
    }


def status(world: World, repository: Document, sha: str, given: Document) -> dict[str, Any]:
    creator = user(world, given["creator"])
    return {
        "url": f"{api_url(world, repository)}/statuses/{sha}",
        "avatar_url": creator["avatar_url"],
        "id": given["id"],
        "node_id": f"SC_{given['id']}",
        "state": given["state"],
        "description": given["description"],
        "target_url": given["target_url"] or None,
        "context": given["context"],
        "created_at": given["created_at"],
        "updated_at": given["created_at"],
        "creator": creator,
    }


def combined_status(world: World, repository: Document, sha: str, found: Sequence[Document]) -> dict[str, Any]:
    """All statuses of a commit as one state: failure over pending over success; pending when there is none."""
    states = {str(given["state"]) for given in found}
    worst = next((name for name in ("error", "failure", "pending", "success") if name in states), "pending")
    url = f"{api_url(world, repository)}/commits/{sha}"
    return {
        "state": "failure" if worst == "error" else worst,
        "statuses": [status(world, repository, sha, given) for given in found],
        "sha": sha,
        "total_count": len(found),
        "repository": minimal_repository(world, repository),
        "commit_url": url,
        "url": f"{url}/status",
    }
