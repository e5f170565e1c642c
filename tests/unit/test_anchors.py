"""Anchors: which entry is due, what a tag says, and what contradicts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.domain.anchors import Anchor, anchor_of, compared
from backend.operations.anchoring import ANCHORED, Anchoring
from backend.store.audit import Note
from tests.recovery.hospital import OPERATOR, PROJECT, Hospital

AT = datetime(2026, 11, 26, 14, 5, 0, 123456, tzinfo=UTC)


def anchor(sequence, digit="a"):
    return Anchor(sequence=sequence, hash="sha256:" + digit * 64, at=AT)


def tags(*anchors):
    return {a.tag: a.message for a in anchors}


def hashes(*anchors):
    return {a.sequence: a.hash for a in anchors}


def test_a_tag_tells_its_anchor():
    assert anchor_of(anchor(120).message) == anchor(120)
    assert anchor_of(anchor(120).message + "\n") == anchor(120)
    assert anchor(120).tag == "ledger/120"


@pytest.mark.parametrize("text", ["", "sequence: 1", "sequence: x\nhash: sha256:0\nat: now"])
def test_another_text_is_no_anchor(text):
    assert anchor_of(text) is None
    assert anchor_of(anchor(1).message.replace("2026-11-26T", "2026-13-26T")) is None


@pytest.mark.parametrize(
    ("found", "ledger", "written", "problem"),
    [
        (tags(), {}, (), ""),
        (tags(anchor(3), anchor(9)), hashes(anchor(3), anchor(9)), (3, 9), ""),
        (tags(anchor(3)), hashes(anchor(3)), (), ""),
        (tags(anchor(3), anchor(9, "b")), hashes(anchor(3), anchor(9)), (3, 9), "anchor ledger/9: the rows up to"),
        (tags(anchor(3, "b"), anchor(9, "b")), hashes(anchor(3), anchor(9)), (3, 9), "anchor ledger/3: the rows up to"),
        (tags(anchor(3)), {}, (3,), "entry 3, which the ledger does not have"),
        (tags(anchor(9)), hashes(anchor(3), anchor(9)), (3, 9), "the tag ledger/3 is gone"),
        ({"ledger/3": ""}, hashes(anchor(3)), (3,), "the tag ledger/3 holds no anchor of entry 3"),
        ({"ledger/3": anchor(9).message}, hashes(anchor(3)), (3,), "holds no anchor of entry 3"),
    ],
)  # fmt: skip
def test_the_first_contradiction_is_named(found, ledger, written, problem):
    report = compared(found, ledger, frozenset(written))
    assert problem in report.problem
    assert bool(problem) == bool(report.problem)


@pytest.fixture
def world(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    yield hospital
    hospital.close()


def anchoring(world):
    """What is due is read from the ledger alone; GitHub is not reached."""
    return Anchoring(world.store, None, None, PROJECT, world.clock)  # type: ignore[arg-type]


def wrote(world, entry):
    world.store.audit.append_once(Note("worker", "worker", ANCHORED, f"ledger/{entry.sequence}"))


def test_an_ended_promotion_is_due_once_and_the_same_entry_until_then(world):
    due = anchoring(world).due()
    assert (due.subject, due.after) == ("promotion/click-1", "succeeded")
    world.store.audit.append(Note("viewer", "console", "person.signed_in", "person/viewer"))
    assert anchoring(world).due() == due
    wrote(world, due)
    assert anchoring(world).due() is None


def test_a_promotion_is_not_due_before_it_ended_and_is_due_however_it_ended(world):
    wrote(world, anchoring(world).due())
    world.click("2")
    for _ in range(30):
        world.tick()
    assert anchoring(world).due() is None
    world.steering.abort(OPERATOR, "click-2", "complaints from the ward")
    world.run("click-2")
    due = anchoring(world).due()
    assert (due.subject, due.after) == ("promotion/click-2", "rolled back")


def test_every_day_with_an_entry_is_due_and_a_quiet_day_is_not(world):
    wrote(world, anchoring(world).due())
    world.store.audit.append(Note("viewer", "console", "person.signed_in", "person/viewer"))
    assert anchoring(world).due() is None
    world.clock.pass_(86_400)
    due = anchoring(world).due()
    assert due.subject == "person/viewer"
    wrote(world, due)
    for _ in range(3):
        world.clock.pass_(86_400)
        assert anchoring(world).due() is None


def test_an_anchoring_is_recorded_once(world):
    due = anchoring(world).due()
    wrote(world, due)
    wrote(world, due)
    assert len(world.store.audit.entries(subject="ledger/*")) == 1
    assert world.store.audit.verify().whole
