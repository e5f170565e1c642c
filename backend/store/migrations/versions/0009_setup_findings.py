"""Where the setup is not as declared, who looks after it, and what became of a fix."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment, Words

revision = "0009"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "setup_findings",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("resource", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("lines", Words(), nullable=False),
        sa.Column("first_seen", Moment(), nullable=False),
        sa.Column("last_seen", Moment(), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("fix", sa.String(length=20), nullable=False),
        sa.Column("fix_by", sa.String(length=255), nullable=False),
        sa.Column("fix_reason", Words(), nullable=False),
        sa.Column("fix_outcome", Words(), nullable=False),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("resolved_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("finding_of_resource", "setup_findings", ["resource", "resolved_at"])
