"""The past of a repository: branches that moved, and events of its pull requests."""

from __future__ import annotations

from sandbox.github import record
from sandbox.github.errors import GitHubError
from sandbox.github.payloads import record as payloads
from sandbox.github.wire import Call, Reply

TYPES = ("push", "force_push", "branch_creation", "branch_deletion", "pr_merge", "merge_queue_merge")


def activity(call: Call) -> Reply:
    """Who moved a branch and how, newest first; `ref`, `actor`, `activity_type` narrow them; one page is answered."""
    repository = call.repository("contents", "read")
    unknown = {"before", "after", "time_period"} & call.query.keys()
    if unknown:
        raise GitHubError(501, f"The sandbox does not page activities by {', '.join(sorted(unknown))}")
    found = record.activities(call.world, repository)
    ref, wanted = call.query.get("ref", ""), call.query.get("activity_type", "")
    if wanted and wanted not in TYPES:
        raise GitHubError(422, "Validation Failed")
    if ref:
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        found = [one for one in found if one["ref"] == full]
    if call.query.get("actor"):
        found = [one for one in found if one["actor"] == call.query["actor"]]
    found = [one for one in found if not wanted or one["activity_type"] == wanted]
    if call.query.get("direction") == "asc":
        found.reverse()
    number = call.query.get("per_page", "30")
    size = min(int(number), 100) if number.isascii() and number.isdigit() else 30
    return Reply([payloads.activity(call.world, one) for one in found[:size]])


def events(call: Call) -> Reply:
    """Events of all pull requests, newest first; `merged` and `review_dismissed` are kept."""
    resource = "pull_requests" if call.caller.app is not None else "issues"
    repository = call.repository(resource, "read")
    return call.paged(record.events(call.world, repository), lambda one: payloads.event(call.world, repository, one))


ROUTES = (
    ("GET", "/repos/{owner}/{repo}/activity", activity),
    ("GET", "/repos/{owner}/{repo}/issues/events", events),
)
