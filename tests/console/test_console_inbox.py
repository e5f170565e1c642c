"""The bell and the inbox: what is told, to whom, read or not, and what could not be delivered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr
from visitors import claims, text

from backend.bootstrap import build
from backend.domain.people import Actor, Role
from backend.settings import Target
from backend.store.audit import Note
from console import wiring

HOSTILE = "<img src=x onerror=alert(1)> [a link](https://evil.example) `code`"
DECIDED = Note("deputy", "console", "version.approved", "model/diabetes-classifier:2", HOSTILE, after="approved")
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))


def button(app, key):
    return next(found for found in app.button if found.key == key)


def links(app):
    return [link.proto.label for link in app.main.get("page_link")] + [
        link.proto.label for link in app.sidebar.get("page_link")
    ]


@pytest.fixture
def told(empty_world):
    return empty_world.store.audit.append(DECIDED)


@pytest.fixture
def lost(empty_world, told):
    """The same, with a target that gave it up."""
    ops = Target(form="slack", url=SecretStr("http://127.0.0.1:9/secret-part"))
    settings = empty_world.wired.settings.model_copy(update={"notifications": {"ops": ops}})
    wiring.install(replace(empty_world.wired, settings=settings, backend=build(settings)))
    empty_world.store.notifications.hand_over({"ops": ["decided"]})
    from datetime import timedelta

    _, sending = empty_world.store.notifications.claim(timedelta(seconds=1))
    empty_world.store.notifications.settle(sending, "The target ops refused it (404).", None, sent=False)
    return told


def test_an_empty_inbox_says_what_would_be_there(empty_world, visit):
    app = visit("views/inbox.py")
    assert not app.exception
    assert "Nothing yet" in text(app)
    assert "No channel is told" in text(app)


def test_the_bell_counts_what_is_unread_until_it_is_read(empty_world, told, visit):
    app = visit()
    assert "Inbox, 1 unread" in links(app)
    app = visit("views/inbox.py")
    button(app, f"read_{told.sequence}").click().run()
    assert empty_world.wired.backend.inbox.unread(LEAD) == 0
    assert "Inbox" in links(app)
    assert "all read" in text(app)


def test_all_are_read_at_once_and_only_by_this_person(empty_world, told, visit):
    empty_world.store.audit.append(DECIDED)
    app = visit("views/inbox.py")
    button(app, "read_all").click().run()
    assert empty_world.wired.backend.inbox.unread(LEAD) == 0
    other = Actor(name="second", roles=frozenset({Role.LEAD}))
    assert empty_world.wired.backend.inbox.unread(other) == 2


def test_what_others_wrote_is_text(empty_world, told, visit):
    app = visit("views/inbox.py")
    (label,) = [label for label in links(app) if "v2 approved" in label]
    assert "](https" not in label.replace("\\", "\0") or "\\[" in label
    assert "<img src=x" not in text(app)


def test_what_was_given_up_shows_and_is_sent_again_by_who_may(empty_world, lost, visit):
    app = visit("views/inbox.py")
    assert "The target ops refused it (404)." in text(app)
    assert "secret-part" not in text(app)
    key = f"again_ops_{lost.sequence}"
    assert button(visit("views/inbox.py", user=claims("viewer", "viewer")), key).disabled
    button(app, key).click().run()
    assert empty_world.store.notifications.dead() == ()
