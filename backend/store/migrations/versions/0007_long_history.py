"""What keeps pages quick over a long history: the kind of each ledger row beside it, and indexes of promotions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backend.domain.audit import kind_of

revision = "0007"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("audit", sa.Column("kind", sa.String(length=20), nullable=False, server_default=""))
    _file_rows()
    op.create_index("audit_kind", "audit", ["kind", "sequence"], unique=False)
    op.create_index("promotion_made", "promotions", ["created_at"], unique=False)
    op.create_index("promotion_ended", "promotions", ["endpoint", "phase", "finished_at"], unique=False)


def _file_rows() -> None:
    """Give every row that is there its kind; the columns that are hashed stay as they are."""
    audit = sa.table("audit", sa.column("action"), sa.column("subject"), sa.column("kind"))
    connection = op.get_bind()
    pairs = connection.execute(sa.select(audit.c.action, audit.c.subject).distinct()).all()
    for action, subject in pairs:
        kind = kind_of(action, subject)
        if kind is not None:
            same = (audit.c.action == action) & (audit.c.subject == subject)
            connection.execute(audit.update().where(same).values(kind=kind.value))
