"""The journal keeps the newest requests, names their callers, and never their tokens."""

from __future__ import annotations

import sqlite3

import pytest

from sandbox import journal as journal_module
from sandbox.identity.tokens import issue_access_token
from sandbox.journal import KEEP, Journal
from sandbox.world import Settings, open_world


@pytest.fixture
def world(tmp_path):
    opened = open_world(Settings(home=tmp_path, runtime_python=None, runner_python=None))
    yield opened
    opened.documents.close()
    opened.events.close()


@pytest.fixture
def journal(tmp_path, world):
    opened = Journal(tmp_path / "journal.db", world)
    opened.start()
    yield opened
    opened.stop()


def _row(path="/subscriptions", service="arm", status=200):
    return {
        "at": "2026-03-02T08:00:00.000+00:00",
        "service": service,
        "method": "GET",
        "path": path,
        "api_version": "2024-04-01",
        "user_agent": "tests",
        "status": status,
        "ms": 1.5,
    }


def test_caller_is_named_and_the_token_forgotten(world, journal, tmp_path):
    token = issue_access_token(world, "mlops-worker", "https://management.azure.com")
    journal.record(_row(), f"Bearer {token}")
    journal.record(_row(), "Bearer invented.by.somebody")
    assert [entry.principal for entry in journal.entries()] == ["", "mlops-worker"]
    for path in tmp_path.glob("journal.db*"):
        assert token.encode() not in path.read_bytes()


def test_newest_first_and_by_service_and_path(journal):
    journal.record(_row("/subscriptions/1"), None)
    journal.record(_row("/api/v3/user", "github"), None)
    journal.record(_row("/subscriptions/2/Jobs/a"), None)
    assert [entry.path for entry in journal.entries(2)] == ["/subscriptions/2/Jobs/a", "/api/v3/user"]
    assert [entry.path for entry in journal.entries(service="github")] == ["/api/v3/user"]
    assert [entry.path for entry in journal.entries(contains="/jobs/")] == ["/subscriptions/2/Jobs/a"]


def test_oldest_are_dropped(journal, tmp_path):
    extra = 100
    for number in range(KEEP + extra):
        journal.record(_row(f"/{number}"), None)
    assert journal.entries(1)[0].path == f"/{KEEP + extra - 1}"
    with sqlite3.connect(tmp_path / "journal.db") as reader:
        assert reader.execute("SELECT count(*) FROM requests").fetchone() == (KEEP,)
    reader.close()


def test_what_is_queued_survives_a_clean_end(tmp_path, world):
    first = Journal(tmp_path / "other.db", world)
    first.start()
    first.record(_row("/last"), None)
    first.stop()
    second = Journal(tmp_path / "other.db", world)
    second.start()
    assert [entry.path for entry in second.entries()] == ["/last"]
    second.stop()


def test_batches_are_written_without_being_asked_for(journal, tmp_path):
    journal.record(_row("/quiet"), None)
    for _ in range(50):
        with sqlite3.connect(tmp_path / "journal.db") as reader:
            found = reader.execute("SELECT path FROM requests").fetchall()
        reader.close()
        if found:
            break
        journal_module.time.sleep(journal_module.BATCH_SECONDS / 2)
    assert found == [("/quiet",)]
