"""The proofs of what serves, what happened outside the console, and what a watch saw last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "proofs",
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint"),
    )
    op.create_table(
        "unexplained_events",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("fingerprint", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("expected", Words(), nullable=False),
        sa.Column("actual", Words(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("happened_at", Moment(), nullable=True),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("first_seen", Moment(), nullable=False),
        sa.Column("last_seen", Moment(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("owned_because", Words(), nullable=False),
        sa.Column("explained_by", sa.String(length=255), nullable=False),
        sa.Column("explanation", Words(), nullable=False),
        sa.Column("resolved_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_of_fingerprint", "unexplained_events", ["fingerprint"])
    op.create_index("event_by_state", "unexplained_events", ["state", "first_seen"])
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
