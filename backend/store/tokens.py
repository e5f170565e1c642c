"""People's GitHub tokens, sealed with the installation's key; never in a log, an error or the ledger."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr
from sqlalchemy import select

from backend.domain.clock import Clock
from backend.errors import ConfigurationError
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.tables import tokens


class Tokens:
    """`key` is 32 bytes in URL-safe base64, as `Fernet.generate_key` makes; "" means that no token can be kept."""

    def __init__(self, database: Database, audit: Audit, clock: Clock, key: SecretStr) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._key = key

    def put(self, actor: str, login: str, token: SecretStr, channel: str = "console") -> None:
        """Keep a person's token, replacing an earlier one."""
        sealed = self._fernet().encrypt(token.get_secret_value().encode()).decode()
        with self._database.writing() as transaction:
            before = transaction.execute(select(tokens.c.login).where(tokens.c.actor == actor)).scalar_one_or_none()
            transaction.execute(tokens.delete().where(tokens.c.actor == actor))
            transaction.execute(
                tokens.insert().values(actor=actor, login=login, sealed=sealed, stored_at=self._clock())
            )
            note = Note(
                actor=actor,
                channel=channel,
                action="github.connected",
                subject=f"person/{actor}",
                before=before or "",
                after=login,
            )
            self._audit.append(note, transaction)

    def token(self, actor: str) -> SecretStr | None:
        """The person's token, or None if they have not connected GitHub."""
        with self._database.reading() as connection:
            sealed = connection.execute(select(tokens.c.sealed).where(tokens.c.actor == actor)).scalar_one_or_none()
        if sealed is None:
            return None
        try:
            return SecretStr(self._fernet().decrypt(sealed.encode()).decode())
        except InvalidToken:
            # The key was changed since: the person connects again, and nobody else is disturbed.
            return None

    def login(self, actor: str) -> str | None:
        """The GitHub login a person has connected."""
        with self._database.reading() as connection:
            return connection.execute(select(tokens.c.login).where(tokens.c.actor == actor)).scalar_one_or_none()

    def forget(self, actor: str, why: str) -> None:
        """Drop a token that GitHub no longer accepts, so that the page asks the person to connect again."""
        with self._database.writing() as transaction:
            login = transaction.execute(
                tokens.delete().where(tokens.c.actor == actor).returning(tokens.c.login)
            ).scalar_one_or_none()
            if login is not None:
                note = Note(
                    actor="worker",
                    channel="worker",
                    action="github.disconnected",
                    subject=f"person/{actor}",
                    reason=why,
                    before=login,
                )
                self._audit.append(note, transaction)

    def _fernet(self) -> Fernet:
        key = self._key.get_secret_value()
        if not key:
            raise ConfigurationError("token_key", "is not set, so GitHub tokens cannot be kept; set MLOPS_TOKEN_KEY")
        try:
            return Fernet(key)
        except ValueError as error:
            raise ConfigurationError("token_key", "must be 32 bytes in URL-safe base64") from error
