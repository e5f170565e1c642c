"""Delegations, overrides and quarantine as records, in both kinds of database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backend.domain.approvals import Delegation, Override, Quarantine
from backend.errors import Conflict, NotFound
from backend.store import Store
from backend.store.audit import Note
from tests.recovery.cloud import Clock

NOTE = Note("lead", "console", "note", "s", "why")


@pytest.fixture
def store(tmp_path, databases):
    made = Store(databases.fresh(tmp_path), Clock())
    yield made
    report = made.audit.verify()
    made.close()
    assert report.whole, report.problem


def rows(store):
    return len(store.audit.entries())


def at_once(*calls):
    """All of them at the same moment; what each answered or raised."""
    ready = threading.Barrier(len(calls))

    def run(call):
        ready.wait()
        try:
            return call()
        except Conflict as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_a_delegation_is_recorded_once_and_revoked_once(store):
    now = Clock()()
    made = Delegation(id="d", person="carol", delegate="dave", reason="away", since=now, until=now + timedelta(days=1))
    first, second = at_once(*2 * [lambda: store.delegations.record(made, NOTE)])
    assert first.id == second.id == "d"
    with pytest.raises(Conflict, match="another delegate"):
        store.delegations.record(made.model_copy(update={"delegate": "erin"}), NOTE)
    ended = at_once(*2 * [lambda: store.delegations.revoke("d", now, NOTE)])
    assert {one.revoked_at for one in ended} == {now}
    assert (store.delegations.every()[0].revoked_at, rows(store)) == (now, 2)
    with pytest.raises(NotFound):
        store.delegations.revoke("x", now, NOTE)


def test_an_override_is_added_to_and_never_rewritten(store):
    now = Clock()()
    asked = Override(
        id="o", model="m", version="2", digest="sha256:2", threshold=0.5, gate_file="g", gates=("a", "b"),
        asked_by="lead", reason="only this", asked_at=now, ends_at=now + timedelta(hours=1),
    )  # fmt: skip
    assert store.overrides.ask(asked, NOTE) == store.overrides.ask(asked, NOTE) == asked
    with pytest.raises(Conflict, match="another gates"):
        store.overrides.ask(asked.model_copy(update={"gates": ("a",)}), NOTE)
    with store.writing() as transaction:
        store.overrides.confirm("o", "deputy", "agreed", now, NOTE, transaction)
    with store.writing() as transaction:
        store.overrides.end("o", "lead", now, NOTE, transaction)
    (kept,) = store.overrides.of_version("m", "2")
    assert (kept.gates, kept.asked_by, kept.confirmed_by, kept.ended_by) == (("a", "b"), "lead", "deputy", "lead")
    assert rows(store) == 3
    with pytest.raises(NotFound):
        store.overrides.get("x")


def test_a_quarantine_holds_the_version_and_its_bytes_and_is_set_once(store):
    def held(by):
        return Quarantine(model="m", version="2", digest="sha256:2", reason="recalled", set_by=by, set_at=Clock()())

    answers = at_once(*(lambda by=by: store.quarantines.set(held(by), NOTE) for by in ("lead", "operator")))
    assert len({one.set_by for one in answers}) == 1
    assert rows(store) == 1
    assert store.quarantines.on("m", "2", "").version == "2"
    assert store.quarantines.on("m", "3", "sha256:2").version == "2"
    assert store.quarantines.on("m", "3", "") is None
    assert store.quarantines.on("other", "2", "sha256:2") is None
    assert store.quarantines.release("m", "2", NOTE) is not None
    assert store.quarantines.release("m", "2", NOTE) is None
    assert (store.quarantines.on("m", "2", "sha256:2"), rows(store)) == (None, 2)
