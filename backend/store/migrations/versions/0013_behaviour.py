"""Looks at how a model behaves, labels of its answers, and proposed retrainings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "behaviour_looks",
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "at"),
    )
    op.create_table(
        "reference_profiles",
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("read_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("model", "version"),
    )
    op.create_table(
        "labels",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("ill", sa.Boolean(), nullable=False),
        sa.Column("imported_at", Moment(), nullable=False),
        sa.Column("searched_at", Moment(), nullable=True),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("positive", sa.Boolean(), nullable=True),
        sa.Column("bands", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request", "row"),
    )
    op.create_index("label_waiting", "labels", ["answered_at", "searched_at"])
    op.create_index("label_of_version", "labels", ["version", "answered_at"])
    op.create_table(
        "answered_hours",
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("hour", Moment(), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("read_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "hour", "version"),
    )
    op.create_table(
        "retraining_proposals",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("endpoint", sa.String(length=32), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("why", Words(), nullable=False),
        sa.Column("proposed_at", Moment(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("outcome", Words(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("proposal_by_time", "retraining_proposals", ["endpoint", "proposed_at"])
