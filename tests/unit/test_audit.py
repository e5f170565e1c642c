"""The ledger: a chain that betrays every change, and a story from which the promotions can be told again."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from backend.domain.audit import AuditKind
from backend.domain.ledger_chain import entry_hash
from backend.domain.unexplained import EventKind, Look, Noticed
from backend.errors import CorruptState
from backend.operations.ledger import Ledger
from backend.store.audit import Note
from backend.store.tables import audit
from tests.recovery.cloud import Clock
from tests.recovery.hospital import LEAD, Hospital, fresh_store


@pytest.fixture
def store(tmp_path, databases):
    made = fresh_store(tmp_path, Clock(), databases)
    yield made
    made.close()


def write(store, count):
    for number in range(count):
        store.audit.append(Note("lead", "console", "note", f"subject/{number}", "why", "", "after", {"n": number}))


def test_the_chain_can_be_checked_without_our_code(store):
    write(store, 3)
    previous = ""
    for entry in reversed(store.audit.entries()):
        body = json.loads(entry.model_dump_json())
        told = body.pop("hash")
        assert body["previous"] == previous
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert told == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        previous = told


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        ("UPDATE audit SET reason = 'kinder' WHERE sequence = 3", "entry 3 was changed"),
        ("UPDATE audit SET actor = 'deputy' WHERE sequence = 1", "entry 1 was changed"),
        ("UPDATE audit SET at = '2020-01-01T00:00:00.000000Z' WHERE sequence = 2", "entry 2 was changed"),
        ("""UPDATE audit SET detail = '{"n": 9}' WHERE sequence = 4""", "entry 4 was changed"),
        ("DELETE FROM audit WHERE sequence = 3", "entry 3 is missing"),
        ("DELETE FROM audit WHERE sequence = 5", "ends at entry 4, but 5 were written"),
        ("DELETE FROM audit", "ends at entry 0, but 5 were written"),
        ("DELETE FROM audit_head", "head of the ledger is missing"),
        ("UPDATE audit SET sequence = sequence + 1 WHERE sequence = 5", "entry 5 is missing"),
    ],
)
def test_tampering_is_found_and_named(store, tamper, problem):
    write(store, 5)
    assert store.audit.verify().whole
    with store.database.writing() as connection:
        connection.exec_driver_sql(tamper)
    report = Ledger(store).verify()
    assert not report.whole
    assert problem in report.problem


def test_an_entry_changed_together_with_its_hash_breaks_the_next_one(store):
    write(store, 3)
    second = store.audit.entries()[1]
    forged = second.model_copy(update={"reason": "kinder"})
    with store.database.writing() as connection:
        changed = {"reason": forged.reason, "hash": entry_hash(forged)}
        connection.execute(update(audit).where(audit.c.sequence == 2).values(**changed))
    assert store.audit.verify().problem == "entry 3 does not follow from entry 2"


def test_nothing_is_appended_to_a_ledger_without_its_head(store):
    with store.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM audit_head")
    with pytest.raises(CorruptState, match="no head row"):
        write(store, 1)


def test_many_writers_make_one_chain(store):
    ready = threading.Barrier(10)

    def append(_):
        ready.wait()
        write(store, 5)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(append, range(10)))
    report = store.audit.verify()
    assert (report.entries, report.whole) == (50, True)


def test_entries_are_paged_and_filtered(store):
    write(store, 12)
    store.audit.append(Note("deputy", "cli", "note", "model/m:2"))
    ledger = Ledger(store)
    newest = ledger.entries(limit=5)
    assert [entry.sequence for entry in newest] == [13, 12, 11, 10, 9]
    assert [entry.sequence for entry in ledger.entries(limit=2, before=9)] == [8, 7]
    assert [entry.subject for entry in ledger.entries(actor="deputy")] == ["model/m:2"]
    assert [entry.subject for entry in ledger.entries(subject="model/*")] == ["model/m:2"]
    assert ledger.entries(subject="subject/3")[0].detail == {"n": 3}


def test_a_kind_is_chosen_before_the_entries_are_counted(store):
    def told(*kinds, limit=200):
        return [entry.subject for entry in Ledger(store).entries(limit=limit, kinds=kinds)]

    store.audit.append(Note("lead", "console", "review.approve", "pull_request/14"))
    store.audit.append(Note("lead", "console", "version.approved", "model/m:2"))
    store.audit.append(Note("lead", "console", "promotion.promote_requested", "promotion/a"))
    store.audit.append(Note("worker", "worker", "step.smoke_test.succeeded", "promotion/a"))
    store.audit.append(Note("worker", "worker", "promotion.waiting", "promotion/a"))
    store.audit.append(Note("lead", "console", "hold.set", "endpoint/e"))
    for _ in range(20):
        store.audit.append(Note("viewer", "console", "person.signed_in", "person/viewer"))
    done = (AuditKind.PULL_REQUESTS, AuditKind.MODELS, AuditKind.PROMOTIONS)
    assert told(*done, limit=4) == ["endpoint/e", "promotion/a", "model/m:2", "pull_request/14"]
    assert told(AuditKind.STEPS) == told(AuditKind.PROGRESS) == ["promotion/a"]
    assert told(AuditKind.PEOPLE) == ["person/viewer"] * 20
    assert told(AuditKind.RUNS) == told(AuditKind.SETUP) == []
    assert len(told()) == 26


def test_a_row_that_is_filed_where_nobody_looks_breaks_the_proof(store):
    store.audit.append(Note("lead", "console", "version.approved", "model/m:2"))
    with store.database.writing() as transaction:
        transaction.execute(audit.update().where(audit.c.sequence == 1).values(kind="people"))
    report = store.audit.verify()
    assert (report.whole, report.problem) == (
        False, "entry 1 is filed under people, where nobody looks for version.approved"
    )  # fmt: skip


def test_text_of_any_kind_is_kept_as_it_was(store):
    reason = "“better” – naïve 🩺\n<b>bold</b> %s ' -- \\ "
    store.audit.append(Note("lead", "console", "note", "s", reason))
    assert store.audit.entries()[0].reason == reason
    assert store.audit.verify().whole


def test_a_nul_from_a_service_becomes_its_picture(store):
    """PostgreSQL has no NUL in text, and a container's log may hold one."""
    store.audit.append(Note("lead", "console", "note", "s", "died: \0\0", "a\0", "\0b"))
    entry = store.audit.entries()[0]
    assert (entry.reason, entry.before, entry.after) == ("died: ␀␀", "a␀", "␀b")
    assert store.audit.verify().whole


