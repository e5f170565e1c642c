"""What was stored by an earlier release is still what it was."""

from __future__ import annotations

import hashlib
import json

import pytest

from backend.domain.endpoints import deployment_name
from backend.domain.evidence import BODIES, SmokeResult
from backend.domain.promotions import Target
from backend.store.tables import evidence
from tests.recovery.cloud import Clock
from tests.recovery.hospital import fresh_store

SIDE = {"commit": "c", "run": "r", "version": "1", "digest": "sha256:1"}
FIRST_RELEASE = {
    "champion": SIDE,
    "challenger": SIDE,
    "data_asset": "d:1",
    "data_digest": "sha256:d",
    "rows": 3000,
    "positives": 1000,
    "shared_groups": 0,
    "differences": [
        {
            "metric": "auc",
            "champion": 0.85,
            "challenger": 0.98,
            "difference": 0.13,
            "low": 0.12,
            "high": 0.14,
            "confidence": 0.95,
            "verdict": "better",
        }
    ],
    "figures": {},
    "made_at": "2026-11-23T12:00:00Z",
}
"""A comparison as version 0.1.0 stored it: no consequence, no subgroups, no thresholds."""


@pytest.fixture
def store(tmp_path):
    made = fresh_store(tmp_path, Clock())
    yield made
    made.close()


def test_a_comparison_of_the_first_release_loads_under_its_old_digest(store):
    target = Target(
        endpoint="e",
        model="m",
        version="2",
        digest="sha256:2",
        threshold=0.5,
        environment="e",
        deployment=deployment_name("2", "sha256:2", 0.5, "e"),
    )
    smoke = SmokeResult(requests=1, passed=1, failures=(), model_version="2", digest="sha256:2", p95_ms=1.0)
    frozen = store.evidence.freeze("p-smoke", smoke, target, "p")
    canonical = json.dumps(FIRST_RELEASE, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    fields = frozen.model_dump(exclude=set(BODIES)) | {
        "id": "p-comparison",
        "kind": "comparison",
        "body": json.dumps(FIRST_RELEASE),
        "digest": f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}",
    }
    with store.database.writing() as connection:
        connection.execute(evidence.insert().values(**fields))
    (found,) = (e.comparison for e in store.evidence.of_version("m", "2") if e.comparison)
    assert found.on("auc").difference == 0.13
    assert (found.consequence, found.subgroups, found.champion.threshold) == (None, None, None)
