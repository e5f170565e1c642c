"""The tables of alerts and of their silences."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, String, Table, text

from backend.store.database import Moment, Words
from backend.store.tables import KEY, NAME, metadata

alerts = Table(
    "alerts",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("fingerprint", String(400), nullable=False),
    Column("rule", String(60), nullable=False),
    Column("endpoint", String(32), nullable=False),
    Column("subject", NAME, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("value", Float),
    Column("limit", Float),
    Column("unit", String(60), nullable=False),
    Column("n", Integer, nullable=False),
    Column("version", NAME, nullable=False),
    Column("release", KEY, nullable=False),
    Column("chart", Words, nullable=False),
    Column("words", Words, nullable=False),
    Column("group", KEY, nullable=False),
    Column("raised_at", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("quiet_since", Moment),
    Column("times", Integer, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("acknowledged_by", NAME, nullable=False),
    Column("acknowledged_at", Moment),
    Column("closed_by", NAME, nullable=False),
    Column("closed_at", Moment),
    Column("outcome", Words, nullable=False),
    Column("silenced", KEY, nullable=False),
    Index("alert_of_fingerprint", "fingerprint"),
    Index("alert_by_state", "endpoint", "closed_at", "raised_at"),
)

# Two workers that look at the same moment raise one alert: the second finds this index in its way.
Index(
    "one_standing_alert",
    alerts.c.fingerprint,
    unique=True,
    sqlite_where=text("closed_at IS NULL"),
    postgresql_where=text("closed_at IS NULL"),
)

silences = Table(
    "silences",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("covers", String(400), nullable=False),
    Column("reason", Words, nullable=False),
    Column("by", NAME, nullable=False),
    Column("at", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("lifted_by", NAME, nullable=False),
    Column("lifted_at", Moment),
    Index("silence_ends", "until"),
)
