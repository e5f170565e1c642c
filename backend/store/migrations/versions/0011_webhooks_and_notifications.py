"""Webhook deliveries that were taken, what people are told of, and to whom it was sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("signature", sa.String(length=80), nullable=False),
        sa.Column("taken_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("delivery_signed", "webhook_deliveries", ["signature"], unique=True)
    op.create_index("delivery_taken", "webhook_deliveries", ["taken_at"])
    op.create_table(
        "notifications",
        sa.Column("sequence", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("sentence", Words(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("link", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("handed_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("notification_waiting", "notifications", ["handed_at"])
    op.create_table(
        "sendings",
        sa.Column("sequence", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", Moment(), nullable=False),
        sa.Column("outcome", Words(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["sequence"], ["notifications.sequence"]),
        sa.PrimaryKeyConstraint("sequence", "target"),
    )
    op.create_index("sending_due", "sendings", ["state", "next_at"])
    op.create_table(
        "notification_reads",
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["sequence"], ["notifications.sequence"]),
        sa.PrimaryKeyConstraint("actor", "sequence"),
    )
