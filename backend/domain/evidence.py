"""Evidence: dated quotations with digests."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from backend.domain.authorship import Authorship
from backend.domain.card_file import CardFile
from backend.domain.comparison import Comparison
from backend.domain.contract import ContractEvidence
from backend.domain.gates import GateFile
from backend.domain.production_flips import ProductionFlips
from backend.domain.quality import HoldoutFigures, LoadResult, Robustness
from backend.domain.supply_chain import SupplyChain
from backend.domain.value import Value


class SmokeResult(Value):
    """What the test endpoint answered: `passed` of `requests`, and what was wrong with the rest."""

    requests: int
    passed: int
    failures: tuple[str, ...]
    model_version: str
    digest: str
    p95_ms: float


class Evidence(Value):
    """A frozen quotation: what was measured, about which digest, by which run, when.

    `kind` names the one field that holds the body; `digest` is sha256 over the canonical JSON of it.
    """

    id: str
    kind: str
    model: str
    version: str
    model_digest: str
    digest: str
    source: str
    made_at: datetime
    comparison: Comparison | None = None
    smoke: SmokeResult | None = None
    holdout: HoldoutFigures | None = None
    robustness: Robustness | None = None
    load: LoadResult | None = None
    gates: GateFile | None = None
    authorship: Authorship | None = None
    card: CardFile | None = None
    supply_chain: SupplyChain | None = None
    production_flips: ProductionFlips | None = None
    contract: ContractEvidence | None = None


Body = (
    Comparison
    | SmokeResult
    | HoldoutFigures
    | Robustness
    | LoadResult
    | GateFile
    | Authorship
    | CardFile
    | SupplyChain
    | ProductionFlips
    | ContractEvidence
)
BODIES: dict[str, type[Body]] = {
    "comparison": Comparison,
    "smoke": SmokeResult,
    "holdout": HoldoutFigures,
    "robustness": Robustness,
    "load": LoadResult,
    "gates": GateFile,
    "authorship": Authorship,
    "card": CardFile,
    "supply_chain": SupplyChain,
    "production_flips": ProductionFlips,
    "contract": ContractEvidence,
}
"""What can be frozen, by kind."""


def body_digest(text: str) -> str:
    """sha256 over the canonical form of the stored JSON.

    Of the text and not of the value read from it: a later release adds fields, which would change every old digest.
    """
    canonical = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
