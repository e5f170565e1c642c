"""Reading the ledger."""

from __future__ import annotations

from collections.abc import Collection

from backend.domain.audit import AuditEntry, AuditKind, ChainReport
from backend.store import Store

MOST = 10_000


class Ledger:
    def __init__(self, store: Store) -> None:
        self._store = store

    def entries(
        self,
        limit: int = 200,
        before: int | None = None,
        subject: str = "",
        actor: str = "",
        kinds: Collection[AuditKind] = (),
    ) -> tuple[AuditEntry, ...]:
        """The newest first; `before` is the sequence to page on from, `subject` may end in `*`, no kind means all."""
        return self._store.audit.entries(max(1, min(limit, MOST)), before, subject, actor, kinds=kinds)

    def verify(self) -> ChainReport:
        """Whether no entry was changed, removed or cut off, and the promotions are where the ledger left them."""
        return self._store.audit.verify()
