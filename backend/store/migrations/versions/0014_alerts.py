"""Alerts, each from the first firing to its outcome, and silences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("fingerprint", sa.String(length=400), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("limit", sa.Float(), nullable=True),
        sa.Column("unit", sa.String(length=60), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("release", sa.String(length=120), nullable=False),
        sa.Column("chart", Words(), nullable=False),
        sa.Column("words", Words(), nullable=False),
        sa.Column("group", sa.String(length=120), nullable=False),
        sa.Column("raised_at", Moment(), nullable=False),
        sa.Column("last_seen", Moment(), nullable=False),
        sa.Column("quiet_since", Moment(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("acknowledged_by", sa.String(length=255), nullable=False),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.Column("closed_by", sa.String(length=255), nullable=False),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("outcome", Words(), nullable=False),
        sa.Column("silenced", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alert_of_fingerprint", "alerts", ["fingerprint"])
    op.create_index("alert_by_state", "alerts", ["endpoint", "closed_at", "raised_at"])
    standing = sa.text("closed_at IS NULL")
    op.create_index(
        "one_standing_alert", "alerts", ["fingerprint"], unique=True, sqlite_where=standing, postgresql_where=standing
    )
    op.create_table(
        "silences",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("covers", sa.String(length=400), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("lifted_by", sa.String(length=255), nullable=False),
        sa.Column("lifted_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("silence_ends", "silences", ["until"])
