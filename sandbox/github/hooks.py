"""Webhooks of a repository: who is told of what, and every delivery that was tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.github.errors import GitHubError, not_found
from sandbox.github.repositories import stamp
from sandbox.state.documents import Document
from sandbox.world import World

HOOK = "github_hook"  # by repository/id
DELIVERY = "github_hook_delivery"  # by hook/id
KEPT = 200
"""Deliveries that are kept for one webhook; GitHub keeps those of three days."""
EVENTS = (
    "check_run",
    "check_suite",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "push",
    "workflow_run",
)
"""What this world tells of, and `ping`; `*` asks for all of them."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CONFIG = ("url", "content_type", "insecure_ssl", "secret")


def every(world: World, repository: str) -> list[Document]:
    return [body for _, body in world.documents.list(HOOK, f"{repository.lower()}/")]


def get(world: World, repository: str, number: int) -> Document:
    found = world.documents.get(HOOK, _key(repository, number))
    if found is None:
        raise not_found()
    return found


def create(world: World, repository: str, given: Mapping[str, Any]) -> Document:
    """A new webhook; 422 in GitHub's words for an address that is told already, or that this world may not reach."""
    config = _config(given.get("config"))
    if any(hook["config"]["url"] == config["url"] for hook in every(world, repository)):
        raise _refused("Hook already exists on this repository")
    number = 70_000 + world.documents.next_number("github_hook")
    now = stamp(world)
    body: Document = {
        "id": number,
        "repository": repository,
        "active": bool(given.get("active", True)),
        "events": _events(given.get("events", ["push"])),
        "config": config,
        "created_at": now,
        "updated_at": now,
        "last_response": {"code": None, "status": "unused", "message": None},
    }
    world.documents.put(HOOK, _key(repository, number), body)
    return body


def change(world: World, repository: str, number: int, given: Mapping[str, Any]) -> Document:
    """As GitHub: a `config` that is given takes the old one's place whole, so one without a secret removes it."""
    fields: Document = {"updated_at": stamp(world)}
    if "config" in given:
        fields["config"] = _config(given["config"])
    if "events" in given:
        fields["events"] = _events(given["events"])
    if "active" in given:
        fields["active"] = bool(given["active"])
    return _update(world, repository, number, fields)


def delete(world: World, repository: str, number: int) -> None:
    if not world.documents.delete(HOOK, _key(repository, number)):
        raise not_found()
    for key, _ in world.documents.list(DELIVERY, f"{number}/"):
        world.documents.delete(DELIVERY, key)


def wanting(world: World, repository: str, event: str) -> list[Document]:
    """The active webhooks of a repository that asked for an event."""
    return [hook for hook in every(world, repository) if hook["active"] and {event, "*"} & set(hook["events"])]


def keep(world: World, hook: Document, delivery: Document) -> Document:
    """Remember one attempt, and what the receiver said as the webhook's last response."""
    number = 900_000 + world.documents.next_number("github_hook_delivery")
    body = {**delivery, "id": number}
    world.documents.put(DELIVERY, f"{hook['id']}/{number:012d}", body)
    for key, _ in world.documents.list(DELIVERY, f"{hook['id']}/")[:-KEPT]:
        world.documents.delete(DELIVERY, key)
    said = {"code": body["status_code"], "status": "active" if body["ok"] else "error", "message": body["status"]}
    if world.documents.get(HOOK, _key(hook["repository"], hook["id"])) is not None:
        _update(world, hook["repository"], hook["id"], {"last_response": said})
    return body


def deliveries(world: World, hook: Document) -> list[Document]:
    """Newest first."""
    return [body for _, body in world.documents.list(DELIVERY, f"{hook['id']}/")][::-1]


def delivery(world: World, hook: Document, number: int) -> Document:
    found = world.documents.get(DELIVERY, f"{hook['id']}/{number:012d}")
    if found is None:
        raise not_found()
    return found


def _update(world: World, repository: str, number: int, fields: Mapping[str, Any]) -> Document:
    changed = world.documents.update(HOOK, _key(repository, number), lambda body: body | dict(fields))
    if changed is None:
        raise not_found()
    return changed


def _config(given: object) -> Document:
    config = given if isinstance(given, dict) else {}
    url = config.get("url")
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        raise _refused("url is missing a scheme" if url else "url can't be blank")
    if urlsplit(url).hostname not in LOOPBACK:
        raise _refused("url is not supported because it isn't reachable from this world (loopback only)")
    if config.get("content_type", "form") not in {"json", "form"}:
        raise _refused("content_type is not included in the list")
    kept = {name: str(config[name]) for name in _CONFIG if config.get(name) not in {None, ""}}
    return {"content_type": "form", "insecure_ssl": "0"} | kept


def _events(given: object) -> list[str]:
    names = [str(name) for name in given] if isinstance(given, list) and given else []
    unknown = sorted(set(names) - {*EVENTS, "*"})
    if unknown or not names:
        raise _refused(f"events contains values this world does not tell of: {', '.join(unknown) or 'none given'}")
    return list(dict.fromkeys(names))


def _refused(message: str) -> GitHubError:
    return GitHubError(422, "Validation Failed", errors=[{"resource": "Hook", "code": "custom", "message": message}])


def _key(repository: str, number: int) -> str:
    return f"{repository.lower()}/{number:012d}"
