"""What a workflow job can see: the `github`, `needs`, `vars` contexts and the environment of its processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sandbox.github import repositories, variables
from sandbox.identity.tokens import issue_github_token, issue_workflow_request_token
from sandbox.runtime.processes import ONE_THREAD
from sandbox.runtime.workflow_job import JobRun
from sandbox.state.documents import Document
from sandbox.world import World

TOKEN_LIFETIME = timedelta(hours=6)


def contexts(world: World, run: Document, job: Document | None, siblings: Mapping[str, Document]) -> dict[str, Any]:
    needs = {
        name: {"result": siblings[name]["conclusion"], "outputs": siblings[name]["outputs"]}
        for name in (job["needs"] if job else ())
    }
    owner = run["repository"].partition("/")[0]
    return {
        "github": {
            "event_name": run["event"],
            "event": run["payload"],
            "repository": run["repository"],
            "repository_owner": owner,
            "sha": run["sha"],
            "ref": run["ref"],
            "ref_name": run["ref"].removeprefix("refs/heads/").removeprefix("refs/pull/"),
            "head_ref": run["head_branch"] if run["event"] == "pull_request" else "",
            "base_ref": run["base_branch"],
            "actor": run["actor"],
            "workflow": run["name"],
            "run_id": str(run["id"]),
            "run_number": str(run["run_number"]),
            "run_attempt": str(run["attempt"]),
            "job": job["job_id"] if job else "",
            "server_url": world.settings.url,
            "api_url": f"{world.settings.url}/api/v3",
        },
        "needs": needs,
        "vars": variables.variables(world, run["repository"]),
        "inputs": run["payload"].get("inputs", {}),
        "runner": {"os": "Linux", "arch": "X64", "name": "local"},
        "steps": {},
        "env": {},
        "secrets": {},
        "job": {"status": "success"},
    }


def environment(
    world: World, run: Document, job: Document, permissions: Mapping[str, str], active: JobRun
) -> tuple[str, dict[str, str]]:
    """The job's token, limited to its declared permissions, and the environment of its steps."""
    github = active.context["github"]
    granted = {"metadata": "read", **{name.replace("-", "_"): level for name, level in permissions.items()}}
    token = issue_github_token(world, repository=run["repository"], permissions=granted, lifetime=TOKEN_LIFETIME)
    bundle = str(world.settings.home / "tls" / "bundle.pem")
    home = active.temporary / "home"
    home.mkdir(exist_ok=True)
    env = {
        "PATH": os.pathsep.join([str(world.settings.runner_python.parent), os.environ["PATH"]]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        **ONE_THREAD,
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(active.temporary),
        "GITHUB_WORKSPACE": str(active.workspace),
        **{f"GITHUB_{name.upper()}": str(value) for name, value in github.items() if name != "event"},
        "GITHUB_GRAPHQL_URL": f"{world.settings.url}/api/graphql",
        # A self-hosted runner beside a private cloud carries that cloud's certificate authority.
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "GIT_SSL_CAINFO": bundle,
        "NO_PROXY": "localhost,127.0.0.1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    if permissions.get("id-token") == "write":
        env["ACTIONS_ID_TOKEN_REQUEST_URL"] = f"{world.settings.url}/actions/oidc/token?api-version=2.0"
        env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = issue_workflow_request_token(world, _claims(world, run, job))
        active.masks.append(env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    return token, env


def _claims(world: World, run: Document, job: Document) -> Document:
    owner, _, name = run["repository"].partition("/")
    owner_number, number = repositories.owner_id(owner), repositories.get(world, run["repository"])["id"]
    where = "pull_request" if run["event"] == "pull_request" else f"ref:{run['ref']}"
    return {
        "sub": f"repo:{owner}@{owner_number}/{name}@{number}:{where}",
        "repository": run["repository"],
        "repository_id": str(number),
        "repository_owner": owner,
        "repository_owner_id": str(owner_number),
        "event_name": run["event"],
        "ref": run["ref"],
        "sha": run["sha"],
        "head_ref": run["head_branch"] if run["event"] == "pull_request" else "",
        "base_ref": run["base_branch"],
        "actor": run["actor"],
        "workflow": run["name"],
        "job_workflow_ref": f"{run['repository']}/{run['path']}@{run['ref']}",
        "run_id": str(run["id"]),
        "run_attempt": str(run["attempt"]),
        "check_run_id": str(job["check_run_id"]),
        "runner_environment": "self-hosted",
    }
