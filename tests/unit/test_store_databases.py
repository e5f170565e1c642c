"""What the store asks of a database, in both kinds of it: schema, snapshots, turns, absence, and a way to it at all."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import collate, func, select
from sqlalchemy.engine import make_url

from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.errors import ConfigurationError, Conflict, CorruptState, RemoteUnavailable
from backend.store import Store
from backend.store.audit import Note
from backend.store.database import Database
from backend.store.tables import audit, heartbeats, metadata
from tests.databases import FILES
from tests.postgres import GUARDED, PASSWORD
from tests.recovery.cloud import Clock
from tests.recovery.hospital import Hospital

ROOT = Path(__file__).resolve().parents[2]
NOTE = Note("lead", "console", "note", "s", "why")


@pytest.fixture
def url(tmp_path, databases):
    return databases.fresh(tmp_path)


@pytest.fixture
def bare(tmp_path, databases, request):
    """The address of a database without any table."""
    if databases is FILES:
        return f"sqlite:///{tmp_path}/new/folder/console.db"
    return request.getfixturevalue("cluster").fresh(model="template0")


@pytest.fixture
def opened():
    """`opened(url)`: a store as another process would open it, closed after the test."""
    made = []

    def open_(url, **options):
        made.append(Store(url, **options))
        return made[-1]

    yield open_
    for store in made:
        store.close()


def test_the_migrations_make_the_tables(bare, opened):
    store = opened(bare)
    store.migrate()
    store.migrate()
    with store.database.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        guard = [index for index in metadata.tables["promotions"].indexes if index.name == "one_active_promotion"]
        found = connection.dialect.get_indexes(connection, "promotions")
    assert differences == []
    assert [index["unique"] for index in found if index["name"] == guard[0].name] == [True]


def test_a_file_is_in_wal_mode_and_heeds_foreign_keys(tmp_path, opened):
    folder = tmp_path / "ann@hospital"
    folder.mkdir()
    with opened(FILES.fresh(folder)).database.reading() as connection:
        assert [connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "foreign_keys")] == [
            "wal",
            1,
        ]


@pytest.mark.recovery
def test_processes_that_start_together_migrate_once(bare):
    """Worker and console started by the same command: each brings an empty database up to date."""
    code = (
        f"from alembic import command; from backend.store import Store; store = Store({bare!r})\n"
        "print('ready', flush=True); input(); store.migrate(); print(store.audit.verify().whole)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in started] == ["True"] * 4


def test_a_database_of_a_newer_release_is_left_alone(url, opened):
    store = opened(url)
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CorruptState, match="unknown release"):
        store.migrate()


def test_moments_sort_as_time_does_in_every_language(url, opened):
    """Also where a database compares text by a language's rules, as most servers are set up."""
    start = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)
    steps = (0.000001, 0.9, 1, 59, 3600, 86_400, 40_000_000)
    moments = [start + timedelta(seconds=sum(steps[:n]) * (-1) ** n) for n in range(len(steps) + 1)]
    store = opened(url)
    with store.database.writing() as connection:
        for number, moment in enumerate(moments):
            connection.execute(heartbeats.insert().values(worker=str(number), at=moment))
        at = heartbeats.c.at
        order = at if store.database.engine.name == "sqlite" else collate(at, "de-x-icu")
        assert list(connection.execute(select(at).order_by(order)).scalars()) == sorted(moments)
        assert connection.execute(select(func.max(heartbeats.c.at))).scalar_one() == max(moments)
        before = connection.execute(select(heartbeats.c.at).where(heartbeats.c.at < start)).scalars()
        assert set(before) == {moment for moment in moments if moment < start}


def test_a_reader_sees_one_moment_however_many_questions_it_asks(url, opened):
    """Otherwise a ledger that grows while it is verified would seem to be cut off."""
    reader, writer = opened(url), opened(url)
    writer.audit.append(NOTE)
    with reader.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(audit)).scalar_one() == 1
        writer.audit.append(NOTE)
        assert connection.execute(select(func.count()).select_from(audit)).scalar_one() == 1
    assert reader.audit.verify().entries == 2


