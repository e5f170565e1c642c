"""From what happened in a repository to workflow runs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from sandbox.actions import records
from sandbox.actions.repository import ZERO, changed_paths, test_merge, workflow_files
from sandbox.actions.triggers import starts
from sandbox.actions.workflow_file import WorkflowError, read_workflow
from sandbox.state.documents import Document
from sandbox.world import World

log = logging.getLogger(__name__)


def pushed(world: World, event: Document) -> bool:
    """Create the runs of a push to a branch; True if there are any."""
    ref, after = str(event["ref"]), str(event["after"])
    if not ref.startswith("refs/heads/") or after == ZERO:
        return False
    branch = ref.removeprefix("refs/heads/")
    paths = changed_paths(world, event["repository"], event["before"], after, three_dots=False)
    subject: Document = {
        "repository": event["repository"],
        "event": "push",
        "head_sha": after,
        "head_branch": branch,
        "base_branch": "",
        "sha": after,
        "ref": ref,
        "actor": event["pusher"],
        "pull_request": None,
        "payload": {"ref": ref, "before": event["before"], "after": after, "pusher": {"name": event["pusher"]}},
    }
    return _start(world, subject, branch, "", paths)


def pull_request_changed(world: World, event: Document) -> bool:
    """Create the runs of a pull request event on its test merge; none while it conflicts, as on GitHub."""
    repository, number = event["repository"], event["number"]
    if event["action"] == "closed":
        return False
    merge = test_merge(world, repository, number, event["base_sha"], event["head_sha"])
    if not merge:
        log.info("Pull request %s conflicts with its base: no workflow runs", number)
        return False
    paths = changed_paths(world, repository, event["base_sha"], event["head_sha"], three_dots=True)
    subject: Document = {
        "repository": repository,
        "event": "pull_request",
        "head_sha": event["head_sha"],
        "head_branch": event["head_ref"],
        "base_branch": event["base_ref"],
        "sha": merge,
        "ref": f"refs/pull/{number}/merge",
        "actor": event["author"],
        "pull_request": number,
        "payload": {
            "action": event["action"],
            "number": number,
            "pull_request": {
                "number": number,
                "user": {"login": event["author"]},
                "head": {"sha": event["head_sha"], "ref": event["head_ref"]},
                "base": {"sha": event["base_sha"], "ref": event["base_ref"]},
            },
        },
    }
    return _start(world, subject, event["base_ref"], event["action"], paths)


def dispatched(world: World, subject: Document, path: str) -> Document | None:
    """Create the run of a workflow_dispatch; None without such a trigger, ValueError for inputs it does not take."""
    text = workflow_files(world, subject["repository"], subject["sha"]).get(path)
    if text is None:
        return None
    workflow = read_workflow(path, text)
    if "workflow_dispatch" not in workflow.triggers:
        return None
    inputs = _inputs(workflow.triggers["workflow_dispatch"].get("inputs") or {}, subject["payload"]["inputs"])
    return records.create_run(world, workflow, {**subject, "payload": {**subject["payload"], "inputs": inputs}})


def _inputs(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given inputs over the declared defaults."""
    unexpected = sorted(set(given) - set(declared))
    if unexpected:
        raise ValueError(f"Unexpected inputs provided: {json.dumps(unexpected)}")
    options = {name: body or {} for name, body in declared.items()}
    for name, body in options.items():
        if body.get("required") and name not in given and "default" not in body:
            raise ValueError(f"Required input '{name}' not provided")
    return {name: given.get(name, body.get("default", "")) for name, body in options.items()}


def _start(world: World, subject: Document, branch: str, action: str, paths: list[str]) -> bool:
    started = False
    for path, text in workflow_files(world, subject["repository"], subject["sha"]).items():
        try:
            workflow = read_workflow(path, text)
            if starts(workflow, subject["event"], branch=branch, action=action, paths=paths):
                records.create_run(world, workflow, subject)
                started = True
        except WorkflowError as error:
            records.fail_to_start(world, path, subject, str(error))
    return started
