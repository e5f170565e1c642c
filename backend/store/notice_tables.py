"""The tables of what is found, tried and told: findings of the setup, drills, webhooks and notifications."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table

from backend.store.database import Moment, Words
from backend.store.tables import DIGEST, KEY, NAME, metadata

# Where the setup is not as declared, or cannot be seen; one row from the first look that saw it to the last.
setup_findings = Table(
    "setup_findings",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("resource", NAME, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("name", NAME, nullable=False),
    Column("place", NAME, nullable=False),
    Column("state", String(20), nullable=False),
    Column("lines", Words, nullable=False),
    Column("first_seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("fix", String(20), nullable=False),
    Column("fix_by", NAME, nullable=False),
    Column("fix_reason", Words, nullable=False),
    Column("fix_outcome", Words, nullable=False),
    Column("lease_until", Moment),
    Column("resolved_at", Moment),
    Index("finding_of_resource", "resource", "resolved_at"),
)

# Drills of the controls, and one result for each control of each drill.
drills = Table(
    "drills",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("asked_by", NAME, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tried", Integer, nullable=False),
    Column("note", Words, nullable=False),
    Column("lease_until", Moment),
    Column("finished_at", Moment),
)

drill_results = Table(
    "drill_results",
    metadata,
    Column("drill", KEY, primary_key=True),
    Column("control", String(120), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("told", Words, nullable=False),
    Column("tried_as", Words, nullable=False),
    Column("instead", Words, nullable=False),
    Column("left", Words, nullable=False),
    Index("result_of_control", "control", "at"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("signature", DIGEST, nullable=False),
    Column("taken_at", Moment, nullable=False),
    Index("delivery_signed", "signature", unique=True),
    Index("delivery_taken", "taken_at"),
)

# What people are told of: one row of the ledger each, written in its transaction. Handed over once targets have it.
notifications = Table(
    "notifications",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(40), nullable=False),
    Column("sentence", Words, nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("link", NAME, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("at", Moment, nullable=False),
    Column("handed_at", Moment),
    Index("notification_waiting", "handed_at"),
)

# One notification for one target. While somebody sends it, `next_at` is when others may take it up.
sendings = Table(
    "sendings",
    metadata,
    Column("sequence", Integer, ForeignKey("notifications.sequence"), primary_key=True, autoincrement=False),
    Column("target", NAME, primary_key=True),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("finished_at", Moment),
    Index("sending_due", "state", "next_at"),
)

notification_reads = Table(
    "notification_reads",
    metadata,
    Column("actor", NAME, primary_key=True),
    Column("sequence", Integer, ForeignKey("notifications.sequence"), primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
)

# Wishes to replace one of an endpoint's two keys; `before` holds prints of both keys before the first try, never a key.
key_rotations = Table(
    "key_rotations",
    metadata,
    Column("id", KEY, primary_key=True),
    Column("endpoint", String(120), nullable=False),
    Column("which", String(20), nullable=False),
    Column("asked_by", NAME, nullable=False),
    Column("reason", Words, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("state", String(20), nullable=False),
    Column("outcome", Words, nullable=False),
    Column("before", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Moment),
    Column("finished_at", Moment),
    Index("rotation_of_endpoint", "endpoint", "asked_at"),
)
