"""PostgreSQL as a store: for several workers and consoles, on one machine or many.

It is made to give what SQLite gives by itself. Readers see one snapshot for all their statements. Writers take turns:
each begins by taking one advisory lock, and what it then reads, on whatever connection, no other writer changes.
Finer locks would gain nothing, since all writers meet at the ledger's head, and would let two clicks each see the
other's record missing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# A snapshot for each statement: one for the whole transaction would be older than the lock it waited for. Said aloud,
# because a server may have other defaults.
WRITING: dict[str, Any] = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False, "writing": True}

WRITE_LOCK = 0x6D6C6F7073
"""`mlops` in ASCII. Advisory locks are counted for each database of a server."""

# A peer that lost its power says nothing: without these, libpq waits for it for two hours.
_NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "fallback_application_name": "mlops",
}
_TAKE_TURN = (
    "SELECT set_config('lock_timeout', %(wait)s, true), "
    "set_config('idle_in_transaction_session_timeout', %(idle)s, true), pg_advisory_xact_lock(%(lock)s)"
)
_READ_ONLY = "25006"
_LOCK_NOT_AVAILABLE = "55P03"
_IDLE_TOO_LONG = "25P03"
_NOT_PERMITTED = "42501"


def open_engine(address: URL, patience: float) -> Engine:
    """`patience` bounds the waits for a connection and for a turn; who holds the lock and is frozen, half as long.

    The connections are few, since a server has about a hundred for everybody, and are tried before each use, since a
    server that restarted leaves dead ones in the pool.
    """
    engine = create_engine(
        address,
        connect_args={name: value for name, value in _NETWORK.items() if name not in address.query},
        pool_size=5,
        max_overflow=10,
        pool_timeout=patience,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    limits = {"wait": f"{int(patience * 1000)}ms", "idle": f"{int(patience * 500)}ms", "lock": WRITE_LOCK}

    def take_turn(connection: Connection) -> None:
        # Set for the transaction and not for the session, because a pooler may hand the session to somebody else.
        if connection.get_execution_options().get("writing", False):
            connection.exec_driver_sql(_TAKE_TURN, limits)

    event.listen(engine, "begin", take_turn)
    return engine


def trouble(error: DBAPIError) -> str:
    """What keeps the database from answering, if trying again later may help; "" for every other error."""
    code = getattr(error.orig, "sqlstate", None)
    if code == _LOCK_NOT_AVAILABLE:
        return "another process holds it"
    if code == _IDLE_TOO_LONG:
        return "this process was too slow, and its change was undone"
    # After a failover an old address may lead to a standby, which can be read and not written.
    if code == _READ_ONLY or error.connection_invalidated or isinstance(error, OperationalError):
        return last_words(error)
    return ""


def not_permitted(error: DBAPIError) -> bool:
    """Whether the database's own rights refuse the statement."""
    return getattr(error.orig, "sqlstate", None) == _NOT_PERMITTED


def last_words(error: DBAPIError) -> str:
    """The server's own sentence where there is one, else libpq's; no password is in either."""
    text = str(error.orig)
    said = text.rpartition("FATAL:")[2] if "FATAL:" in text else text.removeprefix("connection failed: ")
    return " ".join((said.strip().splitlines() or ["no answer"])[0].split())
