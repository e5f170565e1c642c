"""Webhooks of a repository, and what was delivered to them; for its administrators and apps with that permission."""

from __future__ import annotations

from sandbox.github import hooks
from sandbox.github.errors import unprocessable
from sandbox.github.hook_payloads import delivery_row, delivery_whole, hook_payload
from sandbox.github.hook_post import Post
from sandbox.github.wire import NO_CONTENT, Call, Reply, Routes
from sandbox.state.documents import Document

HOOKS = "/repos/{owner}/{repo}/hooks"
HOOK = f"{HOOKS}/{{hook}}"
DELIVERY = f"{HOOK}/deliveries/{{delivery}}"


def _found(call: Call, action: str = "read") -> tuple[Document, Document]:
    repository = call.repository("repository_hooks", action)
    return repository, hooks.get(call.world, repository["full_name"], call.number("hook"))


def hook_list(call: Call) -> Reply:
    """All webhooks."""
    repository = call.repository("repository_hooks")
    found = hooks.every(call.world, repository["full_name"])
    return call.paged(found, lambda hook: hook_payload(call.world, repository, hook))


def read(call: Call) -> Reply:
    """One webhook, with what its receiver said last."""
    repository, hook = _found(call)
    return Reply(hook_payload(call.world, repository, hook))


def change(call: Call) -> Reply:
    """New events, activity, or a whole new configuration."""
    repository, hook = _found(call, "write")
    changed = hooks.change(call.world, repository["full_name"], hook["id"], call.body())
    return Reply(hook_payload(call.world, repository, changed))


def delete(call: Call) -> Reply:
    """Delete a webhook and what is known of its deliveries."""
    repository, hook = _found(call, "write")
    hooks.delete(call.world, repository["full_name"], hook["id"])
    return NO_CONTENT


def delivery_list(call: Call) -> Reply:
    """Deliveries, newest first."""
    repository, hook = _found(call)
    return call.paged(hooks.deliveries(call.world, hook), lambda one: delivery_row(call.world, repository, one))


def delivery(call: Call) -> Reply:
    """One delivery with what was sent and answered."""
    repository, hook = _found(call)
    found = hooks.delivery(call.world, hook, call.number("delivery"))
    return Reply(delivery_whole(call.world, repository, found))


def routes(post: Post) -> Routes:
    """With those that send something."""

    def create(call: Call) -> Reply:
        """A new webhook, which is sent a ping."""
        repository = call.repository("repository_hooks", "write")
        made = hooks.create(call.world, repository["full_name"], call.body())
        post.ping(repository, made)
        return Reply(hook_payload(call.world, repository, made), 201)

    def again(call: Call) -> Reply:
        """Deliver once more, under the same id."""
        _, hook = _found(call, "write")
        post.again(hook, hooks.delivery(call.world, hook, call.number("delivery")))
        return Reply({}, 202)

    def pings(call: Call) -> Reply:
        """Send a ping."""
        post.ping(*_found(call, "write"))
        return NO_CONTENT

    def tests(call: Call) -> Reply:
        """Send the newest push of the default branch again, if the webhook asked for pushes."""
        repository, hook = _found(call, "write")
        if "push" not in hook["events"] and "*" not in hook["events"]:
            raise unprocessable("The hook is not subscribed to push events")
        post.test(repository, hook)
        return NO_CONTENT

    return (
        ("GET", HOOKS, hook_list),
        ("POST", HOOKS, create),
        ("GET", HOOK, read),
        ("PATCH", HOOK, change),
        ("DELETE", HOOK, delete),
        ("POST", f"{HOOK}/pings", pings),
        ("POST", f"{HOOK}/tests", tests),
        ("GET", f"{HOOK}/deliveries", delivery_list),
        ("GET", DELIVERY, delivery),
        ("POST", f"{DELIVERY}/attempts", again),
    )
