"""What renews a person's GitHub token: the refresh token, the moment the token ends, and who is renewing it now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.store.database import Moment

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("tokens", sa.Column("refresh", sa.Text(), nullable=True))
    op.add_column("tokens", sa.Column("expires_at", Moment(), nullable=True))
    op.add_column("tokens", sa.Column("renewing_until", Moment(), nullable=True))
