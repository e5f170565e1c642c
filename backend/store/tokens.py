"""People's GitHub tokens, sealed with the installation's key; never in a log, an error or the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken
from pydantic import SecretStr
from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from backend.domain.clock import Clock
from backend.domain.people import GitHubGrant
from backend.errors import ConfigurationError
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.tables import tokens


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A person's token as it is kept. `mark` differs from one token to the next, so that a write can say which."""

    actor: str
    login: str
    grant: GitHubGrant
    mark: str


class Tokens:
    """`key` is 32 bytes in URL-safe base64, as `Fernet.generate_key` makes; "" means that no token can be kept.

    A refresh token can be spent once. Whoever spends it takes the renewal first (`begin_renewal`, a lease), and what
    comes of it is written only over the token it came from (`mark`): a person who connected meanwhile wins.
    """

    def __init__(self, database: Database, audit: Audit, clock: Clock, key: SecretStr) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._key = key

    def put(self, actor: str, login: str, grant: GitHubGrant, channel: str = "console") -> None:
        """Keep what a person has lent us, replacing an earlier token and ending its renewal."""
        values = self._sealed(grant)
        with self._database.writing() as transaction:
            before = transaction.execute(select(tokens.c.login).where(tokens.c.actor == actor)).scalar_one_or_none()
            transaction.execute(tokens.delete().where(tokens.c.actor == actor))
            transaction.execute(tokens.insert().values(actor=actor, login=login, **values))
            note = Note(
                actor=actor,
                channel=channel,
                action="github.connected",
                subject=f"person/{actor}",
                before=before or "",
                after=login,
            )
            self._audit.append(note, transaction)

    def held(self, actor: str) -> HeldToken | None:
        """The person's token, or None if they have not connected GitHub."""
        with self._database.reading() as connection:
            return self._held(connection, actor)

    def login(self, actor: str) -> str | None:
        """The GitHub login a person has connected."""
        with self._database.reading() as connection:
            return connection.execute(select(tokens.c.login).where(tokens.c.actor == actor)).scalar_one_or_none()

    def accounts(self, login: str) -> tuple[str, ...]:
        """Who has connected this GitHub account."""
        same = func.lower(tokens.c.login) == login.lower()
        with self._database.reading() as connection:
            return tuple(connection.execute(select(tokens.c.actor).where(same).order_by(tokens.c.actor)).scalars())

    def begin_renewal(self, held: HeldToken, seconds: float) -> datetime | None:
        """Take the right to spend this token's refresh token; None while another has it, or if the token is gone.

        Answers the moment at which the right ends, which names this renewal to the calls that follow.
        """
        now = self._clock()
        until = now + timedelta(seconds=seconds)
        free = or_(tokens.c.renewing_until.is_(None), tokens.c.renewing_until < now)
        with self._database.writing() as transaction:
            taken = transaction.execute(update(tokens).where(_is(held), free).values(renewing_until=until))
        return until if taken.rowcount == 1 else None

    def end_renewal(self, held: HeldToken, until: datetime) -> None:
        """Give the right back with the token unchanged: GitHub was not reached, or did not judge the refresh token."""
        with self._database.writing() as transaction:
            transaction.execute(
                update(tokens).where(_is(held), tokens.c.renewing_until == until).values(renewing_until=None)
            )

    def replace(self, held: HeldToken, grant: GitHubGrant) -> HeldToken | None:
        """Keep what the refresh token brought; None, and nothing is changed, if the token is no longer the kept one.

        The connection of a person with GitHub is as it was, so the ledger has no entry.
        """
        with self._database.writing() as transaction:
            changed = transaction.execute(
                update(tokens).where(_is(held)).values(**self._sealed(grant), renewing_until=None)
            )
            return self._held(transaction, held.actor) if changed.rowcount == 1 else None

    def forget(self, held: HeldToken, why: str, renewal: datetime | None = None) -> bool:
        """Drop a token that GitHub no longer accepts, so that the page asks the person to connect again.

        False, and nothing is dropped, if another token is kept by now, or if somebody else is just renewing this one:
        GitHub refuses the old token from the moment it hands out the new one.
        """
        mine = [tokens.c.renewing_until.is_(None), tokens.c.renewing_until < self._clock()]
        if renewal is not None:
            mine.append(tokens.c.renewing_until == renewal)
        with self._database.writing() as transaction:
            dropped = transaction.execute(tokens.delete().where(_is(held), or_(*mine)))
            if dropped.rowcount != 1:
                return False
            note = Note(
                actor="worker",
                channel="worker",
                action="github.disconnected",
                subject=f"person/{held.actor}",
                reason=why,
                before=held.login,
            )
            self._audit.append(note, transaction)
        return True

    def withdraw(self, actor: str, channel: str) -> HeldToken | None:
        """Drop what the person has lent, because they say so, and answer it. A renewal under way comes too late."""
        with self._database.writing() as transaction:
            login = transaction.execute(select(tokens.c.login).where(tokens.c.actor == actor)).scalar_one_or_none()
            if login is None:
                return None
            held = self._held(transaction, actor)
            transaction.execute(tokens.delete().where(tokens.c.actor == actor))
            note = Note(
                actor=actor, channel=channel, action="github.disconnected", subject=f"person/{actor}", before=login
            )
            self._audit.append(note, transaction)
            return held

    def _held(self, connection: Connection, actor: str) -> HeldToken | None:
        row = connection.execute(select(tokens).where(tokens.c.actor == actor)).one_or_none()
        if row is None:
            return None
        fernet = self._fernet()
        try:
            access = fernet.decrypt(row.sealed.encode()).decode()
            refresh = None if row.refresh is None else SecretStr(fernet.decrypt(row.refresh.encode()).decode())
        except InvalidToken:
            # The key was changed since: the person connects again, and nobody else is disturbed.
            return None
        grant = GitHubGrant(access=SecretStr(access), refresh=refresh, expires_at=row.expires_at)
        return HeldToken(actor=actor, login=row.login, grant=grant, mark=row.sealed)

    def _sealed(self, grant: GitHubGrant) -> dict[str, object]:
        fernet = self._fernet()

        def seal(secret: SecretStr) -> str:
            return fernet.encrypt(secret.get_secret_value().encode()).decode()

        return {
            # Fernet seals the same text differently each time, which makes this column the mark of a token.
            "sealed": seal(grant.access),
            "refresh": None if grant.refresh is None else seal(grant.refresh),
            "expires_at": grant.expires_at,
            "stored_at": self._clock(),
        }

    def _fernet(self) -> Fernet:
        key = self._key.get_secret_value()
        if not key:
            raise ConfigurationError("token_key", "is not set, so GitHub tokens cannot be kept; set MLOPS_TOKEN_KEY")
        try:
            return Fernet(key)
        except ValueError as error:
            raise ConfigurationError("token_key", "must be 32 bytes in URL-safe base64") from error


def _is(held: HeldToken) -> ColumnElement[bool]:
    return (tokens.c.actor == held.actor) & (tokens.c.sealed == held.mark)
