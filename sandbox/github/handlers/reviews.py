"""Reviews and line comments of a pull request."""

from __future__ import annotations

from sandbox.github import pulls, reviews
from sandbox.github.errors import GitHubError, invalid
from sandbox.github.payloads import pulls as payloads
from sandbox.github.wire import Call, Reply
from sandbox.state.documents import Document


def _pull(call: Call, action: str = "read") -> tuple[Document, Document]:
    repository = call.repository("pull_requests", action)
    return repository, pulls.get(call.world, repository["full_name"], call.number("number"))


def _review_action(call: Call) -> str:
    """Any person who can read may review; an app needs its permission."""
    return "comment" if call.caller.person is not None else "write"


def review_list(call: Call) -> Reply:
    """Reviews in the order in which they were made; another person's pending review stays hidden."""
    repository, pull = _pull(call)
    found = [
        review
        for review in reviews.every(call.world, pull)
        if review["state"] != "PENDING" or review["user"] == call.caller.login
    ]
    return call.paged(found, lambda review: payloads.review(call.world, repository, pull, review))


def create(call: Call) -> Reply:
    """A review of one commit; pending without an event."""
    repository, pull = _pull(call, _review_action(call))
    review = reviews.create(call.world, pull, call.caller, call.body())
    return Reply(payloads.review(call.world, repository, pull, review))


def read(call: Call) -> Reply:
    """One review."""
    repository, pull = _pull(call)
    review = reviews.get(call.world, pull, call.number("review"))
    return Reply(payloads.review(call.world, repository, pull, review))


def submit(call: Call) -> Reply:
    """Submit one's pending review."""
    repository, pull = _pull(call, _review_action(call))
    review = reviews.submit(call.world, pull, call.caller, call.number("review"), call.body())
    return Reply(payloads.review(call.world, repository, pull, review))


def dismiss(call: Call) -> Reply:
    """Dismiss somebody's verdict, saying why."""
    repository, pull = _pull(call, "write")
    message = call.body().get("message")
    if not message:
        raise GitHubError(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
    review = reviews.dismiss(call.world, pull, call.number("review"), str(message), call.caller.login)
    return Reply(payloads.review(call.world, repository, pull, review))


def delete(call: Call) -> Reply:
    """Throw away one's pending review."""
    repository, pull = _pull(call, _review_action(call))
    review = reviews.delete(call.world, pull, call.caller, call.number("review"))
    return Reply(payloads.review(call.world, repository, pull, review))


def comment_list(call: Call) -> Reply:
    """Line comments of all reviews, oldest first."""
    repository, pull = _pull(call)
    found = reviews.comments(call.world, pull)
    return call.paged(found, lambda comment: payloads.review_comment(call.world, repository, pull, comment))


def review_comments(call: Call) -> Reply:
    """Line comments of one review."""
    repository, pull = _pull(call)
    review = reviews.get(call.world, pull, call.number("review"))
    found = [comment for comment in reviews.comments(call.world, pull) if comment["review"] == review["id"]]
    return call.paged(found, lambda comment: payloads.review_comment(call.world, repository, pull, comment))


def create_comment(call: Call) -> Reply:
    """A comment on a line, which begins a thread, or a reply (`in_reply_to`)."""
    repository, pull = _pull(call, _review_action(call))
    given = call.body()
    if given.get("commit_id") is None and given.get("in_reply_to") is None:
        raise invalid("PullRequestReviewComment", "commit_id", "missing_field")
    comment = reviews.add_comment(call.world, pull, call.caller.login, given)
    return Reply(payloads.review_comment(call.world, repository, pull, comment), 201)


def reply(call: Call) -> Reply:
    """A reply to a line comment."""
    repository, pull = _pull(call, _review_action(call))
    given = call.body() | {"in_reply_to": call.number("comment")}
    comment = reviews.add_comment(call.world, pull, call.caller.login, given)
    return Reply(payloads.review_comment(call.world, repository, pull, comment), 201)


PULL = "/repos/{owner}/{repo}/pulls/{number}"
ROUTES = (
    ("GET", f"{PULL}/reviews", review_list),
    ("POST", f"{PULL}/reviews", create),
    ("GET", f"{PULL}/reviews/{{review}}", read),
    ("DELETE", f"{PULL}/reviews/{{review}}", delete),
    ("POST", f"{PULL}/reviews/{{review}}/events", submit),
    ("PUT", f"{PULL}/reviews/{{review}}/dismissals", dismiss),
    ("GET", f"{PULL}/reviews/{{review}}/comments", review_comments),
    ("GET", f"{PULL}/comments", comment_list),
    ("POST", f"{PULL}/comments", create_comment),
    ("POST", f"{PULL}/comments/{{comment}}/replies", reply),
)
