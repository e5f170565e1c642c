"""Everything about one release, gathered for a reader who has no access to the console."""

from __future__ import annotations

from datetime import datetime

from backend.domain.audit import AuditEntry, ChainReport
from backend.domain.decisions import Dossier
from backend.domain.gates import Finding
from backend.domain.model_card import ModelCard
from backend.domain.value import Value


class Release(Value):
    """A version with its records and the ledger rows that concern it, as of `made_at`.

    `head` is the hash of the ledger's last row then, and `ledger` says whether the chain up to it was whole.
    """

    dossier: Dossier
    repository: str
    endpoint: str
    findings: tuple[Finding, ...]
    card: ModelCard
    rows: tuple[AuditEntry, ...]
    ledger: ChainReport
    head: str
    made_at: datetime