def test_what_a_writer_looks_at_stays_so_until_it_has_written(url, opened):
    """Two processes that each look first and write then: the second sees what the first wrote, on any connection."""
    seen = []
    ready = threading.Barrier(6)

    def look_then_write(store):
        ready.wait()
        with store.writing() as transaction:
            seen.append(len(store.audit.entries()))
            store.audit.append(NOTE, transaction)

    stores = [opened(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(look_then_write, stores))
    assert sorted(seen) == [0, 1, 2, 3, 4, 5]


def test_forty_clicks_at_once_share_few_connections(url, opened):
    """Each holds a transaction and reads beside it; none may wait for a connection that another one holds."""
    store = opened(url)

    def click(_):
        with store.writing() as transaction:
            store.audit.entries()
            store.audit.append(NOTE, transaction)

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(click, range(40)))
    assert store.audit.verify().entries == 40


def test_two_processes_with_the_same_wish_record_one(url, opened):
    """By two keys, so that no primary key stands guard: only the look before the insert does."""
    ready = threading.Barrier(8)

    def wish(number):
        store = opened(url, clock=Clock())
        store.intents.of_pull_request(7)
        intent = Intent(
            id=f"wish-{number}", kind=IntentKind.MERGE, pull_request=7, head_sha="a" * 40, actor="lead",
            reason="read and understood", state=IntentState.PENDING, outcome="", created_at=Clock()(),
        )  # fmt: skip
        ready.wait()
        try:
            return store.intents.record(intent, "console").id
        except Conflict as conflict:
            return conflict

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(wish, range(8)))
    assert len([answer for answer in answers if isinstance(answer, str)]) == 1


def test_two_workers_share_the_work_and_each_piece_is_done_once(tmp_path, databases, opened):
    """Eight wishes and two processes with four threads each: every wish is claimed by one of them."""
    url = databases.fresh(tmp_path)
    clock = Clock()
    for number in range(8):
        opened(url, clock=clock).intents.record(
            Intent(
                id=str(number), kind=IntentKind.MERGE, pull_request=number, head_sha="a" * 40, actor="lead",
                reason="read and understood", state=IntentState.PENDING, outcome="", created_at=clock(),
            ),
            "console",
        )  # fmt: skip
    stores = [opened(url, clock=clock) for _ in range(2)]
    ready = threading.Barrier(8)

    def work(store):
        ready.wait()
        claimed = []
        while (found := store.intents.claim(30)) is not None:
            claimed.append(found)
            store.intents.finish(found, IntentState.SUCCEEDED, "done")
        return claimed

    with ThreadPoolExecutor(8) as pool:
        claims = [claim for mine in pool.map(work, stores * 4) for claim in mine]
    assert sorted(claim.intent.id for claim in claims) == [str(n) for n in range(8)]
    assert {claim.fence for claim in claims} == {1}


def test_a_writer_that_must_wait_too_long_is_told_so(url):
    first, second = Database(url), Database(url, patience=0.3)
    with first.writing(), pytest.raises(RemoteUnavailable, match="another process holds it"), second.writing():
        pass
    first.close()
    second.close()


def test_a_thread_that_must_wait_too_long_is_told_so(tmp_path):
    database = Database(FILES.fresh(tmp_path), patience=0.3)
    with (
        database.writing(),
        pytest.raises(RemoteUnavailable, match="other changes of this process"),
        database.writing(),
    ):
        pass
    database.close()


def test_a_pool_without_a_free_connection_says_so(cluster):
    database = Database(cluster.fresh(), patience=0.3)
    held = [database.engine.connect() for _ in range(15)]
    with pytest.raises(RemoteUnavailable, match="all connections of this process are in use"), database.reading():
        pass
    for connection in held:
        connection.close()
    database.close()
    cluster.clear()


def test_a_frozen_writer_does_not_hold_the_others_for_ever(cluster):
    """The server ends its transaction; when it thaws, it learns that its change was undone."""
    url = cluster.fresh()
    frozen, others = Store(url), Store(url)
    frozen.database.close()
    frozen.database = Database(url, patience=0.6)

    def thaw():
        with frozen.database.writing() as transaction:
            frozen.audit.append(NOTE, transaction)
            others.audit.append(NOTE)
            frozen.audit.append(NOTE, transaction)

    with pytest.raises(RemoteUnavailable, match=r"undone|terminating connection|closed"):
        thaw()
    assert others.audit.verify().entries == 1
    for store in (frozen, others):
        store.close()
    cluster.clear()


