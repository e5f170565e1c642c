"""Wishes to replace one of an endpoint's two keys, and versions that are retired for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "key_rotations",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("endpoint", sa.String(length=120), nullable=False),
        sa.Column("which", sa.String(length=20), nullable=False),
        sa.Column("asked_by", sa.String(length=255), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("outcome", Words(), nullable=False),
        sa.Column("before", Words(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("quarantines", sa.Column("retired", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("rotation_of_endpoint", "key_rotations", ["endpoint", "asked_at"])
