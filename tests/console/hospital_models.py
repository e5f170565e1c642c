"""The hospital's two model versions: v1, the champion, and v2, the challenger, with the evidence between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from backend.domain.comparison import Comparison, Difference, Side, Verdict
from backend.domain.contract import ContractEvidence
from backend.domain.decisions import Rollout, RolloutStep
from backend.domain.endpoints import deployment_name
from backend.domain.production_flips import CollectedRow, ProductionFlips
from backend.domain.promotions import Target
from backend.domain.quality import BandCalibration, Estimate, HoldoutFigures, LoadResult, Robustness, RobustnessCheck
from backend.domain.registry import Lineage, ModelVersion
from backend.domain.supply_chain import EnvironmentDefinition, Field, ModelFile, Package, Signature, SupplyChain
from backend.policy.card_file import read_card
from backend.policy.comparison import figures, judge
from backend.policy.gate_file import read_gates
from backend.policy.production_flips import answered, cases, turned
from benchmarks.simulation import DIFFERENT, draw
from tests.contracts import CONTRACT, with_field

ENVIRONMENT = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/diabetes-prod"
    "/environments/diabetes-env/versions/1"
)


NOW = datetime.now(UTC).replace(microsecond=0)


SHA = "9c1e4d2a7b30c5d6e8f901234567890abcdef123"
OLD_HEAD = "0" * 40


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
        flips=JUDGED.flips,
        sweep=JUDGED.sweep,
        made_at=NOW - timedelta(minutes=6),
    )


def production_flips() -> ProductionFlips:
    """240 inputs that v1 answered, of which v2 answers eight otherwise."""
    one, two = version(1), version(2)
    sides = (
        Side(commit=c, run=v.lineage.run, version=v.version, digest=v.digest, threshold=v.threshold)
        for c, v in ((BASE, one), (SHA, two))
    )
    rows = tuple(
        CollectedRow(features={}, probability=0.2 + 0.001 * n, positive=False, bands=("age 45 to 59", "bmi under 25"))
        for n in range(240)
    )
    again = [(0.31 + 0.01 * n, "positive") if n < 8 else (0.2, "negative") for n in range(240)]
    answers = answered(rows, again)
    positive, negative = turned(answers)
    return ProductionFlips(
        endpoint="diabetes-endpoint",
        deployment=target(one, "").deployment,
        champion=next(sides),
        challenger=next(sides),
        rows=len(answers),
        turned_positive=positive,
        turned_negative=negative,
        cases=cases(rows, answers),
        answers=answers,
        inputs="sha256:" + "1f" * 32,
        oldest=NOW - timedelta(days=2),
        newest=NOW - timedelta(minutes=9),
        made_at=NOW - timedelta(minutes=6),
    )


def _estimate(value: float, reach: float) -> Estimate:
    return Estimate(value=value, low=value - reach, high=value + reach)


def holdout_figures(of: ModelVersion) -> HoldoutFigures:
    """A version that is well calibrated as a whole, and off in one band."""
    return HoldoutFigures(
        threshold=of.threshold,
        rows=3000,
        positives=1002,
        data_asset="diabetes-prod:2",
        data_digest="sha256:" + "51d0a7c4" * 8,
        shared_groups=0,
        sensitivity=_estimate(0.78, 0.03),
        specificity=_estimate(0.84, 0.02),
        brier=_estimate(0.11, 0.01),
        slope=_estimate(1.04, 0.08),
        intercept=_estimate(-0.03, 0.1),
        bands=(
            BandCalibration(axis="age", band="under 30", rows=1412, positives=210, excess=_estimate(0.01, 0.03)),
            BandCalibration(axis="age", band="60 and over", rows=38, positives=30),
        ),
        confidence=0.95,
        predictions="sha256:" + "0d" * 32,
        run=of.lineage.run,
        made_at=NOW - timedelta(minutes=8),
    )


def robustness(of: ModelVersion) -> Robustness:
    def tried(check: str, share: float = 0.0, note: str = "") -> RobustnessCheck:
        return RobustnessCheck(check=check, rows=500, share=share, note=note)

    return Robustness(
        batch=tried("same row, other batch"),
        let_through=(tried("BMI missing"),),
        falls=(tried("risk falls with PlasmaGlucose +20"),),
        silent=(tried("insulin in pmol/L", 0.02, "refused 0 %, warned 15 %"),),
        run=of.lineage.run,
        made_at=NOW - timedelta(minutes=8),
    )


LOAD = LoadResult(
    requests=400,
    errors=0,
    at_a_time=4,
    p50_ms=9.0,
    p95_ms=21.0,
    p99_ms=34.0,
    per_second=180.0,
    made_at=NOW - timedelta(minutes=7),
)

CARD = read_card((Path(__file__).parents[2] / "training" / "card.toml").read_bytes(), SHA)


SIGNATURE = Signature(
    inputs=tuple(Field(name=name, type="double") for name in ("Pregnancies", "PlasmaGlucose", "BMI", "Age")),
    outputs=(Field(name="negative", type="double"), Field(name="positive", type="double")),
)


def contract_evidence(of: ModelVersion) -> ContractEvidence:
    """v2 warns about more values than v1 does, and breaks nobody."""
    before = None if of.version == "1" else CONTRACT
    return ContractEvidence(
        contract=CONTRACT if before is None else with_field("BMI", low=12.0),
        run=of.lineage.run,
        champion="" if before is None else "1",
        champion_digest="" if before is None else version(1).digest,
        before=before,
        made_at=NOW - timedelta(minutes=8),
    )


def supply_chain(of: ModelVersion) -> SupplyChain:
    """A version that its own run made, with skops inside."""
    files = (
        ModelFile(path="MLmodel", size=1352, sha256="sha256:" + "a1" * 32),
        ModelFile(path="model.skops", size=82_957, sha256="sha256:" + f"b{of.version}" * 32),
    )
    environment = EnvironmentDefinition(
        asset=ENVIRONMENT,
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        digest="sha256:" + "e0" * 32,
        packages=(
            Package(name="scikit-learn", version="1.9.1"),
            Package(name="python", version="3.11", source="conda"),
            Package(name="pip", version="", source="conda"),
        ),
    )
    return SupplyChain(
        files=files,
        digest=of.digest,
        run=of.lineage.run,
        run_digest=of.digest,
        types=("sklearn.linear_model._logistic.LogisticRegression",),
        runs_code=(),
        environment=environment,
        run_packages={"python": "3.11.7", "platform": "Linux x86_64", "scikit-learn": "1.9.1", "numpy": "2.4.6"},
        refusals=(),
        signature=SIGNATURE,
    )


GATES = read_gates((Path(__file__).parents[2] / "training" / "gates.toml").read_bytes(), "main")
