"""A PostgreSQL of the tests' own: a cluster in a temporary folder, reached by a socket file and by no network.

The server refuses to run as root, so root lends it an account without rights.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from backend.store import Store

SUPERUSER = "mlops"
GUARDED = "guarded"
"""The one user who must give a password: `correct horse`."""
PASSWORD = "correct horse"
LOGIN_RULES = f"local all {GUARDED} scram-sha-256\nlocal all all trust\n"
# Durable against the end of a process, which is what the tests bring about, and not against that of the machine.
QUICK = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "150",
    "shared_buffers": "32MB",
}
COPYING_CAN_BE_CHOSEN = 150_000
SECONDS = 60
MEMORY = Path("/dev/shm")
"""Where copying a database writes to no disk."""
ROOM = 2**31


def _roomy(folder: Path) -> Path | None:
    """The folder if it has room for some hundred databases; containers often have little of it."""
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > ROOM else None


def program(name: str) -> str:
    """Debian keeps the server's programs out of PATH, in a folder for each version."""
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    assert found, f"{name} is missing: sudo apt-get install -y postgresql"
    return found


class Cluster:
    """One running server. `settings` are lines of postgresql.conf."""

    name = "postgresql"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mlops-pg-", dir=_roomy(MEMORY)))
        self._account = self._lend()
        self._settings = QUICK if settings is None else settings
        self._made = 0
        self._copying = ""
        self._copies: set[str] = set()

    def begin(self) -> None:
        """Make the cluster and start it, with an empty migrated database to copy from."""
        command = [program("initdb"), "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        self._run(*command, f"--username={SUPERUSER}", str(self.data))
        lines = {"listen_addresses": "''", "unix_socket_directories": f"'{self.folder}'", **self._settings}
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.data / "postgresql.auto.conf").write_text(text)
        (self.data / "pg_hba.conf").write_text(LOGIN_RULES)
        self.start()
        self.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}'")
        self.execute("CREATE DATABASE empty")
        with psycopg.connect(self._address) as connection:
            self._copying = "STRATEGY file_copy" if connection.info.server_version >= COPYING_CAN_BE_CHOSEN else ""
        store = Store(self.url("empty"))
        store.migrate()
        store.close()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, user: str = SUPERUSER, password: str = "") -> str:
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.folder}"

    def start(self) -> None:
        self._run(program("pg_ctl"), "start", "-w", "-D", str(self.data), "-l", str(self.data / "server.log"))

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` ends it as a crash does: without a word to its clients, and it recovers when it starts."""
        self._run(program("pg_ctl"), "stop", "-w", "-D", str(self.data), "-m", mode)

    def restart(self) -> None:
        self.stop()
        self.start()

    def end(self) -> None:
        try:
            if (self.data / "postmaster.pid").exists():
                self.stop()
        finally:
            shutil.rmtree(self.folder)

    def fresh(self, folder: Path | None = None, model: str | None = None) -> str:  # noqa: ARG002  # files need one
        self._made += 1
        name = f"copy_{self._made}"
        # Copying files costs half of what version 15 does by default, and is all that earlier ones can.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {model or 'empty'} {self._copying}")
        self._copies.add(name)
        return self.url(name)

    def model_of(self, store: Store) -> str:
        store.close()
        return str(store.database.engine.url.database)

    def keep(self, store: Store) -> str:
        name = self.model_of(store)
        self._copies.discard(name)
        return name

    def drop(self, url: str) -> None:
        name = str(make_url(url).database)
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._copies.discard(name)

    def clear(self) -> None:
        """Delete what the last test made and left."""
        for name in sorted(self._copies):
            self.drop(self.url(name))

    def disconnect(self, url: str) -> int:
        """End every connection to a database, as a failover does; how many there were."""
        database = make_url(url).database
        query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self._address, autocommit=True) as connection:
            return int(connection.execute(query, [database]).fetchone()[0])

    def execute(self, statement: str) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(sql.SQL(statement))

    @property
    def _address(self) -> str:
        return f"host={self.folder} user={SUPERUSER} dbname=postgres"

    def _lend(self) -> str | None:
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            with suppress(KeyError):
                account = pwd.getpwnam(name)
                os.chown(self.folder, account.pw_uid, account.pw_gid)
                return name
        raise AssertionError("there is no account without rights that could run the database")

    def _run(self, *command: str) -> None:
        # The server outlives pg_ctl and would hold its pipes open, so what it says goes to a file.
        said = self.folder.parent / f"{self.folder.name}.log"
        with said.open("w") as log:
            done = subprocess.run(
                command,
                cwd="/",
                user=self._account,
                group=pwd.getpwnam(self._account).pw_gid if self._account else None,
                extra_groups=[] if self._account else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=SECONDS,
                check=False,
            )
        text = said.read_text()
        said.unlink()
        assert done.returncode == 0, f"{command[0]}: {text[-2000:]}"
