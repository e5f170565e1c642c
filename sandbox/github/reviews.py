"""Reviews of a pull request, their line comments and the threads these form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.github import pulls, record
from sandbox.github.access import Caller, can_push
from sandbox.github.errors import invalid, not_found, unprocessable
from sandbox.github.repositories import git_of, stamp
from sandbox.state.documents import Document
from sandbox.world import World

REVIEW = "github_review"  # by repository#number/id
COMMENT = "github_review_comment"  # by repository#number/id
THREAD = "github_review_thread"  # by repository#number/id
EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
OPINIONS = {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}


def every(world: World, pull: Document) -> list[Document]:
    """All reviews, oldest first, pending ones included."""
    return [body for _, body in world.documents.list(REVIEW, _prefix(pull))]


def submitted(world: World, pull: Document) -> list[Document]:
    return [review for review in every(world, pull) if review["state"] != "PENDING"]


def get(world: World, pull: Document, number: int) -> Document:
    found = world.documents.get(REVIEW, _key(pull, number))
    if found is None:
        raise not_found()
    return found


def latest(reviews: Iterable[Document], states: Iterable[str] = ()) -> list[Document]:
    """The newest review of each person, among those in `states` (all when empty), oldest first."""
    wanted = set(states)
    newest: dict[str, Document] = {}
    for review in reviews:
        if not wanted or review["state"] in wanted:
            newest.pop(review["user"], None)
            newest[review["user"]] = review
    return list(newest.values())


def latest_opinions(reviews: Iterable[Document]) -> list[Document]:
    """What each person last said for or against; a comment changes nobody's opinion."""
    return latest(reviews, OPINIONS)


def approvals(opinions: Iterable[Document], repository: Document, author: str) -> list[Document]:
    """The opinions that count: approvals by people with write access other than the author."""
    return [
        review
        for review in opinions
        if review["state"] == "APPROVED" and review["user"] != author and can_push(review["user"], repository)
    ]


def create(world: World, pull: Document, caller: Caller, given: Mapping[str, Any]) -> Document:
    """A review with its comments; without an event it stays pending until it is submitted."""
    event = given.get("event")
    if event is not None:
        _check_event(pull, caller, str(event), given)
    if any(r["state"] == "PENDING" and r["user"] == caller.login for r in every(world, pull)):
        raise unprocessable("User can only have one pending review per pull request")
    commit = given.get("commit_id") or pull["head_sha"]
    if git_of(world, pull["repository"]).resolve(str(commit)) != commit:
        raise unprocessable("The given commit_id is not a commit of this repository")
    number = 60_000 + world.documents.next_number("github_review")
    body: Document = {
        "id": number,
        "pull": pull["number"],
        "user": caller.login,
        "body": given.get("body") or "",
        "state": EVENTS[str(event)] if event is not None else "PENDING",
        "commit_id": commit,
        "submitted_at": stamp(world) if event is not None else None,
    }
    world.documents.put(REVIEW, _key(pull, number), body)
    for comment in given.get("comments") or ():
        add_comment(world, pull, caller.login, {**comment, "commit_id": commit}, review=number)
    _answered(world, pull, caller.login)
    if event is not None:
        _tell(world, pull, number, "submitted", caller.login)
    return body


def submit(world: World, pull: Document, caller: Caller, number: int, given: Mapping[str, Any]) -> Document:
    """Submit a pending review."""
    review = get(world, pull, number)
    event = str(given.get("event") or "")
    _check_event(pull, caller, event, given)
    if review["state"] != "PENDING" or review["user"] != caller.login:
        raise unprocessable("Can not submit a review that is not pending")
    fields = {"state": EVENTS[event], "submitted_at": stamp(world), "body": given.get("body") or review["body"]}
    _answered(world, pull, caller.login)
    changed = _change(world, pull, number, fields)
    _tell(world, pull, number, "submitted", caller.login)
    return changed


def _check_event(pull: Document, caller: Caller, event: str, given: Mapping[str, Any]) -> None:
    if event not in EVENTS:
        raise invalid("PullRequestReview", "event")
    if event == "APPROVE" and caller.app is not None:
        raise unprocessable("GitHub Actions is not permitted to approve pull requests.")
    if event == "APPROVE" and caller.login == pull["author"]:
        raise unprocessable("Can not approve your own pull request")
    if event == "REQUEST_CHANGES" and caller.login == pull["author"]:
        raise unprocessable("Can not request changes on your own pull request")
    if event != "APPROVE" and not (given.get("body") or given.get("comments")):
        raise unprocessable("Body can't be blank" if event == "REQUEST_CHANGES" else "Review cannot be blank")


