"""Drills of the controls, and what each control did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "drills",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("asked_by", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tried", sa.Integer(), nullable=False),
        sa.Column("note", Words(), nullable=False),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "drill_results",
        sa.Column("drill", sa.String(length=120), nullable=False),
        sa.Column("control", sa.String(length=120), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("told", Words(), nullable=False),
        sa.Column("tried_as", Words(), nullable=False),
        sa.Column("instead", Words(), nullable=False),
        sa.Column("left", Words(), nullable=False),
        sa.PrimaryKeyConstraint("drill", "control"),
    )
    op.create_index("result_of_control", "drill_results", ["control", "at"])
