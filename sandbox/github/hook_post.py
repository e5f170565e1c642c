"""Delivering webhooks: signed, in order, once. GitHub tries a delivery one single time, and again only when asked."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

import httpx

from sandbox.github import hooks, repositories
from sandbox.github.hook_payloads import body_of, ping
from sandbox.github.models import ZERO
from sandbox.github.repositories import stamp
from sandbox.state.documents import Document
from sandbox.state.events import Event
from sandbox.world import World

log = logging.getLogger(__name__)

SECONDS = 10.0
"""GitHub waits this long for a receiver's answer."""
KEPT_BYTES = 4_000
_Letter = tuple[Document, str, str, str, bool]


class Post:
    """One thread that sends what happened to the webhooks that asked for it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._letters: queue.Queue[_Letter | None] = queue.Queue()
        self._thread = threading.Thread(target=self._send_all, name="webhooks", daemon=True)

    def start(self) -> None:
        for name in hooks.EVENTS:
            self._world.events.subscribe(name, self._receiver(name))
        self._thread.start()

    def stop(self) -> None:
        self._letters.put(None)
        self._thread.join(timeout=2.0)

    def ping(self, repository: Document, hook: Document) -> None:
        self._put(hook, "ping", ping(self._world, repository, hook))

    def again(self, hook: Document, delivery: Document) -> None:
        """The same delivery with the same id and bytes, as GitHub's button does it."""
        sent = delivery["request"]["body"]
        self._letters.put((hook, delivery["event"], delivery["guid"], sent, True))

    def tell(self, hook: Document, name: str, event: Event) -> None:
        repository = repositories.find(self._world, hook["repository"])
        if repository is not None:
            self._put(hook, name, body_of(self._world, repository, name, event))

    def test(self, repository: Document, hook: Document) -> None:
        """The newest commit of the default branch as a push that has just happened."""
        git = repositories.git_of(self._world, repository["full_name"])
        ref = f"refs/heads/{repository['default_branch']}"
        after = git.ref(ref)
        if after is not None:
            before = next(iter(git.commit(after).parents), ZERO)
            event = {"ref": ref, "before": before, "after": after, "pusher": repository["owner"]}
            self.tell(hook, "push", {"repository": repository["full_name"], **event})

    def _receiver(self, name: str) -> Callable[[Event], None]:
        def receive(event: Event) -> None:
            for hook in hooks.wanting(self._world, event["repository"], name):
                self.tell(hook, name, event)

        return receive

    def _put(self, hook: Document, name: str, body: Document) -> None:
        text = json.dumps(body, separators=(",", ":"))
        self._letters.put((hook, name, str(uuid.uuid4()), text, False))

    def _send_all(self) -> None:
        with httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
            while (letter := self._letters.get()) is not None:
                try:
                    hooks.keep(self._world, letter[0], send(self._world, client, letter))
                except Exception:
                    log.exception("A webhook delivery of %s broke", letter[1])


def send(world: World, client: httpx.Client, letter: _Letter) -> Document:
    """One attempt: what was sent and what came back. A receiver that is not there is told, and not tried again."""
    hook, event, guid, text, redelivery = letter
    form = hook["config"]["content_type"] == "form"
    body = (urlencode({"payload": text}) if form else text).encode()
    headers = {
        "User-Agent": "GitHub-Hookshot/sandbox",
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(hook["id"]),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
    }
    if secret := hook["config"].get("secret"):
        headers["X-Hub-Signature"] = "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    began = time.monotonic()
    code, status, said = 0, "failed to connect to host", ""
    answered: dict[str, str] = {}
    try:
        response = client.post(hook["config"]["url"], content=body, headers=headers)
        code, status = response.status_code, response.reason_phrase or "OK"
        answered, said = dict(response.headers), response.text[:KEPT_BYTES]
    except httpx.TimeoutException:
        status = "timed out"
    except httpx.HTTPError as error:
        status = f"failed to connect to host ({type(error).__name__})"
    return {
        "hook": hook["id"],
        "guid": guid,
        "event": event,
        "action": json.loads(text).get("action"),
        "redelivery": redelivery,
        "delivered_at": stamp(world),
        "duration": round(time.monotonic() - began, 3),
        "status": status,
        "status_code": code,
        "ok": 200 <= code < 300,
        "url": hook["config"]["url"],
        "request": {"headers": headers, "payload": json.loads(text), "body": text},
        "response": {"headers": answered, "payload": said},
    }
