"""Whether a pull request may be merged: the one decision behind GraphQL's state, REST's state and the merge itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.github import checks, codeowners, pulls, reviews
from sandbox.github.access import can_push
from sandbox.github.git import Git
from sandbox.github.models import Violation
from sandbox.github.repositories import git_of
from sandbox.github.rules import BranchRules, RequiredCheck, branch_rules
from sandbox.state.documents import Document
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Assessment:
    """`state` is GraphQL's MergeStateStatus, `decision` its reviewDecision (None: no rule asks for reviews)."""

    state: str
    mergeable: bool
    behind: bool
    decision: str | None
    violations: tuple[Violation, ...]
    rules: BranchRules


def assess(world: World, repository: Document, pull: Document, permission: str = "none") -> Assessment:
    """Judge an open pull request as its rules, reviews, threads and checks stand now."""
    git = git_of(world, repository["full_name"])
    rules = branch_rules(world, repository, pull["base_ref"], permission)
    mergeable = pulls.merges(git, pull)
    behind = not git.is_ancestor(pulls.base_tip(git, pull), pull["head_sha"])
    opinions = reviews.latest_opinions(reviews.submitted(world, pull))
    violations = [
        *_review_violations(repository, pull, git, rules, opinions),
        *_thread_violations(world, pull, rules),
        *_check_violations(world, repository["full_name"], pull["head_sha"], rules),
    ]
    late = [] if not (rules.strict and behind) else [_late(pull)]
    state = _state(world, repository, pull, mergeable=mergeable, violations=violations, late=bool(late))
    decision = _decision(repository, pull, rules, opinions, violations)
    return Assessment(state, mergeable, behind, decision, (*violations, *late), rules)


def _state(
    world: World, repository: Document, pull: Document, *, mergeable: bool, violations: Sequence[Violation], late: bool
) -> str:
    if pull["state"] != "open":
        return "UNKNOWN"
    if not mergeable:
        return "DIRTY"
    if pull["draft"]:
        return "DRAFT"
    if violations:
        return "BLOCKED"
    if late:
        return "BEHIND"
    runs = checks.check_runs(world, repository["full_name"], pull["head_sha"])
    statuses = checks.statuses(world, repository["full_name"], pull["head_sha"])
    passing = all(run["conclusion"] in checks.PASSING for run in runs)
    return "CLEAN" if passing and all(s["state"] == "success" for s in statuses) else "UNSTABLE"


def _decision(
    repository: Document,
    pull: Document,
    rules: BranchRules,
    opinions: Sequence[Document],
    violations: Sequence[Violation],
) -> str | None:
    if not rules.reviewed or (rules.approvals == 0 and not rules.code_owners):
        return None
    if _objections(repository, pull, opinions):
        return "CHANGES_REQUESTED"
    return "REVIEW_REQUIRED" if any(v.rule == "pull_request" for v in violations) else "APPROVED"


def _objections(repository: Document, pull: Document, opinions: Sequence[Document]) -> list[str]:
    return [
        review["user"]
        for review in opinions
        if review["state"] == "CHANGES_REQUESTED"
        and review["user"] != pull["author"]
        and can_push(review["user"], repository)
    ]


def _review_violations(
    repository: Document, pull: Document, git: Git, rules: BranchRules, opinions: Sequence[Document]
) -> list[Violation]:
    if not rules.reviewed:
        return []
    found = []
    approved = reviews.approvals(opinions, repository, pull["author"])
    if _objections(repository, pull, opinions):
        found.append("Changes have been requested by a reviewer with write access.")
    if len(approved) < rules.approvals:
        found.append(_approvals_missing(rules.approvals))
    if rules.code_owners:
        found += _owners_missing(repository, pull, git, {review["user"] for review in approved})
    if rules.last_push and rules.approvals and len(approved) >= rules.approvals:
        pushed = pull["last_push"]
        if not any(r["user"] != pushed["by"] and git.is_ancestor(pushed["sha"], r["commit_id"]) for r in approved):
            found.append("New changes require approval from someone other than the last pusher.")
    return [Violation("pull_request", sentence) for sentence in found]


def _approvals_missing(count: int) -> str:
    noun, verb = ("review", "is") if count == 1 else ("reviews", "are")
    return f"At least {count} approving {noun} {verb} required by reviewers with write access."


def _owners_missing(repository: Document, pull: Document, git: Git, approved: set[str]) -> list[str]:
    owners = codeowners.code_owners(git, pulls.base_tip(git, pull))
    paths = [name for file in pulls.changed_files(git, pull) for name in (file.path, file.previous_path) if name]
    sentences = []
    for group in codeowners.required_owners(owners, paths, repository):
        if approved.isdisjoint(group):
            names = [login for login in group if login != pull["author"]] or list(group)
            sentences.append(f"Waiting on code owner review from {' and/or '.join(names)}.")
    return list(dict.fromkeys(sentences))


def _thread_violations(world: World, pull: Document, rules: BranchRules) -> list[Violation]:
    if not rules.threads or all(thread["resolved"] for thread in reviews.threads(world, pull)):
        return []
    sentence = "A conversation must be resolved before this pull request can be merged."
    return [Violation("required_review_thread_resolution", sentence)]


def _check_violations(world: World, repository: str, sha: str, rules: BranchRules) -> list[Violation]:
    return [Violation("required_status_checks", text) for text in missing_checks(world, repository, sha, rules)]


def missing_checks(world: World, repository: str, sha: str, rules: BranchRules) -> list[str]:
    """GitHub's sentence about required checks that have not succeeded on a commit; empty when all have."""
    if not rules.checks:
        return []
    states = {check: _check_state(world, repository, sha, check) for check in rules.checks}
    short = {check: state for check, state in states.items() if state != "successful"}
    if not short:
        return []
    if len(short) == 1:
        ((check, state),) = short.items()
        return [f'Required status check "{check.context}" is {state}.']
    counts = {state: list(short.values()).count(state) for state in ("failing", "in progress", "pending", "expected")}
    if counts["expected"] == len(short):
        return [f"{len(short)} of {len(states)} required status checks are expected."]
    detail = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return [f"{len(short)} of {len(states)} required status checks have not succeeded: {detail}."]


def _check_state(world: World, repository: str, sha: str, required: RequiredCheck) -> str:
    """successful, failing, in progress, pending or expected (never reported by the app the rule names)."""
    runs = [
        run
        for run in checks.check_runs(world, repository, sha)
        if run["name"] == required.context
        and (required.integration is None or checks.app_id(run["app"]) == required.integration)
    ]
    if runs:
        newest = max(runs, key=lambda run: int(run["id"]))
        if newest["status"] == "completed":
            return "successful" if newest["conclusion"] in checks.PASSING else "failing"
        return "in progress" if newest["status"] == "in_progress" else "pending"
    if required.integration is None:
        for status in checks.statuses(world, repository, sha):
            if status["context"] == required.context:
                return {"success": "successful", "pending": "pending"}.get(status["state"], "failing")
    return "expected"


def _late(pull: Document) -> Violation:
    sentence = f"This branch is out-of-date with the base branch {pull['base_ref']}: merge its latest changes into it."
    return Violation("strict_required_status_checks_policy", sentence)
