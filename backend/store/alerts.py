"""Alerts and silences; each change with its ledger row in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, Row, func, select, update

from backend.domain.alerts import GOES_ON, RAISED, Alert, AlertState, Change, Silence
from backend.domain.clock import Clock
from backend.domain.people import WORKER, Actor
from backend.domain.signals import Signal
from backend.errors import NotFound
from backend.store.alert_tables import alerts, silences
from backend.store.audit import Audit, Note
from backend.store.database import Database

MOST = 1000
Judge = Callable[[Signal, Sequence[Alert], int, Sequence[Silence]], Change | None]


class Alerts:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def take_in(self, signal: Signal, judge: Judge) -> Alert | None:
        """Record what `judge` makes of a signal; the alert that it changed, None where it changed none."""
        # Most signals change nothing, and writers wait for each other.
        with self._database.reading() as connection:
            if self._judged(connection, signal, judge) is None:
                return None
        with self._database.writing() as transaction:
            change = self._judged(transaction, signal, judge)
            if change is None:
                return None
            self._keep(transaction, change)
            return change.alert

    def _judged(self, connection: Connection, signal: Signal, judge: Judge) -> Change | None:
        here = select(alerts).where(alerts.c.endpoint == signal.endpoint, alerts.c.closed_at.is_(None))
        standing = [_alert(row) for row in connection.execute(here.order_by(alerts.c.raised_at, alerts.c.id))]
        mine = select(func.count()).select_from(alerts).where(alerts.c.fingerprint == signal.key)
        earlier = int(connection.execute(mine).scalar_one())
        return judge(signal, standing, earlier, self._silences(connection))

    def _keep(self, transaction: Connection, change: Change) -> None:
        alert, values = change.alert, _stored(change.alert)
        if change.what == RAISED:
            transaction.execute(alerts.insert().values(fingerprint=alert.key, **values))
        else:
            transaction.execute(update(alerts).where(alerts.c.id == alert.id).values(**values))
        if change.what != GOES_ON:
            self._tell(transaction, alert, WORKER, change.what, alert.words, told=change.told)

    def change(self, alert_id: str, actor: Actor, what: str, fields: Mapping[str, object], reason: str) -> Alert:
        """What a person does to one. Nothing changes, and nothing is told, where it is so already."""
        with self._database.writing() as transaction:
            before = self._get(transaction, alert_id)
            after = before.model_copy(update=dict(fields))
            if after == before or before.state is AlertState.CLOSED:
                return before
            transaction.execute(update(alerts).where(alerts.c.id == alert_id).values(**_stored(after)))
            self._tell(transaction, after, actor, what, reason, before=before.state.value)
            return after

    def silence(self, wanted: Silence, actor: Actor) -> Silence:
        """The same id again answers what the first made."""
        with self._database.writing() as transaction:
            known = transaction.execute(select(silences).where(silences.c.id == wanted.id)).first()
            if known is not None:
                return Silence.model_validate(dict(known._mapping))
            transaction.execute(silences.insert().values(**wanted.model_dump()))
            self._tell_silence(transaction, wanted, actor, "set", wanted.reason)
            return wanted

    def lift(self, silence_id: str, actor: Actor, reason: str) -> Silence:
        """End it before its time; once is enough."""
        with self._database.writing() as transaction:
            row = transaction.execute(select(silences).where(silences.c.id == silence_id)).first()
            if row is None:
                raise NotFound(f"There is no silence {silence_id!r}.")
            known = Silence.model_validate(dict(row._mapping))
            if not known.holds(self._clock()):
                return known
            lifted = {"lifted_by": actor.name, "lifted_at": self._clock()}
            transaction.execute(update(silences).where(silences.c.id == silence_id).values(**lifted))
            after = known.model_copy(update=lifted)
            self._tell_silence(transaction, after, actor, "lifted", reason)
            return after

    def get(self, alert_id: str) -> Alert:
        with self._database.reading() as connection:
            return self._get(connection, alert_id)

    def standing(self) -> tuple[Alert, ...]:
        """Those that nobody has closed, newest first."""
        query = select(alerts).where(alerts.c.closed_at.is_(None)).order_by(alerts.c.raised_at.desc(), alerts.c.id)
        with self._database.reading() as connection:
            return tuple(_alert(row) for row in connection.execute(query.limit(MOST)))

    def recent(self, limit: int) -> tuple[Alert, ...]:
        """All, newest first."""
        query = select(alerts).order_by(alerts.c.raised_at.desc(), alerts.c.id).limit(min(limit, MOST))
        with self._database.reading() as connection:
            return tuple(_alert(row) for row in connection.execute(query))

    def silences(self) -> tuple[Silence, ...]:
        """Those that hold now, the one that ends first first."""
        with self._database.reading() as connection:
            return tuple(self._silences(connection))

    def _silences(self, connection: Connection) -> list[Silence]:
        now = self._clock()
        query = select(silences).where(silences.c.until > now, silences.c.lifted_at.is_(None))
        rows = connection.execute(query.order_by(silences.c.until, silences.c.id))
        return [Silence.model_validate(dict(row._mapping)) for row in rows]

    def _get(self, connection: Connection, alert_id: str) -> Alert:
        row = connection.execute(select(alerts).where(alerts.c.id == alert_id)).first()
        if row is None:
            raise NotFound(f"There is no alert {alert_id!r}.")
        return _alert(row)

    def _tell(
        self,
        transaction: Connection,
        alert: Alert,
        actor: Actor,
        what: str,
        reason: str,
        before: str = "",
        *,
        told: bool = False,
    ) -> None:
        self._audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action=f"alert.{what}",
                subject=f"alert/{alert.id}",
                reason=reason,
                before=before,
                after="calm" if what == "calm" else alert.state.value,
                detail=_quoted(alert, told=told),
            ),
            transaction,
        )

    def _tell_silence(self, transaction: Connection, silence: Silence, actor: Actor, what: str, reason: str) -> None:
        self._audit.append(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action=f"silence.{what}",
                subject=f"silence/{silence.id}",
                reason=reason,
                after=f"until {silence.until:%Y-%m-%d %H:%M} UTC" if what == "set" else "ended",
                detail={"covers": silence.covers or "everything", "until": silence.until.isoformat()},
            ),
            transaction,
        )


def _quoted(alert: Alert, *, told: bool) -> dict[str, str | int | float | bool]:
    """What the row says of the figures: an alert that goes on takes newer ones, the ledger has those of then."""
    figures = {"value": alert.value, "limit": alert.limit}
    return {
        "title": alert.title,
        "severity": alert.severity.value,
        "endpoint": alert.endpoint,
        "unit": alert.unit,
        "n": alert.n,
        "version": alert.version,
        "release": alert.release,
        "chart": alert.chart,
        "group": alert.group,
        "told": told,
        **{name: figure for name, figure in figures.items() if figure is not None},
        **({"silenced": alert.silenced} if alert.silenced else {}),
    }


def _stored(alert: Alert) -> dict[str, object]:
    values = alert.model_dump()
    return values | {"severity": alert.severity.value, "state": alert.state.value}


def _alert(row: Row[tuple[object, ...]]) -> Alert:
    fields: dict[str, object] = dict(row._mapping)
    fields.pop("fingerprint")
    return Alert.model_validate(fields)
