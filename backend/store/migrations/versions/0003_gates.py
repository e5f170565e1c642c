"""What an approval is bound to beyond digest and threshold, and the files that decide what passes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name, kind in (("commit", sa.String(80)), ("data_digest", sa.String(80)), ("gates", sa.String(80))):
        op.add_column("approvals", sa.Column(name, kind, nullable=False, server_default=""))
    op.add_column("approvals", sa.Column("acknowledged", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "watched_files",
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
