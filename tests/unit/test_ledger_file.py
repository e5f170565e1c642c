"""The exported ledger proves itself, names the first broken row, and answers what served, without a database."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest

from backend.domain.audit import AuditEntry
from backend.domain.ledger_chain import entry_hash
from backend.errors import Invalid, NotFound
from backend.operations import ledger_file
from backend.operations.auditing import Auditing, interval, served_by_file, verified_file
from backend.store.audit import Note
from tests.recovery.cloud import Clock
from tests.recovery.hospital import PROJECT, Hospital, fresh_store

ROOT = Path(__file__).parents[2]
CORRUPT = 4


@pytest.fixture
def store(tmp_path):
    made = fresh_store(tmp_path, Clock())
    yield made
    made.close()


def write(store, count):
    for number in range(count):
        reason = f"“why” {number}\n<b>\u2028 naïve 🩺 \u0000"
        store.audit.append(Note("lead", "console", "note", f"subject/{number}", reason, "", "after", {"n": number}))


@pytest.fixture
def exported(store, tmp_path):
    write(store, 6)
    path = tmp_path / "out" / "ledger.jsonl"
    assert Auditing(store, PROJECT, Clock()).save(path) == 6
    return path


def change(path, edit):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(edit(lines)))
    return verified_file(path)


def test_a_whole_ledger_is_whole(exported):
    report = verified_file(exported)
    assert (report.entries, report.whole, report.problem) == (6, True, "")


def test_a_stranger_can_check_it_with_sha256_alone(exported):
    previous = ""
    lines = exported.read_bytes().splitlines()
    for line in lines[:-1]:
        body, _, told = line.removeprefix(b'{"body":').rpartition(b',"hash":"')
        assert told.removesuffix(b'"}').decode() == "sha256:" + hashlib.sha256(body).hexdigest()
        assert json.loads(line)["body"] == json.loads(body)
        assert json.loads(body)["previous"] == previous
        previous = json.loads(line)["hash"]
    assert json.loads(lines[-1])["head"]["hash"] == previous


def test_what_is_exported_is_what_was_recorded(store, exported):
    assert tuple(ledger_file.Rows(exported)) == tuple(reversed(store.audit.entries()))


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda rows: [rows[0], rows[1].replace(b"lead", b"Lead"), *rows[2:]], "entry 2 was changed"),
        (lambda rows: [rows[0], rows[1].replace(b'"n":1', b'"n": 1'), *rows[2:]], "entry 2 was changed"),
        (lambda rows: [*rows[:2], *rows[3:]], "entry 3 is missing"),
        (lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]], "entry 3 is missing: the next one found is 4"),
        (lambda rows: [*rows[:2], rows[1], *rows[2:]], "entry 3 is missing: the next one found is 2"),
        (lambda rows: rows[1:], "entry 1 is missing"),
        (lambda rows: [*rows[:5], rows[6]], "ends at entry 5, but 6 were written"),
        (lambda rows: rows[:4], "the head is missing: the file was cut after entry 4"),
        (lambda rows: rows[:0], "the file was cut after entry 0"),
        (lambda rows: [*rows[:3], rows[3][:50]], "entry 4 cannot be read"),
        (lambda rows: [rows[0], b"\xff\xfe" + rows[1], *rows[2:]], "entry 2 cannot be read"),
        (lambda rows: [rows[0], b"\n", *rows[1:]], "entry 2 cannot be read"),
        (lambda rows: [*rows, rows[5]], "something after the head"),
        (lambda rows: [*rows[:6], b'{"head":{}}\n'], "entry 7 cannot be read: its place is taken by a head"),
        (lambda rows: [*rows[:6], rows[6].replace(b"ledger/1", b"ledger/9")], "format 'mlops-ledger/9'"),
    ],
)
def test_the_first_broken_row_is_named(exported, edit, problem):
    report = change(exported, edit)
    assert not report.whole
    assert problem in report.problem


def test_a_row_changed_together_with_its_hash_breaks_the_next_one(exported):
    def forge(rows):
        told = json.loads(rows[1])
        entry = AuditEntry.model_validate({**told["body"], "hash": "", "actor": "deputy"})
        forged = next(ledger_file.lines([entry.model_copy(update={"hash": entry_hash(entry)})], Clock()()))
        return [rows[0], forged, *rows[2:]]

    assert change(exported, forge).problem == "entry 3 does not follow from entry 2"


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(NotFound, match=r"none\.jsonl cannot be read: No such file"):
        verified_file(tmp_path / "none.jsonl")


def test_an_export_that_breaks_off_leaves_the_file_before_it(exported):
    before = exported.read_bytes()

    def broken():
        yield b"half"
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        ledger_file.write(exported, broken())
    assert exported.read_bytes() == before
    assert [path.name for path in exported.parent.iterdir()] == ["ledger.jsonl"]


def endless(clock, count):
    previous = ""
    for sequence in range(1, count + 1):
        entry = AuditEntry(
            sequence=sequence, at=clock(), actor="worker", channel="worker", action="note", subject="s/1",
            reason="a reason of the usual length, or a little longer than that", before="", after="after",
            detail={"n": sequence}, previous=previous, hash="",
        )  # fmt: skip
        previous = entry_hash(entry)
        yield entry.model_copy(update={"hash": previous})


@pytest.mark.recovery
def test_a_hundred_thousand_rows_are_proved_in_little_memory(tmp_path):
    path = tmp_path / "long.jsonl"
    ledger_file.write(path, ledger_file.lines(endless(Clock(), 100_000), Clock()()))
    tracemalloc.start()
    report = verified_file(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (report.entries, report.whole) == (100_000, True)
    assert path.stat().st_size > 30_000_000
    assert peak < 3_000_000


def test_an_endless_line_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "wide.jsonl"
    with path.open("wb") as file:
        file.write(b'{"body":')
        file.truncate(200_000_000)
    tracemalloc.start()
    report = verified_file(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "entry 1 cannot be read" in report.problem
    assert peak < 5 * ledger_file.LONGEST_LINE


def test_the_database_is_streamed(store):
    write(store, 50)
    assert [entry.sequence for entry in islice(store.audit.stream(), 3)] == [1, 2, 3]
    assert len(list(store.audit.stream())) == 50


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T14:05", "2026-11-23T14:05:00+00:00"),
        ("2026-11-23 14:05:30", "2026-11-23T14:05:30+00:00"),
        ("2026-11-23T14:05+01:00", "2026-11-23T13:05:00+00:00"),
        ("2026-11-23T14:05Z", "2026-11-23T14:05:00+00:00"),
        (" 2026-11-23 ", "2026-11-23T00:00:00+00:00"),
    ],
)
def test_moments_are_read_in_utc(text, moment):
    start, end = interval(text)
    assert start.isoformat() == moment
    assert (end is None) == ("14" in text)


@pytest.mark.parametrize("text", ["", "yesterday", "23.11.2026", "2026-13-01", "2026-02-30", "9999-12-31", "14:05"])
def test_what_is_no_moment_is_refused_with_an_example(text):
    with pytest.raises(Invalid, match="such as 2026-11-23T14:05"):
        interval(text)


def mlops(home, *arguments):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    return subprocess.run(
        [sys.executable, "-m", "backend", "audit", *arguments], cwd=ROOT, env={**clean, "MLOPS_HOME": str(home)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_auditor_at_a_terminal_needs_the_file_only(tmp_path):
    world = Hospital.after(tmp_path, "1", "2")
    auditing = Auditing(world.store, PROJECT, world.clock)
    path = tmp_path / "ledger.jsonl"
    auditing.save(path)
    when = f"{world.clock():%Y-%m-%dT%H:%M:%S}"
    assert served_by_file(path, when) == auditing.served(when)

    nowhere = tmp_path / "no settings here"
    assert (
        mlops(nowhere, "verify", "--file", str(path)).stdout
        == f"Whole: {len(list(world.store.audit.stream()))} entries\n"
    )
    told = json.loads(mlops(nowhere, "at", when, "--file", str(path), "--json").stdout)
    assert [share["version"] for share in told[0]["shares"]] == ["2"]
    shown = mlops(nowhere, "at", when, "--file", str(path)).stdout
    version = world.version("2")
    for fact in (
        "v2 served.",
        version.digest,
        version.lineage.commit,
        "pull request #2",
        "lead",
        "approved",
        "evidence",
    ):
        assert fact in shown

    broken = tmp_path / "broken.jsonl"
    shutil.copyfile(path, broken)
    change(broken, lambda rows: [*rows[:3], *rows[4:]])
    done = mlops(nowhere, "verify", "--file", str(broken))
    assert done.returncode == CORRUPT
    assert "broken.jsonl is not whole: entry 4 is missing" in done.stderr
    with pytest.raises(Invalid, match="is not whole: entry 4 is missing"):
        served_by_file(broken, when)
    world.close()


def test_a_moment_that_has_not_been_is_refused(tmp_path):
    world = Hospital.after(tmp_path, "1")
    auditing = Auditing(world.store, PROJECT, world.clock)
    with pytest.raises(Invalid, match="2026-03-04 00:00:00 UTC has not been recorded: it is 2026-03-03"):
        auditing.served("2026-03-04")
    path = tmp_path / "ledger.jsonl"
    auditing.save(path)
    with pytest.raises(Invalid, match=r"ledger.jsonl was made at 2026-03-03"):
        served_by_file(path, "2026-03-03T23:59")
    assert auditing.served("2026-03-03")[-1].sentence == "v1 served."
    assert auditing.served("2026-03-02")[0].sentence.startswith("The ledger begins at 2026-03-03")
    world.close()
