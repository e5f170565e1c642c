"""What people are told of: in the transaction of the ledger's row, once for each target, and never in anybody's way."""

from __future__ import annotations

import json
import logging
import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import get_args

import pytest
from pydantic import SecretStr

from backend.domain.notifications import MOST_ATTEMPTS, NotificationKind, SendingState, pause_after
from backend.domain.people import Actor, Role
from backend.errors import ConfigurationError, Conflict, NotFound, NotPermitted, RemoteRejected
from backend.operations.inbox import Inbox
from backend.operations.notifying import LEASE, Notifying
from backend.settings import Target, TargetEvent, load
from backend.store.audit import Note
from tests.recovery.cloud_state import Clock
from tests.recovery.hospital import fresh_store
from tests.unit.test_settings import TEXT

LEAD, OPERATOR, VIEWER = (Actor(name=r.value, roles=frozenset({r})) for r in (Role.LEAD, Role.OPERATOR, Role.VIEWER))
MARKUP = "**bold** [here](https://evil.example) <!channel> <https://evil.example|click> & @everyone"
APPROVED = Note("lead", "console", "version.approved", "model/diabetes-classifier:2", MARKUP, after="approved")
MERGED = Note("scientist", "github", "github.merged", "pull_request/14", "Merged.")
SETTLED = Note(
    "worker", "worker", "promotion.succeeded", "promotion/p1", "100 %", detail={"kind": "promote", "version": "2"}
)
TESTED = Note(
    "worker",
    "worker",
    "promotion.succeeded",
    "promotion/s1",
    "smoke 40 of 40",
    detail={"kind": "stage", "version": "2"},
)
CONSOLE = "https://console.hospital.example/"


class Chat:
    """The receiving end: what it was sent, and what it answers next."""

    def __init__(self):
        self.got, self.answers, self.headers = [], [], {}
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # the library's name
                chat.got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                status, body = chat.answers.pop(0) if chat.answers else (200, "ok")
                self.send_response(status)
                for name, value in chat.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/T00/secret-part"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def chat():
    made = Chat()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock, databases):
    made = fresh_store(tmp_path, clock, databases)
    yield made
    made.close()


def target(chat, form="slack", *events):
    return Target(form=form, url=SecretStr(chat.url), events=events)


def outbox(store, clock, **targets):
    return Notifying(store, targets, CONSOLE, ssl.create_default_context(), clock)


def send_all(notifying):
    notifying.hand_over()
    while notifying.send_next():
        pass


def inbox(store, clock, **targets):
    return Inbox(store, targets, CONSOLE, ssl.create_default_context, clock)


def test_the_settings_name_every_kind():
    assert set(get_args(TargetEvent)) == {kind.value for kind in NotificationKind}


def test_a_notification_has_the_sentence_the_hash_and_the_page_of_its_row(store, clock):
    entry = store.audit.append(APPROVED)
    (told,) = inbox(store, clock).of(LEAD)
    assert (told.sequence, told.digest, told.at) == (entry.sequence, entry.hash, entry.at)
    assert told.sentence == f"v2 approved by lead: {MARKUP}"
    assert told.link == "/deployments?version=2"


PAGES = [
    (SETTLED, "/deployments?promotion=p1"),
    (TESTED, "/deployments?version=2"),
    (MERGED, "/pull-requests?number=14"),
]


@pytest.mark.parametrize(("note", "link"), PAGES, ids=[note.action for note, _ in PAGES])
def test_the_link_is_the_page_of_the_very_thing(store, clock, note, link):
    store.audit.append(note)
    assert [told.link for told in inbox(store, clock).of(LEAD)] == [link]


def test_what_did_not_happen_is_not_told(store, clock):
    with pytest.raises(RuntimeError), store.writing() as transaction:  # noqa: PT012  # the block is what fails
        store.audit.append(APPROVED, transaction)
        raise RuntimeError
    assert inbox(store, clock).of(LEAD) == ()


def test_read_is_of_one_person_and_ones_own_acts_are_read(store, clock):
    deputy = Actor(name="deputy", roles=frozenset({Role.LEAD}))
    store.audit.append(APPROVED)
    merged = store.audit.append(MERGED).sequence
    mine = inbox(store, clock)
    assert [told.read for told in mine.of(LEAD)] == [False, True]
    assert (mine.unread(LEAD), mine.unread(deputy)) == (1, 2)
    for _ in range(2):
        mine.read(LEAD, [merged, 9999])
    assert (mine.unread(LEAD), mine.unread(deputy)) == (0, 2)


def test_what_is_unread_is_counted_among_what_the_inbox_shows(store, clock):
    mine = inbox(store, clock)
    for _ in range(102):
        store.audit.append(MERGED)
    assert mine.unread(LEAD) == len(mine.of(LEAD)) == 100
    newest = [told.sequence for told in mine.of(LEAD)]
    mine.read(LEAD, newest[:3])
    assert mine.unread(LEAD) == 97