def test_a_restarted_server_costs_the_changes_under_way_and_no_other(cluster):
    """Connections of the pool are dead then; a change that was not committed is undone, one that was is kept."""
    url = cluster.fresh()
    store = Store(url)
    store.audit.append(NOTE)

    def interrupted():
        with store.writing() as transaction:
            store.audit.append(NOTE, transaction)
            cluster.restart()
            store.audit.append(NOTE, transaction)

    with pytest.raises(RemoteUnavailable, match="does not answer"):
        interrupted()
    assert store.audit.append(NOTE).sequence == 2
    assert store.audit.verify().entries == 2
    cluster.stop()
    with pytest.raises(RemoteUnavailable, match="does not answer"):
        store.audit.entries()
    cluster.start()
    assert len(store.audit.entries()) == 2
    store.close()
    cluster.clear()


def test_the_longest_names_that_are_let_in_fit(tmp_path, databases):
    hospital = Hospital.after(tmp_path, "1", staged="2", databases=databases)
    key = "k" * 80
    hospital.click("2", key)
    hospital.run(key)
    assert hospital.store.promotions.get(key).phase.final
    assert hospital.store.retirements.open(hospital.store.promotions.get(key).target.endpoint)
    hospital.close()


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"mlops:{SECRET}", "not a database URL"),
        (f"postgresql://mlops:{SECRET}@db:54x32/console", "not a database URL"),
        (f"postgresql://mlops:x@{SECRET}:y@db/console", "not a database URL"),
        (f"mysql://mlops:{SECRET}@db/console", "'mysql' is not supported"),
        (f"postgresql+psycopg2://mlops:{SECRET}@db/console", "'postgresql.psycopg2' is not supported"),
        (f"postgres://mlops:{SECRET}@db/console", "'postgres' is not supported"),
        (f"postgresql://mlops:p@{SECRET}@db/console", "must be written as %40"),
        (f"postgresql://mlops:p@{SECRET}/x@db/console", "must be written as %40"),
    ],
)
def test_an_address_that_cannot_be_is_refused_without_repeating_it(url, problem):
    with pytest.raises(ConfigurationError, match=problem) as caught:
        Store(url)
    assert caught.value.setting == "store.url"
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.fixture
def wrong_ways(cluster):
    """Addresses that lead to no usable database, by what is wrong with them."""
    guarded = cluster.url("empty", GUARDED, SECRET)
    closed = f"postgresql://mlops:{SECRET}@127.0.0.1:1/console"
    return {
        'password authentication failed for user "guarded"': guarded,
        'database "nowhere" does not exist': cluster.url("nowhere", password=SECRET),
        "Connection refused": closed,
    }


@pytest.mark.parametrize(
    "problem",
    ['password authentication failed for user "guarded"', 'database "nowhere" does not exist', "Connection refused"],
)
def test_without_a_way_to_the_database_a_process_ends_at_once_and_names_the_setting(wrong_ways, problem, caplog):
    caplog.set_level(logging.DEBUG)
    store = Store(wrong_ways[problem])
    with pytest.raises(ConfigurationError, match=r"^store\.url: cannot connect to") as caught:
        store.migrate()
    assert problem in str(caught.value)
    assert caught.value.exit_code == 78
    assert SECRET not in f"{caught.value} {store!r} {store.database.engine!r} {caplog.text}"
    store.close()


def test_a_user_with_the_password_and_without_rights_is_told_what_is_missing(cluster):
    bare = make_url(cluster.fresh(model="template0")).database
    store = Store(cluster.url(bare, GUARDED, PASSWORD.replace(" ", "%20")))
    with pytest.raises(
        ConfigurationError, match=r"^store\.url: its user may not make tables .*let it own the database"
    ):
        store.migrate()
    store.close()
    cluster.clear()
