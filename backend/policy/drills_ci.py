"""What workflows could do: what starts them, whose tokens Azure takes from them, and what their roles allow. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from backend.domain.drills import Control, Granted, Outcome, Trusted, Verdict, WorkflowFile
from backend.policy.drills import INSTEAD

READ = "nobody: read from Azure"
READ_FILES = "nobody: read from the workflow files"
READ_SETTINGS = "nobody: read from the repository's settings"
COMMENTS = frozenset(
    {
        "issue_comment",
        "commit_comment",
        "discussion_comment",
        "pull_request_comment",
        "pull_request_review",
        "pull_request_review_comment",
    }
)
"""Events that whoever may read the repository can cause by writing something."""
ENDPOINTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
CHANGES = (
    f"{ENDPOINTS}/write",
    f"{ENDPOINTS}/delete",
    f"{ENDPOINTS}/deployments/write",
    f"{ENDPOINTS}/deployments/delete",
    f"{ENDPOINTS}/regenerateKeys/action",
)


def of_comments(files: Iterable[WorkflowFile], branch: str) -> Verdict:
    """No workflow at the default branch is started by a comment."""
    found = tuple(files)
    started = [
        f"{file.path} ({', '.join(hit)})" for file in found if (hit := sorted(COMMENTS & set(file.triggers or ())))
    ]
    unread = [file.path for file in found if file.triggers is None]
    if started:
        outcome, told = Outcome.NOT_REFUSED, f"Started by comments: {'; '.join(started)}."
    elif unread:
        outcome, told = Outcome.UNKNOWN, f"Cannot be read as a workflow: {', '.join(unread)}."
    else:
        count = f"{len(found)} workflow{'' if len(found) == 1 else 's'}"
        outcome, told = Outcome.REFUSED, f"None of {count} at {branch} is started by a comment or a review."
    return Verdict(control=Control.COMMENT_COMMAND, outcome=outcome, told=told, tried_as=READ_FILES)


def of_trust(
    trusted: Iterable[Trusted], reaching: Iterable[str], issuer: str, allowed: tuple[str, ...], unseen: str
) -> Verdict:
    """Whoever reaches production trusts the subjects `allowed` alone, of our issuer; `unseen` could not be read."""
    reach = set(reaching)
    ours = [one for one in trusted if one.identity in reach]
    wrong = [one for one in ours if not one.expression and (one.subject not in allowed or one.issuer != issuer)]
    patterns = [one for one in ours if one.expression]
    if wrong:
        named = "; ".join(f"{one.identity} takes tokens of {one.subject}" for one in wrong)
        outcome, told = Outcome.NOT_REFUSED, f"{named}. Only {' or '.join(allowed)} should be trusted."
    elif patterns:
        named = "; ".join(f"{one.identity}: {one.expression}" for one in patterns)
        outcome, told = Outcome.UNKNOWN, f"Trusted by a pattern, which a person has to read: {named}."
    elif unseen:
        outcome, told = Outcome.UNKNOWN, unseen
    elif ours:
        named = "; ".join(sorted(f"{one.identity} takes tokens of {one.subject}" for one in ours))
        told = f"{named}, and of no other workflow."
        outcome = Outcome.REFUSED
    else:
        outcome, told = Outcome.REFUSED, "No identity that reaches production takes tokens of any workflow."
    return Verdict(control=Control.BRANCH_CREDENTIALS, outcome=outcome, told=told, tried_as=READ)


def of_rights(granted: Iterable[Granted], identities: Iterable[str], unseen: str) -> Verdict:
    """No identity of a workflow may change the production endpoint or what it serves."""
    wrong = [
        f"{one.identity} may by “{one.role}” at {one.scope}: {', '.join(hit)}"
        for one in granted
        if (hit := [action.rpartition("workspaces/")[2] for action in CHANGES if allows(one, action)])
    ]
    if wrong:
        outcome, told = Outcome.NOT_REFUSED, f"{'; '.join(wrong)}."
    elif unseen:
        outcome, told = Outcome.UNKNOWN, unseen
    else:
        told = f"By Azure's roles neither {' nor '.join(sorted(identities))} may change an endpoint or a deployment."
        outcome = Outcome.REFUSED
    return Verdict(control=Control.CI_RIGHTS, outcome=outcome, told=told, tried_as=READ)


def of_reviewers(name: str, reviewers: tuple[str, ...] | None, plan: str, *, private: bool) -> Verdict:
    """`reviewers` is None where there is no such environment; `plan` is "" where GitHub does not tell it."""
    instead = ""
    if reviewers:
        outcome, told = Outcome.REFUSED, f"{name} waits for {' or '.join(reviewers)}."
    elif private and plan and plan != "enterprise":
        outcome, told = Outcome.ABSENT, f"GitHub's plan “{plan}” has no reviewers for a private repository."
        instead = INSTEAD[Control.REVIEWERS]
    elif private and not plan:
        outcome, told = Outcome.UNKNOWN, f"{name} has no reviewers, and GitHub does not tell whether the plan has them."
    else:
        missing = "There is no environment" if reviewers is None else "Nobody reviews the use of the environment"
        outcome, told = Outcome.NOT_REFUSED, f"{missing} {name}; the plan has reviewers. `mlops setup apply` sets them."
    return Verdict(
        control=Control.REVIEWERS, outcome=outcome, told=told, tried_as=READ_SETTINGS, instead=instead
    )  # fmt: skip


def allows(granted: Granted, action: str) -> bool:
    """Azure's rule: an action that some pattern names and no exception of the same role does."""
    wanted = action.lower()

    def matches(patterns: tuple[str, ...]) -> bool:
        return any(fnmatchcase(wanted, pattern.lower()) for pattern in patterns)

    return matches(granted.actions) and not matches(granted.not_actions)
