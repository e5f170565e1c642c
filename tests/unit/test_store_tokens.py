"""People's tokens in our database: sealed, renewed by one process at a time, written only over what was read."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from pydantic import SecretStr

from backend.domain.people import GitHubGrant
from backend.errors import ConfigurationError
from backend.store import MIGRATIONS, Store
from tests.recovery.cloud import Clock
from tests.recovery.hospital import fresh_store

KEY = SecretStr(Fernet.generate_key().decode())
HOURS = timedelta(hours=8)
LEASE = 60.0


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    fresh_store(tmp_path, clock).close()
    made = Store(f"sqlite:///{tmp_path / 'console.db'}", clock, KEY)
    yield made
    report = made.audit.verify()
    made.close()
    assert report.whole, report.problem


def grant(clock, name="first"):
    return GitHubGrant(
        access=SecretStr(f"ghu_{name}-topsecret"),
        refresh=SecretStr(f"ghr_{name}-topsecret"),
        expires_at=clock() + HOURS,
    )


@pytest.fixture
def held(store, clock):
    store.tokens.put("lead", "lee-lead", grant(clock))
    return store.tokens.held("lead")


def told(store):
    return [(e.actor, e.action, e.before, e.after) for e in store.audit.entries(subject="person/lead")]


def test_tokens_are_sealed_at_rest_and_named_nowhere(store, tmp_path, clock, held):
    assert (held.login, held.grant) == ("lee-lead", grant(clock))
    assert "topsecret" not in repr(held)
    assert store.tokens.held("viewer") is None
    with sqlite3.connect(tmp_path / "console.db") as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert "lee-lead" in dump
    assert "topsecret" not in dump


def test_with_another_key_a_token_cannot_be_read_and_stays(store, tmp_path, clock, held):
    other = Store(f"sqlite:///{tmp_path / 'console.db'}", clock, SecretStr(Fernet.generate_key().decode()))
    assert other.tokens.held("lead") is None
    other.close()
    assert store.tokens.held("lead") == held


@pytest.mark.parametrize("key", ["", "too short"])
def test_without_a_usable_key_no_token_is_kept(tmp_path, clock, key):
    fresh_store(tmp_path, clock).close()
    store = Store(f"sqlite:///{tmp_path / 'console.db'}", clock, SecretStr(key))
    with pytest.raises(ConfigurationError, match="token_key"):
        store.tokens.put("lead", "lee-lead", grant(clock))
    store.close()


def test_a_token_kept_by_the_first_release_has_no_expiry(tmp_path, clock):
    """It is used until GitHub refuses it, and the person then connects again, as before."""
    store = Store(f"sqlite:///{tmp_path / 'console.db'}", clock, KEY)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    sealed = Fernet(KEY.get_secret_value()).encrypt(b"ghu_of-the-first-release").decode()
    with store.database.writing() as transaction:
        config.attributes["connection"] = transaction
        command.upgrade(config, "0001")
        row = ("lead", "lee-lead", sealed, "2026-11-23T18:00:00.000000Z")
        transaction.exec_driver_sql("INSERT INTO tokens (actor, login, sealed, stored_at) VALUES (?, ?, ?, ?)", row)
    store.migrate()
    held = store.tokens.held("lead")
    store.close()
    assert held.grant == GitHubGrant(access=SecretStr("ghu_of-the-first-release"))


def test_one_renewal_at_a_time_until_its_lease_ends(store, clock, held):
    until = store.tokens.begin_renewal(held, LEASE)
    assert until == clock() + timedelta(seconds=LEASE)
    assert store.tokens.begin_renewal(held, LEASE) is None
    clock.pass_(LEASE + 1)
    second = store.tokens.begin_renewal(held, LEASE)
    assert second is not None
    store.tokens.end_renewal(held, until)
    assert store.tokens.begin_renewal(held, LEASE) is None, "the first one's end must not give away the second's right"
    store.tokens.end_renewal(held, second)
    assert store.tokens.begin_renewal(held, LEASE) is not None


def test_of_many_processes_one_takes_the_renewal(tmp_path, clock, held):
    stores = [Store(f"sqlite:///{tmp_path / 'console.db'}", clock, KEY) for _ in range(6)]
    start = Barrier(len(stores))

    def take(store):
        start.wait(10)
        return store.tokens.begin_renewal(held, LEASE)

    with ThreadPoolExecutor(len(stores)) as pool:
        taken = list(pool.map(take, stores))
    for store in stores:
        store.close()
    assert len([until for until in taken if until is not None]) == 1


def test_a_renewed_token_replaces_the_one_it_came_from(store, clock, held):
    store.tokens.begin_renewal(held, LEASE)
    clock.pass_(1)
    renewed = store.tokens.replace(held, grant(clock, "second"))
    assert store.tokens.held("lead") == renewed
    assert (renewed.login, renewed.grant) == ("lee-lead", grant(clock, "second"))
    assert renewed.mark != held.mark
    assert store.tokens.begin_renewal(held, LEASE) is None, "the old one is spent"
    assert store.tokens.begin_renewal(renewed, LEASE) is not None, "the new one's renewal is free"
    assert told(store) == [("lead", "github.connected", "", "lee-lead")]


def test_a_person_who_connected_meanwhile_wins(store, clock, held):
    until = store.tokens.begin_renewal(held, LEASE)
    store.tokens.put("lead", "lee-lead", grant(clock, "by hand"))
    assert store.tokens.replace(held, grant(clock, "late")) is None
    assert not store.tokens.forget(held, "GitHub no longer renews the token.", until)
    assert store.tokens.held("lead").grant == grant(clock, "by hand")


def test_a_refused_token_is_forgotten_with_an_entry(store, held):
    until = store.tokens.begin_renewal(held, LEASE)
    assert store.tokens.forget(held, "GitHub no longer renews the token.", until)
    assert store.tokens.held("lead") is None
    assert store.tokens.login("lead") is None
    assert not store.tokens.forget(held, "GitHub no longer renews the token.", until)
    assert told(store) == [
        ("worker", "github.disconnected", "lee-lead", ""),
        ("lead", "github.connected", "", "lee-lead"),
    ]


def test_a_token_under_renewal_is_forgotten_by_its_renewer_only(store, clock, held):
    """GitHub refuses the old token as soon as the new one is out: who used it meanwhile must not drop the row."""
    store.tokens.begin_renewal(held, LEASE)
    assert not store.tokens.forget(held, "GitHub no longer accepts the token.")
    assert store.tokens.replace(held, grant(clock, "second")) is not None
