"""What was done in a window of time is found without reading what went before it."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_index("audit_act", "audit", ["action", "at"])
