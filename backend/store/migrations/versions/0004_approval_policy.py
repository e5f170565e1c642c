"""Who may stand in for an approver, which gates two people go past for a while, and what may run nowhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0004"
down_revision = "0003"

_KEY, _NAME, _DIGEST = sa.String(120), sa.String(255), sa.String(80)


def upgrade() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("person", _NAME, nullable=False),
        sa.Column("delegate", _NAME, nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("revoked_at", Moment()),
    )
    op.create_table(
        "overrides",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("model", _NAME, nullable=False),
        sa.Column("version", _NAME, nullable=False),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("gate_file", _DIGEST, nullable=False),
        sa.Column("gates", sa.Text(), nullable=False),
        sa.Column("asked_by", _NAME, nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
        sa.Column("confirmed_by", _NAME, nullable=False),
        sa.Column("confirmed_at", Moment()),
        sa.Column("confirmed_reason", Words(), nullable=False),
        sa.Column("ended_by", _NAME, nullable=False),
        sa.Column("ended_at", Moment()),
    )
    op.create_index("override_of_version", "overrides", ["model", "version"])
    op.create_table(
        "quarantines",
        sa.Column("model", _NAME, primary_key=True),
        sa.Column("version", _NAME, primary_key=True),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("reason", Words(), nullable=False),
        sa.Column("set_by", _NAME, nullable=False),
        sa.Column("set_at", Moment(), nullable=False),
    )
