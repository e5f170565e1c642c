"""Evidence that runs left behind, read into values: predictions become figures here and nowhere else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.domain.comparison import Comparison, Side
from backend.domain.gates import GateFile
from backend.domain.promotions import Target
from backend.domain.quality import HoldoutFigures, Robustness, RobustnessCheck
from backend.domain.registry import ModelVersion
from backend.errors import Invalid, NotFound, RemoteRejected
from backend.gateways.azureml.jobs import Jobs
from backend.policy.comparison import Origin, comparison_of, judge
from backend.policy.holdout import read_paired, read_single
from backend.policy.holdout_figures import measure
from backend.policy.margins import CONFIDENCE, SUBGROUP_MARGIN


@dataclass(frozen=True)
class Sides:
    """What is compared: the champion as it serves, the version at `threshold`, bands by `band_margin`."""

    champion: Target
    version: ModelVersion
    threshold: float
    band_margin: float


def band_margin(gates: GateFile) -> float:
    """The loss within a band that has to be excluded, as the gate file says."""
    limit = next((rule.limit for rule in gates.rules if rule.name == "subgroups"), None)
    return limit or SUBGROUP_MARGIN


def read_holdout(jobs: Jobs, version: ModelVersion, threshold: float, now: datetime) -> HoldoutFigures:
    """The version on the holdout of its own training run. Raises RemoteRejected where the run left no usable rows."""
    run = version.lineage.run
    dataset = _json(jobs, run, "dataset.json")
    try:
        holdout = read_single(jobs.artefact(run, "evidence/predictions.parquet"))
        found = measure(holdout, threshold)
    except Invalid as error:
        raise _unusable(run, error) from error
    return HoldoutFigures(
        threshold=threshold,
        rows=len(holdout.outcome),
        positives=int(holdout.ill.sum()),
        data_asset=version.lineage.data_asset,
        data_digest=str(dataset["digest"]),
        shared_groups=int(dataset["shared_groups"]),
        sensitivity=found.sensitivity,
        specificity=found.specificity,
        brier=found.brier,
        slope=found.slope,
        intercept=found.intercept,
        bands=found.bands,
        auc=found.auc,
        dataset_rows=_count(dataset, "rows"),
        patients=_count(dataset, "patients"),
        confidence=CONFIDENCE,
        predictions=holdout.digests[0],
        run=run,
        made_at=now,
    )


def read_robustness(jobs: Jobs, run: str, now: datetime) -> Robustness | None:
    """What the training run found when it spoilt its rows; None where its code did not try."""
    try:
        found = _json(jobs, run, "robustness.json")
    except NotFound:
        return None
    batch = found["batch"]
    return Robustness(
        batch=RobustnessCheck(
            check="same row, other batch", rows=batch["rows"], share=float(batch["largest_difference"])
        ),
        let_through=tuple(
            RobustnessCheck(check=c["check"], rows=c["rows"], share=1 - float(c["refused"])) for c in found["contract"]
        ),
        falls=tuple(
            RobustnessCheck(
                check=f"risk falls with {c['feature']} +{c['step']:g}", rows=c["rows"], share=float(c["fell"])
            )
            for c in found["monotonic"]
        ),
        silent=tuple(
            RobustnessCheck(
                check=c["mistake"],
                rows=c["rows"],
                share=float(c["silently_changed"]),
                note=f"refused {100 * c['refused']:.0f} %, warned {100 * c['warned']:.0f} %",
            )
            for c in found["units"]
        ),
        run=run,
        made_at=now,
    )


def read_comparison(jobs: Jobs, job: str, sides: Sides, now: datetime) -> Comparison:
    """The paired comparison from the job's evidence, each model at the threshold it is released with.

    Raises RemoteRejected where the job judged other models, or left evidence that cannot be compared.
    """
    champion, version = sides.champion, sides.version
    digests = _json(jobs, job, "models.json")
    expected = {"champion": champion.digest, "challenger": version.digest}
    if digests != expected:
        raise RemoteRejected(
            f"The evaluation {job} read {digests}, not the registered {expected}: the registry holds other bytes.",
            service="Azure ML",
            operation="compare two models",
        )
    dataset = _json(jobs, job, "dataset.json")
    try:
        holdout = read_paired(jobs.artefact(job, "evidence/paired.parquet"))
        judged = judge(holdout, champion.threshold, sides.threshold, sides.band_margin)
    except Invalid as error:
        raise _unusable(job, error) from error
    return comparison_of(
        judged,
        holdout,
        Side(
            commit=champion.commit,
            run=champion.run,
            version=champion.version,
            digest=champion.digest,
            threshold=champion.threshold,
        ),
        Side(
            commit=version.lineage.commit,
            run=version.lineage.run,
            version=version.version,
            digest=version.digest,
            threshold=sides.threshold,
        ),
        Origin(version.lineage.data_asset, str(dataset["digest"]), int(dataset["shared_groups"]), now),
    )


def _count(dataset: dict[str, Any], name: str) -> int | None:
    return int(dataset[name]) if name in dataset else None


def _json(jobs: Jobs, job: str, file: str) -> Any:
    return json.loads(jobs.artefact(job, f"evidence/{file}"))


def _unusable(run: str, error: Invalid) -> RemoteRejected:
    return RemoteRejected(
        f"The run {run} left evidence that cannot be compared: {error}",
        service="Azure ML",
        operation="compare two models",
    )