def dismiss(world: World, pull: Document, number: int, message: str, login: str, commit: str = "") -> Document:
    """Take a verdict back; `commit` is the pushed head where a push did it."""
    review = get(world, pull, number)
    if review["state"] not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise unprocessable(f"Can not dismiss a {review['state'].lower()} pull request review")
    told = {"state": review["state"].lower(), "review_id": number, "dismissal_message": message}
    told |= {"dismissal_commit_id": commit} if commit else {}
    record.happened(world, pull["repository"], pull["number"], "review_dismissed", login, dismissed_review=told)
    changed = _change(world, pull, number, {"state": "DISMISSED", "dismissal": message})
    _tell(world, pull, number, "dismissed", login)
    return changed


def delete(world: World, pull: Document, caller: Caller, number: int) -> Document:
    review = get(world, pull, number)
    if review["state"] != "PENDING" or review["user"] != caller.login:
        raise unprocessable("Can not delete a non-pending pull request review")
    for comment in comments(world, pull):
        if comment["review"] == number:
            world.documents.delete(COMMENT, _key(pull, comment["id"]))
    world.documents.delete(REVIEW, _key(pull, number))
    return review


def dismiss_approvals(world: World, pull: Document, message: str, login: str, commit: str) -> None:
    """What a push does under `dismiss_stale_reviews_on_push`."""
    for review in every(world, pull):
        if review["state"] == "APPROVED":
            dismiss(world, pull, review["id"], message, login, commit)


def add_comment(
    world: World, pull: Document, login: str, given: Mapping[str, Any], review: int | None = None
) -> Document:
    """A comment on a line: a reply joins its thread, anything else begins one."""
    if not given.get("body"):
        raise invalid("PullRequestReviewComment", "body", "missing_field")
    replied = next((c for c in comments(world, pull) if c["id"] == given.get("in_reply_to")), None)
    if replied is None and not given.get("path"):
        raise invalid("PullRequestReviewComment", "path", "missing_field")
    path = replied["path"] if replied else str(given["path"])
    files = pulls.changed_files(git_of(world, pull["repository"]), pull, patches=True)
    changed = {file.path: file for file in files}
    if path not in changed:
        raise unprocessable("Path could not be resolved")
    thread = replied["thread"] if replied else _begin_thread(world, pull, path, given)
    number = 50_000 + world.documents.next_number("github_review_comment")
    body: Document = {
        "id": number,
        "pull": pull["number"],
        "review": review,
        "thread": thread,
        "in_reply_to": replied["id"] if replied else None,
        "user": login,
        "body": given["body"],
        "path": path,
        "line": replied["line"] if replied else given.get("line"),
        "side": given.get("side", "RIGHT"),
        "commit_id": given.get("commit_id") or pull["head_sha"],
        "diff_hunk": changed[path].patch.split("\n", 1)[0],
        "created_at": stamp(world),
    }
    world.documents.put(COMMENT, _key(pull, number), body)
    return body


def _begin_thread(world: World, pull: Document, path: str, given: Mapping[str, Any]) -> int:
    number = world.documents.next_number("github_review_thread")
    body = {"id": number, "path": path, "line": given.get("line"), "resolved": False, "resolved_by": None}
    world.documents.put(THREAD, _key(pull, number), body | {"repository": pull["repository"], "pull": pull["number"]})
    return number


def comments(world: World, pull: Document) -> list[Document]:
    return [body for _, body in world.documents.list(COMMENT, _prefix(pull))]


def threads(world: World, pull: Document) -> list[Document]:
    return [body for _, body in world.documents.list(THREAD, _prefix(pull))]


def resolve_thread(world: World, pull: Document, number: int, login: str) -> Document:
    changed = world.documents.update(
        THREAD, _key(pull, number), lambda body: body | {"resolved": True, "resolved_by": login}
    )
    if changed is None:
        raise not_found()
    return changed


def _answered(world: World, pull: Document, login: str) -> None:
    """A reviewer who has reviewed is no longer asked."""
    current = pulls.get(world, pull["repository"], pull["number"])
    left = {name: owner for name, owner in current["requested_reviewers"].items() if name != login}
    pulls.change(world, current, requested_reviewers=left)


def _tell(world: World, pull: Document, number: int, action: str, login: str) -> None:
    told = {"repository": pull["repository"], "number": pull["number"], "review": number}
    world.events.publish("pull_request_review", told | {"action": action, "by": login})


def _change(world: World, pull: Document, number: int, fields: Mapping[str, Any]) -> Document:
    changed = world.documents.update(REVIEW, _key(pull, number), lambda body: body | dict(fields))
    if changed is None:
        raise not_found()
    return changed


def _prefix(pull: Document) -> str:
    return f"{pulls.key(pull['repository'], pull['number'])}/"


def _key(pull: Document, number: int) -> str:
    return f"{_prefix(pull)}{number:012d}"
