"""Accounts, repositories, branches, rules, commits and checks as GraphQL sees them.

An attribute or method in snake case answers the field of that name in camel case; arguments come by keyword.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.accounts import ORGANISATION
from sandbox.github import checks, repositories, rules
from sandbox.github.access import Caller, account_number, person_named
from sandbox.github.git import Git
from sandbox.github.graphql.connections import connection
from sandbox.github.models import APPS, Commit, Signature
from sandbox.github.payloads.repositories import html_url
from sandbox.state.documents import Document
from sandbox.world import World

GHOST = "ghost"
LARGEST_TEXT = 512_000


@dataclass(frozen=True)
class Context:
    """Who asks, in which world."""

    world: World
    caller: Caller

    def git(self, repository: Document) -> Git:
        return repositories.git_of(self.world, repository["full_name"])


def actor(context: Context, login: str | None) -> dict[str, Any] | None:
    """An account; None for nobody, and for one that was deleted, whom only REST calls `ghost`."""
    if login is None or login == GHOST:
        return None
    person = person_named(login)
    url = f"{context.world.settings.url}/{login}"
    number = account_number(login)
    return {
        "__typename": "Organization" if login == ORGANISATION else "User" if person else "Bot",
        "id": f"{'U' if person else 'B'}_{number}",
        "database_id": number,
        "login": login.removesuffix("[bot]"),
        "name": person.name if person else None,
        "email": person.email if person else "",
        "is_viewer": login == context.caller.login,
        "avatar_url": f"{context.world.settings.url}/avatars/u/{number}?v=4",
        "resource_path": f"/{login}",
        "url": url,
    }


@dataclass(frozen=True)
class CommitView:
    context: Context
    repository: Document
    commit: Commit

    @property
    def typename(self) -> str:
        return "Commit"

    @property
    def id(self) -> str:
        return f"C_{self.commit.sha}"

    @property
    def oid(self) -> str:
        return self.commit.sha

    @property
    def abbreviated_oid(self) -> str:
        return self.commit.sha[:7]

    @property
    def message(self) -> str:
        return self.commit.message

    @property
    def message_headline(self) -> str:
        return self.commit.title

    @property
    def authored_date(self) -> str:
        return self.commit.author.date

    @property
    def committed_date(self) -> str:
        return self.commit.committer.date

    @property
    def author(self) -> dict[str, Any]:
        return self._signature(self.commit.author)

    @property
    def committer(self) -> dict[str, Any]:
        return self._signature(self.commit.committer)

    def _signature(self, given: Signature) -> dict[str, Any]:
        login = given.email.removesuffix("@hospital.example")
        known = actor(self.context, login) if person_named(login) else None
        return {"name": given.name, "email": given.email, "date": given.date, "user": known}

    def parents(self, **arguments: Any) -> dict[str, Any]:
        found = [commit_view(self.context, self.repository, sha) for sha in self.commit.parents]
        return connection(found, "parents", arguments)

    @property
    def url(self) -> str:
        return f"{html_url(self.context.world, self.repository)}/commit/{self.commit.sha}"

    @property
    def status_check_rollup(self) -> dict[str, Any] | None:
        return rollup(self.context, self.repository, self.commit.sha)


def git_object(context: Context, repository: Document, expression: str) -> dict[str, Any] | CommitView | None:
    """What `revision:path` or a revision names: a file or a commit; None where there is none. HEAD is the default."""
    revision, colon, path = expression.partition(":")
    git = context.git(repository)
    sha = git.resolve(repository["default_branch"] if revision == "HEAD" else revision)
    if sha is None or not colon:
        return commit_view(context, repository, sha)
    entry = git.entry(sha, path)
    if entry is None or entry.kind != "blob":
        return None
    content = git.blob(entry.sha)
    binary = b"\0" in content
    return {
        "__typename": "Blob",
        "id": f"B_{entry.sha}",
        "oid": entry.sha,
        "abbreviated_oid": entry.sha[:7],
        "byte_size": len(content),
        "is_binary": binary,
        "is_truncated": len(content) > LARGEST_TEXT,
        "text": None if binary else content[:LARGEST_TEXT].decode(errors="replace"),
    }


def commit_view(context: Context, repository: Document, sha: str | None) -> CommitView | None:
    return CommitView(context, repository, context.git(repository).commit(sha)) if sha else None


def rollup(context: Context, repository: Document, sha: str) -> dict[str, Any] | None:
    """All checks and statuses of a commit as one; None where nothing has reported."""
    name = repository["full_name"]
    runs = checks.check_runs(context.world, name, sha)
    statuses = checks.statuses(context.world, name, sha)
    if not runs and not statuses:
        return None
    states = [_run_state(run) for run in runs] + [str(status["state"]).upper() for status in statuses]
    worst = next((state for state in ("ERROR", "FAILURE", "EXPECTED", "PENDING") if state in states), "SUCCESS")
    nodes = [check_run(context, repository, run) for run in runs]
    nodes += [status_context(context, repository, status) for status in statuses]
    counts: dict[str, int] = {}
    for run in runs:
        state = str(run["conclusion"] or run["status"]).upper()
        counts[state] = counts.get(state, 0) + 1

    def contexts(**arguments: Any) -> dict[str, Any]:
        return connection(
            nodes,
            "contexts",
            arguments,
            check_run_count=len(runs),
            status_context_count=len(statuses),
            check_run_counts_by_state=[{"state": state, "count": count} for state, count in counts.items()],
        )

    return {
        "id": f"SCR_{sha}",
        "state": worst,
        "contexts": contexts,
        "commit": lambda: commit_view(context, repository, sha),
    }


def _run_state(run: Mapping[str, Any]) -> str:
    if run["status"] != "completed":
        return "PENDING"
    return "SUCCESS" if run["conclusion"] in checks.PASSING else "FAILURE"


def check_run(context: Context, repository: Document, run: Document) -> dict[str, Any]:
    page = f"{html_url(context.world, repository)}/runs/{run['id']}"
    output = run["output"]

    def is_required(**arguments: Any) -> bool:
        return _is_required(context, repository, run["name"], run["app"], arguments)

    return {
        "__typename": "CheckRun",
        "id": f"CR_{run['id']}",
        "database_id": run["id"],
        "name": run["name"],
        "status": run["status"].upper(),
        "conclusion": run["conclusion"].upper() if run["conclusion"] else None,
        "started_at": run["started_at"],
        "completed_at": run["completed_at"],
        "details_url": run["details_url"] or page,
        "external_id": run["external_id"],
        "url": page,
        "title": output["title"],
        "summary": output["summary"],
        "text": output["text"],
        "is_required": is_required,
        "check_suite": lambda: check_suite(context, repository, checks.check_suite(context.world, run["suite"])),
    }


def check_suite(context: Context, repository: Document, suite: Document) -> dict[str, Any]:
    runs = checks.check_runs(context.world, repository["full_name"], suite["head_sha"])
    status, conclusion = checks.suite_state([run for run in runs if run["suite"] == suite["id"]])
    known, workflow = APPS[suite["app"]], suite["workflow_run"]
    run = None
    if workflow:
        named = {"id": f"W_{workflow['name']}", "name": workflow["name"]}
        run = {"id": f"WFR_{workflow['id']}", "database_id": workflow["id"], "url": workflow["url"], "workflow": named}
    return {
        "id": f"CS_{suite['id']}",
        "database_id": suite["id"],
        "status": status.upper(),
        "conclusion": conclusion.upper() if conclusion else None,
        "app": {"id": f"A_{known.id}", "database_id": known.id, "name": known.name, "slug": known.slug},
        "workflow_run": run,
    }


def status_context(context: Context, repository: Document, status: Document) -> dict[str, Any]:
    def is_required(**arguments: Any) -> bool:
        return _is_required(context, repository, status["context"], None, arguments)

    return {
        "__typename": "StatusContext",
        "id": f"SC_{status['id']}",
        "context": status["context"],
        "state": status["state"].upper(),
        "description": status["description"] or None,
        "target_url": status["target_url"] or None,
        "created_at": status["created_at"],
        "creator": actor(context, status["creator"]),
        "is_required": is_required,
    }


def _is_required(
    context: Context, repository: Document, name: str, app: str | None, arguments: Mapping[str, Any]
) -> bool:
    from sandbox.github import pulls

    number = arguments.get("pull_request_number") or _number(arguments.get("pull_request_id"))
    pull = pulls.find(context.world, repository["full_name"], number) if number else None
    if pull is None:
        return False
    required = rules.branch_rules(context.world, repository, pull["base_ref"]).checks
    slug = checks.app_id(app) if app else None
    return any(check.context == name and check.integration in {None, slug} for check in required)


def _number(node_id: str | None) -> int:
    parts = (node_id or "").split("_")
    return int(parts[2]) if len(parts) == 4 and parts[2].isdigit() else 0


def branch_ref(context: Context, repository: Document, name: str) -> dict[str, Any] | None:
    """A branch with its rules; None while it does not exist."""
    sha = context.git(repository).ref(f"refs/heads/{name}")
    if sha is None:
        return None
    found = rules.branch_rules(context.world, repository, name).sources
    legacy = rules.protection(context.world, repository, name) if context.caller.person else None

    def rule_page(**arguments: Any) -> dict[str, Any]:
        return connection([rule(repository, one, body) for one, body in found], "rules", arguments)

    return {
        "id": f"REF_{repository['id']}_{name}",
        "name": name,
        "prefix": "refs/heads/",
        "target": commit_view(context, repository, sha),
        "rules": rule_page,
        "branch_protection_rule": protection_rule(repository, name, legacy) if legacy else None,
    }


def rule(repository: Document, given: Document, ruleset: Document) -> dict[str, Any]:
    kind = given["type"]
    values: dict[str, Any] | None = None
    parameters = given.get("parameters") or {}
    if kind == "pull_request":
        values = {"__typename": "PullRequestParameters", **parameters}
        methods: Sequence[str] = parameters.get("allowed_merge_methods") or rules.METHODS
        values["allowed_merge_methods"] = [method.upper() for method in methods]
    elif kind == "required_status_checks":
        values = {"__typename": "RequiredStatusChecksParameters", "do_not_enforce_on_create": False, **parameters}
        values["required_status_checks"] = [
            {"context": check["context"], "integration_id": check.get("integration_id")}
            for check in parameters["required_status_checks"]
        ]
    return {
        "id": f"RR_{repository['id']}_{ruleset['id']}_{kind}",
        "type": kind.upper(),
        "parameters": values,
        "repository_ruleset": {
            "id": f"RRS_{ruleset['id']}",
            "database_id": ruleset["id"],
            "name": ruleset["name"],
            "enforcement": ruleset["enforcement"].upper(),
        },
    }


def protection_rule(repository: Document, branch: str, given: Document) -> dict[str, Any]:
    reviews = given.get("required_pull_request_reviews")
    required = given.get("required_status_checks")
    asked = reviews or {}
    named = (required or {}).get("checks") or [{"context": c} for c in (required or {}).get("contexts") or ()]
    return {
        "id": f"BPR_{repository['id']}_{branch}",
        "pattern": branch,
        "requires_approving_reviews": reviews is not None,
        "required_approving_review_count": asked.get("required_approving_review_count", 1) if reviews else None,
        "requires_code_owner_reviews": bool(asked.get("require_code_owner_reviews")),
        "dismisses_stale_reviews": bool(asked.get("dismiss_stale_reviews")),
        "requires_status_checks": required is not None,
        "requires_strict_status_checks": bool((required or {}).get("strict")),
        "required_status_check_contexts": [check["context"] for check in named],
        "requires_conversation_resolution": bool(given.get("required_conversation_resolution")),
        "is_admin_enforced": bool(given.get("enforce_admins")),
    }
