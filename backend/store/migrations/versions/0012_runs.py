"""What people say of runs, the searches they keep, and what they ask to be run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "run_remarks",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("run", sa.String(length=255), nullable=False),
        sa.Column("text", Words(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("remark_of_run", "run_remarks", ["workspace", "run", "ended_at"])
    op.create_table(
        "saved_views",
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("query", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "name"),
    )
    op.create_table(
        "run_requests",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("click", sa.String(length=120), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("of_run", sa.String(length=255), nullable=False),
        sa.Column("branch", sa.String(length=255), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=False),
        sa.Column("params", Words(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("run", sa.String(length=255), nullable=False),
        sa.Column("outcome", Words(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("click", "part"),
    )
    op.create_index("request_by_state", "run_requests", ["state", "due_at"])
    op.create_index("request_of_run", "run_requests", ["workspace", "of_run"])
