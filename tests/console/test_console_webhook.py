"""GitHub rings: who may, what is refused, and that a page reads again at once, at every console."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from hospital import WEBHOOK_SECRET
from pydantic import SecretStr, TypeAdapter
from starlette.applications import Starlette

from backend.errors import RemoteUnavailable
from backend.operations.doorbell import Doorbell, Rounds
from console import webhook, wiring
from console.snapshots import Snapshots, Source, Topic
from console.wakes import MOST, REFILL_SECONDS, SPACING, Allowance, Wakes

BODY = b'{"action":"opened","repository":{"full_name":"hospital/diabetes"}}'
NUMBERS = TypeAdapter(tuple[int, ...])


def sign(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(body: bytes = BODY, **changed: str) -> dict[str, str]:
    given = {
        "x-github-delivery": str(uuid.uuid4()),
        "x-github-event": "pull_request",
        "x-hub-signature-256": sign(body),
        "content-type": "application/json",
    }
    return given | {name.replace("_", "-"): value for name, value in changed.items()}


def until(happened, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def door(empty_world):
    """The console's own route on a socket, wired to an empty world whose mark of the last ring is `rung()`."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = Starlette(routes=webhook.ROUTES)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until(lambda: server.started)
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with httpx.Client(base_url=base, trust_env=False, timeout=30) as client:
            client.rung = empty_world.store.webhooks.rung
            yield client
        server.should_exit = True
        thread.join(10)


def ring(door, body=BODY, **given):
    return door.post("/github/webhook", content=body, headers=headers(body, **given))


def test_a_signed_delivery_is_taken_at_once_and_rings(door):
    answer = ring(door)
    assert answer.status_code == 202
    assert door.rung()


REFUSED = [
    ("signed with another secret", {"x_hub_signature_256": sign(BODY, "guess")}, 401),
    ("not signed", {"x_hub_signature_256": ""}, 401),
    ("signed as it was once usual", {"x_hub_signature_256": "sha1=" + hmac.new(b"k", BODY, "sha1").hexdigest()}, 401),
    ("no ascii", {"x_hub_signature_256": "sha256=\xe9"}, 401),
    ("without an id", {"x_github_delivery": ""}, 400),
    ("an id of another form", {"x_github_delivery": "../../etc"}, 400),
    ("without an event", {"x_github_event": ""}, 400),
]


