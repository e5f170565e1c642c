"""The hospital's two model versions: v1, the champion, and v2, the challenger, with the evidence between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from backend.domain.decisions import Rollout, RolloutStep
from backend.domain.endpoints import deployment_name
from backend.domain.evidence import Comparison, Difference, Side, Verdict
from backend.domain.promotions import Target
from backend.domain.registry import Lineage, ModelVersion
from backend.policy.comparison import figures, judge
from benchmarks.simulation import DIFFERENT, draw

ENVIRONMENT = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/diabetes-prod"
    "/environments/diabetes-env/versions/1"
)


NOW = datetime.now(UTC).replace(microsecond=0)


SHA = "9c1e4d2a7b30c5d6e8f901234567890abcdef123"


BASE = "a41f0c8be30c5d6e8f901234567890abcdef4567"


ROLLOUT = Rollout(
    steps=tuple(RolloutStep(weight=w, min_calls=30, min_seconds=10) for w in (10, 50, 100)),
    max_error_rate=0.01,
    max_p95_ms=250,
    keep_warm_seconds=86_400,
    observe_deadline_seconds=1800,
    commit=SHA,
    digest="sha256:" + "ab" * 32,
)


def version(number: int, **changes: object) -> ModelVersion:
    fields: dict[str, object] = {
        "name": "diabetes-classifier",
        "version": str(number),
        "digest": f"sha256:{number:x}" + "8b1f5d0c" * 7 + "0abcde" + "f",
        "created_at": NOW - timedelta(days=31 - 30 * (number - 1)),
        "threshold": 0.5 if number == 1 else 0.29,
        "lineage": Lineage(
            commit=(BASE if number == 1 else SHA),
            pull_request="9" if number == 1 else "14",
            run=f"train-{number}-3f2a",
            data_asset=f"azureml:diabetes-prod:{number}",
            data_digest="sha256:" + "51d0a7c4" * 8,
            environment=ENVIRONMENT,
            author="scientist",
        ),
        "metrics": {"auc": 0.848 if number == 1 else 0.988, "sensitivity": 0.577, "specificity": 0.87, "brier": 0.15},
        "description": "Gradient boosting over the same eight columns.",
    }
    return ModelVersion.model_validate(fields | changes)


def target(of: ModelVersion, endpoint: str) -> Target:
    environment = of.lineage.environment
    return Target(
        endpoint=endpoint,
        model=of.name,
        version=of.version,
        digest=of.digest,
        threshold=of.threshold,
        environment=environment,
        deployment=deployment_name(of.version, of.digest, of.threshold, environment),
        commit=of.lineage.commit,
        run=of.lineage.run,
    )


def difference(metric: str, champion: float, challenger: float, width: float, verdict: Verdict) -> Difference:
    delta = challenger - champion
    return Difference(
        metric=metric,
        champion=champion,
        challenger=challenger,
        difference=delta,
        low=delta - width,
        high=delta + width,
        verdict=verdict,
    )


JUDGED = judge(draw(np.random.default_rng(14), 3000, DIFFERENT), 0.5, 0.29)
"""What the statistics say of a simulated holdout of the same size."""


def comparison(verdict: Verdict = Verdict.BETTER, challenger: float = 0.988) -> Comparison:
    """Of v1, the champion, with v2."""
    one, two = version(1), version(2)
    sides = (
        Side(commit=c, run=f"train-{v.version}-3f2a", version=v.version, digest=v.digest, threshold=v.threshold)
        for c, v in ((BASE, one), (SHA, two))
    )
    return Comparison(
        champion=next(sides),
        challenger=next(sides),
        data_asset="diabetes-prod:2",
        data_digest="sha256:" + "51d0a7c4" * 8,
        rows=3000,
        positives=1002,
        shared_groups=0,
        differences=(difference("auc", 0.848, challenger, 0.009, verdict), *JUDGED.differences[1:]),
        figures=figures(JUDGED.differences),
        consequence=JUDGED.consequence,
        subgroups=JUDGED.subgroups,
        made_at=NOW - timedelta(minutes=6),
    )