def test_people_are_told_of_what_concerns_them(store, clock):
    for note in (APPROVED, MERGED, SETTLED, TESTED):
        store.audit.append(note)
    mine = inbox(store, clock)
    assert {told.kind for told in mine.of(VIEWER)} == {NotificationKind.PROMOTION}
    assert NotificationKind.TO_DECIDE in {told.kind for told in mine.of(LEAD)}
    assert NotificationKind.TO_DECIDE not in {told.kind for told in mine.of(OPERATOR)}


def test_slack_gets_plain_text_and_a_button_with_the_page(store, clock, chat):
    entry = store.audit.append(APPROVED)
    send_all(outbox(store, clock, ops=target(chat)))
    ((_, sent),) = chat.got
    assert {part["type"] for part in (sent["blocks"][1]["text"], *sent["blocks"][2]["elements"])} == {"plain_text"}
    assert sent["blocks"][1]["text"]["text"] == f"v2 approved by lead: {MARKUP}"
    assert entry.hash in sent["blocks"][2]["elements"][0]["text"]
    assert sent["blocks"][3]["elements"][0]["url"] == "https://console.hospital.example/deployments?version=2"
    assert "<" not in sent["text"]


def test_teams_gets_a_card_whose_words_are_no_markdown(store, clock, chat):
    store.audit.append(APPROVED)
    send_all(outbox(store, clock, ops=target(chat, "teams")))
    ((_, sent),) = chat.got
    (attachment,) = sent["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert card["body"][1]["inlines"][0]["text"] == f"v2 approved by lead: {MARKUP}"
    assert card["actions"][0]["url"] == "https://console.hospital.example/deployments?version=2"


def test_each_target_gets_its_kinds_once_whoever_looks(store, clock, chat):
    everything, merges = target(chat), target(chat, "slack", "merge")
    store.audit.append(APPROVED)
    store.audit.append(MERGED)
    for _ in range(2):
        send_all(outbox(store, clock, all=everything, merges=merges))
    assert len(chat.got) == 3
    assert {(t.name, t.sent) for t in inbox(store, clock, all=everything, merges=merges).targets(LEAD)} == {
        ("all", 2),
        ("merges", 1),
    }


def test_a_new_target_is_not_told_of_the_past(store, clock, chat):
    store.audit.append(APPROVED)
    send_all(outbox(store, clock))
    send_all(outbox(store, clock, late=target(chat)))
    assert chat.got == []


def test_a_failure_is_tried_again_later_and_holds_up_nobody(store, clock, chat):
    chat.answers = [(503, ""), (200, "ok"), (200, "ok")]
    store.audit.append(APPROVED)
    notifying = outbox(store, clock, a=target(chat), b=target(chat))
    send_all(notifying)
    assert len(chat.got) == 2, "the other target was not waited for"
    send_all(notifying)
    assert len(chat.got) == 2
    clock.pass_(pause_after(1).total_seconds())
    send_all(notifying)
    assert len(chat.got) == 3
    assert [(t.sent, t.waiting, t.dead) for t in inbox(store, clock, a=target(chat), b=target(chat)).targets(LEAD)] == [
        (1, 0, ()),
        (1, 0, ()),
    ]


def test_a_target_that_says_when_is_not_asked_before(store, clock, chat):
    chat.answers, chat.headers = [(429, "")], {"Retry-After": "600"}
    store.audit.append(APPROVED)
    notifying = outbox(store, clock, a=target(chat))
    send_all(notifying)
    clock.pass_(599)
    send_all(notifying)
    assert len(chat.got) == 1
    clock.pass_(2)
    send_all(notifying)
    assert len(chat.got) == 2


def test_in_the_end_it_is_given_up_and_everybody_can_see_it(store, clock, chat):
    store.audit.append(APPROVED)
    notifying = outbox(store, clock, ops=target(chat))
    chat.answers = [(500, "")] * MOST_ATTEMPTS
    for _ in range(MOST_ATTEMPTS + 3):
        send_all(notifying)
        clock.pass_(3601)
    (standing,) = inbox(store, clock, ops=target(chat)).targets(VIEWER)
    (dead,) = standing.dead
    assert (dead.state, dead.attempts) == (SendingState.DEAD, MOST_ATTEMPTS)
    assert dead.outcome == "The target ops answered 500."
    assert store.audit.entries(limit=1)[0].action == "notification.undelivered"
    assert store.audit.verify().whole


LOST = [
    (302, "", "a redirect, which is not followed (302)"),
    (404, "no_service", "refused it (404)"),
    (400, "invalid_payload", "refused it (400)"),
]


@pytest.mark.parametrize(("status", "body", "why"), LOST, ids=[str(row[0]) for row in LOST])
def test_a_refusal_is_not_repeated_and_a_redirect_is_not_followed(store, clock, chat, status, body, why):
    elsewhere = Chat()
    chat.answers, chat.headers = [(status, body)], {"Location": elsewhere.url}
    store.audit.append(APPROVED)
    notifying = outbox(store, clock, ops=target(chat))
    notifying.hand_over()
    assert notifying.send_next()
    (standing,) = inbox(store, clock, ops=target(chat)).targets(LEAD)
    assert why in standing.dead[0].outcome
    assert elsewhere.got == []
    elsewhere.server.shutdown()
    elsewhere.server.server_close()


def test_teams_that_says_ok_and_means_no_is_tried_again(store, clock, chat):
    chat.answers = [(200, "Webhook message delivery failed with error: 429")]
    store.audit.append(APPROVED)
    send_all(outbox(store, clock, ops=target(chat, "teams")))
    (standing,) = inbox(store, clock, ops=target(chat, "teams")).targets(LEAD)
    assert (standing.sent, standing.waiting) == (0, 1)


def test_a_worker_that_died_while_it_sent_leaves_it_to_another(store, clock, chat):
    store.audit.append(APPROVED)
    notifying = outbox(store, clock, ops=target(chat))
    notifying.hand_over()
    _, dying = store.notifications.claim(LEASE)
    assert not notifying.send_next(), "while the lease lasts, nobody else sends it"
    clock.pass_(LEASE.total_seconds() + 1)
    assert notifying.send_next()
    store.notifications.settle(dying, "too late", clock() + timedelta(hours=1), sent=False)
    (standing,) = inbox(store, clock, ops=target(chat)).targets(LEAD)
    assert (standing.sent, standing.waiting) == (1, 0)


def test_a_given_up_one_is_sent_again_by_who_may(store, clock, chat):
    chat.answers = [(404, "")]
    entry = store.audit.append(APPROVED)
    notifying, mine = outbox(store, clock, ops=target(chat)), inbox(store, clock, ops=target(chat))
    notifying.hand_over()
    notifying.send_next()
    with pytest.raises(NotPermitted):
        mine.send_again(VIEWER, entry.sequence, "ops")
    mine.send_again(LEAD, entry.sequence, "ops")
    with pytest.raises(Conflict):
        mine.send_again(LEAD, entry.sequence, "ops")
    assert notifying.send_next()
    assert len(chat.got) == 2


def test_a_test_message_says_who_and_what_went_wrong(store, clock, chat):
    mine = inbox(store, clock, ops=target(chat))
    mine.test(LEAD, "ops")
    assert "A test by lead" in chat.got[0][1]["text"]
    chat.answers = [(403, "")]
    with pytest.raises(RemoteRejected, match="ops refused it"):
        mine.test(LEAD, "ops")
    with pytest.raises(NotFound, match="ops"):
        mine.test(LEAD, "other")
    with pytest.raises(NotPermitted):
        mine.test(VIEWER, "ops")


def test_the_address_is_told_nowhere(store, clock, chat, caplog):
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # as backend.logs.configure does
    gone = Target(form="slack", url=SecretStr(f"{chat.url}/gone"))
    chat.answers = [(302, ""), (404, ""), (500, "")]
    for _ in range(3):
        store.audit.append(APPROVED)
    notifying, mine = outbox(store, clock, ops=gone), inbox(store, clock, ops=gone)
    send_all(notifying)
    told = [store.audit.entries(), mine.targets(LEAD), mine.of(LEAD), gone, caplog.text]
    assert "secret-part" not in repr(told)


def test_an_address_that_nobody_answers_is_an_outcome_and_no_traceback(store, clock, chat):
    chat.server.shutdown()
    chat.server.server_close()
    store.audit.append(APPROVED)
    send_all(outbox(store, clock, ops=target(chat)))
    (standing,) = inbox(store, clock, ops=target(chat)).targets(LEAD)
    assert standing.waiting == 1


BAD = [
    "http://hooks.example/x",
    "https:///x",
    "ftp://hooks.example/x",
    "hooks.example",
    "http://127.0.0.1.evil.example/x",
]


@pytest.mark.parametrize("url", BAD)
def test_an_address_without_encryption_is_refused_and_not_repeated(tmp_path, monkeypatch, url):
    file = tmp_path / "mlops.toml"
    file.write_text(f'{TEXT}\n[notifications.ops]\nform = "slack"\nurl = "{url}"\n')
    monkeypatch.setenv("MLOPS_SETTINGS", str(file))
    with pytest.raises(ConfigurationError, match=r"notifications\.ops\.url") as caught:
        load()
    assert url not in str(caught.value)


def test_targets_come_from_file_and_environment(tmp_path, monkeypatch):
    file = tmp_path / "mlops.toml"
    file.write_text(f'{TEXT}\n[notifications.ops]\nform = "teams"\nurl = ""\nevents = ["merge"]\n')
    monkeypatch.setenv("MLOPS_SETTINGS", str(file))
    monkeypatch.setenv("MLOPS_NOTIFICATIONS__OPS__URL", "https://hooks.example/x")
    found = load().notifications["ops"]
    assert (found.form, found.url.get_secret_value(), found.events) == ("teams", "https://hooks.example/x", ("merge",))
