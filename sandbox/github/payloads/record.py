"""Activities and events as GitHub's JSON."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.github import pulls
from sandbox.github.payloads.accounts import user
from sandbox.github.payloads.pulls import pull_row
from sandbox.github.payloads.repositories import api_url
from sandbox.state.documents import Document
from sandbox.world import World


def activity(world: World, given: Document) -> dict[str, Any]:
    node = base64.b64encode(f"Activity:{given['id']}".encode()).decode()
    return {**given, "node_id": node, "actor": user(world, given["actor"])}


def event(world: World, repository: Document, given: Document) -> dict[str, Any]:
    """One event with its pull request, as the repository's list gives it."""
    url = api_url(world, repository)
    commit = given.get("commit_id")
    body = {
        "id": given["id"],
        "node_id": base64.b64encode(f"IssueEvent:{given['id']}".encode()).decode(),
        "url": f"{url}/issues/events/{given['id']}",
        "actor": user(world, given["actor"]),
        "event": given["event"],
        "commit_id": commit,
        "commit_url": f"{url}/commits/{commit}" if commit else None,
        "created_at": given["created_at"],
        "performed_via_github_app": None,
        "issue": pull_row(world, repository, pulls.get(world, repository["full_name"], given["pull"])),
    }
    return body | ({"dismissed_review": given["dismissed_review"]} if "dismissed_review" in given else {})