@pytest.mark.recovery
def test_replaying_the_ledger_gives_every_phase(tmp_path, databases):
    hospital = Hospital.after(tmp_path, "1", staged="2", databases=databases)
    hospital.click("2")
    for _ in range(30):
        hospital.tick()
    hospital.steering.abort(LEAD, "click-2", "complaints from the ward")
    hospital.run("click-2")
    phases: dict[str, str] = {}
    for entry in reversed(hospital.store.audit.entries(limit=1000)):
        kind, _, promotion = entry.subject.partition("/")
        if kind == "promotion":
            assert entry.before == phases.get(promotion, "")
            phases[promotion] = entry.after
    assert phases == {p.id: p.phase.value for p in hospital.store.promotions.recent()}
    assert phases["click-2"] == "rolled back"
    with hospital.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE promotions SET phase = 'succeeded' WHERE id = 'click-2'")
    report = hospital.store.audit.verify()
    hospital.close()
    assert report.problem == "promotion click-2 is succeeded in its table and rolled back in the ledger"


@pytest.mark.parametrize(
    ("forgery", "problem"),
    [
        ("UPDATE approvals SET actor = 'deputy'", "the decision click-1-approval of deputy about"),
        ("UPDATE approvals SET at = '2027-01-01T00:00:00.000000Z'", "of lead about diabetes-classifier:"),
        ("UPDATE approvals SET threshold = 0.1", "is not in the ledger as its table has it"),
        ("UPDATE approvals SET acknowledged = '[]'", "is not in the ledger as its table has it"),
        ("DELETE FROM quarantines", "model diabetes-classifier:1 is in use in its table and quarantined in the ledger"),
        ("DELETE FROM holds", "the hold of diabetes-endpoint is open in its table and held in the ledger"),
        ("UPDATE unexplained_events SET state = 'explained'", "is explained in its table and open in the ledger"),
        ("DELETE FROM unexplained_events", "is missing in its table and open in the ledger"),
        ("UPDATE evidence SET body = '{}' WHERE kind = 'flips' OR kind = 'smoke'", "was changed after it was frozen"),
        ("UPDATE evidence SET version = '3' WHERE version = '2'", "which the ledger does not tell of"),
        ("UPDATE promotions SET phase = 'failed'", "is failed in its table and"),
    ],
)
def test_records_that_decisions_rest_on_agree_with_the_ledger(tmp_path, databases, forgery, problem):
    world = Hospital.after(tmp_path, "1", staged="2", databases=databases)
    world.click("2")
    world.quarantines.quarantine(LEAD, world.version("1"), "its data were recalled")
    world.steering.set_hold(LEAD, "the ward moves")
    noticed = Noticed(kind=EventKind.KEYS, subject="endpoint/diabetes-endpoint", expected="one key", actual="another")
    world.store.unexplained.take_in(Look(noticed=(noticed,)))
    assert world.store.audit.verify().whole, world.store.audit.verify().problem
    with world.store.database.writing() as connection:
        connection.exec_driver_sql(forgery)
    report = Ledger(world.store).verify()
    assert not report.whole
    assert problem in report.problem
    world.close()