@pytest.mark.parametrize(("changed", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_not_githubs_is_refused_and_rings_nobody(door, changed, status):
    sent = {name: value.encode("latin-1") for name, value in headers(BODY, **changed).items()}
    assert door.post("/github/webhook", content=BODY, headers=sent).status_code == status
    assert door.rung() == ""


def test_a_body_that_was_changed_on_the_way_is_refused(door):
    sent = headers(BODY)
    assert door.post("/github/webhook", content=BODY.replace(b"opened", b"closed"), headers=sent).status_code == 401
    assert door.rung() == ""


def test_a_replay_is_refused_under_its_own_id_and_under_a_new_one(door):
    first = headers()
    assert door.post("/github/webhook", content=BODY, headers=first).status_code == 202
    rung = door.rung()
    assert door.post("/github/webhook", content=BODY, headers=first).status_code == 409
    renamed = first | {"x-github-delivery": str(uuid.uuid4())}
    answer = door.post("/github/webhook", content=BODY, headers=renamed)
    assert answer.status_code == 409
    assert "taken already" in answer.json()["message"]
    other = b'{"action":"closed"}'
    stolen = headers(other) | {"x-github-delivery": first["x-github-delivery"]}
    assert door.post("/github/webhook", content=other, headers=stolen).status_code == 409
    assert door.rung() == rung


def test_order_does_not_matter_and_a_body_is_not_believed(door):
    """Whatever it says, in whatever order, it is the same ring; even bytes that are no JSON."""
    for body in (b'{"action":"closed","number":7}', b'{"action":"opened","number":7}', b"\x00 no JSON", b""):
        before = door.rung()
        assert ring(door, body).status_code == 202
        assert door.rung() != before


def test_a_ping_is_taken_and_rings_nobody(door):
    assert ring(door, x_github_event="ping").status_code == 202
    assert door.rung() == ""


def test_what_is_too_large_is_refused_before_it_is_read_and_while_it_is(door):
    told = headers() | {"content-length": str(webhook.LARGEST + 1)}
    with socket.create_connection((door.base_url.host, door.base_url.port), timeout=10) as raw:
        lines = [f"{name}: {value}" for name, value in told.items()]
        raw.sendall("\r\n".join(["POST /github/webhook HTTP/1.1", "host: x", *lines, "", ""]).encode())
        assert b" 413 " in raw.recv(200)
    chunk = b"x" * 1_000_000
    endless = (chunk for _ in range(webhook.LARGEST // len(chunk) + 2))
    assert door.post("/github/webhook", content=endless, headers=headers()).status_code == 413
    assert door.rung() == ""


def test_only_posts_are_taken(door):
    assert door.get("/github/webhook").status_code == 405


def test_without_a_secret_nobody_can_ring(door, empty_world):
    closed = Doorbell(empty_world.store, SecretStr(""))
    wired = empty_world.wired
    wiring.install(replace(wired, backend=replace(wired.backend, doorbell=closed)))
    answer = ring(door, x_hub_signature_256=sign(BODY, ""))
    assert answer.status_code == 404
    assert "github.webhook_secret" in answer.json()["message"]


def test_a_ring_at_another_console_reaches_this_one(empty_world):
    """Two processes share the database alone: the mark is what one writes and the other compares."""
    looked = threading.Event()
    here = Wakes(empty_world.wired.backend.doorbell.rung, looked.set)
    here.start()
    try:
        elsewhere = Doorbell(empty_world.store, SecretStr(WEBHOOK_SECRET))
        time.sleep(0.1)  # that nothing happens without a ring can only be waited for
        assert not looked.is_set()
        letter = elsewhere.letter()
        letter.read(BODY)
        elsewhere.take(letter, signature=sign(BODY), delivery=str(uuid.uuid4()), event="push")
        assert looked.wait(10)
    finally:
        here.stop()


def test_rings_are_followed_at_once_then_together_and_never_without_end():
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    assert allowance.take()
    assert not allowance.take()
    now[0] += SPACING
    assert allowance.take()
    taken = 0
    for _ in range(3600):
        now[0] += 1.0
        taken += allowance.take()
    assert taken <= MOST + 3600 / REFILL_SECONDS
    polls = 24 * 3600 / 25
    rings = MOST + 24 * 3600 / REFILL_SECONDS
    assert polls + rings < 0.05 * 24 * 5000


def test_while_the_database_is_away_a_ring_is_not_lost():
    answers = iter(["1", None, "2"])

    def rung():
        answer = next(answers, "2")
        if answer is None:
            raise RemoteUnavailable("away", service="the database", operation="read")
        return answer

    looked = threading.Event()
    wakes = Wakes(rung, looked.set)
    wakes.start()
    try:
        assert looked.wait(10)
    finally:
        wakes.stop()


def test_a_ring_during_a_load_is_followed_by_another_load(tmp_path):
    """What is being loaded may have been asked for before the push."""
    loads, begun, go_on = [], threading.Event(), threading.Event()

    def load(_):
        loads.append(len(loads))
        begun.set()
        assert go_on.wait(10)
        return (len(loads),)

    snapshots = Snapshots(object, tmp_path / "cache")
    topic = Topic("pull/1", Source.GITHUB, NUMBERS, load, every=600)
    snapshots.watch(topic)
    snapshots.start()
    try:
        assert begun.wait(10)
        snapshots.refresh_below("pulls", "pull/")
        go_on.set()
        until(lambda: snapshots.watch(topic).value == (2,))
    finally:
        snapshots.stop()


def test_the_worker_looks_when_it_is_due_and_soon_after_a_ring():
    now, rung, looks = [datetime(2026, 11, 23, tzinfo=UTC)], [""], []
    rounds = Rounds(lambda: looks.append(now[0]), lambda: rung[0], every=20, spacing=5, clock=lambda: now[0])

    def after(seconds: float, mark: str) -> int:
        now[0] += timedelta(seconds=seconds)
        rung[0] = mark
        rounds.look()
        return len(looks)

    assert after(0, "") == 1
    assert after(19, "") == 1
    assert after(1, "") == 2
    assert after(1, "a") == 2, "too soon after the last look"
    assert after(4, "a") == 3
    assert after(6, "a") == 3, "this ring was followed"
    assert after(14, "a") == 4
