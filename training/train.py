"""Train one model and write down how good it is.

    python -m training.train --data CSV --params training/params.toml --model-dir DIR --evidence-dir DIR

Evidence is emitted and nothing decided: whether a model is good enough is judged elsewhere, by rules of their own.
Exit 2 with one line on stderr when the data or the parameters cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import artefact, data, evidence, figures, model, params, profile, tracking
from training.contract import contract
from training.data import DataError, Dataset
from training.digest import folder_digest
from training.metrics import Band, Curve, age_bands, curves, point_metrics
from training.params import Params, ParamsError
from training.robustness import Robustness, robustness
from training.split import Split, grouped_split


@dataclass(frozen=True)
class Trained:
    """A fitted model with everything known about it; `probability` is float64, one per holdout row."""

    model: Any
    split: Split
    probability: NDArray[np.float64]
    metrics: dict[str, float]
    curves: dict[str, Curve]
    bands: list[Band]
    robustness: Robustness


def train(dataset: Dataset, parameters: Params) -> Trained:
    """Split by patient, fit, and measure on the holdout. The same arguments give the same result. Raises DataError."""
    split = split_dataset(dataset, parameters)
    fitted = model.build(parameters).fit(dataset.features[split.train], dataset.outcome[split.train])
    outcome = dataset.outcome[split.holdout]
    probability = model.probability(fitted, dataset.features[split.holdout])
    points = point_metrics(outcome, probability, parameters.threshold)
    age = dataset.features[split.holdout, data.AGE]
    return Trained(
        model=fitted,
        split=split,
        probability=probability,
        metrics={**points, **counts(dataset, split)},
        curves=curves(outcome, probability),
        bands=age_bands(age, outcome, probability, parameters.threshold),
        robustness=robustness(fitted, dataset.features[split.holdout], parameters.threshold),
    )


def split_dataset(dataset: Dataset, parameters: Params) -> Split:
    """Return the grouped split with both outcomes on both sides. Raises DataError."""
    try:
        split = grouped_split(dataset.groups, holdout_fraction=parameters.holdout_fraction, seed=parameters.seed)
    except ValueError as exc:
        raise DataError(str(exc)) from exc
    for side, rows in (("training set", split.train), ("holdout", split.holdout)):
        if len(np.unique(dataset.outcome[rows])) < 2:
            raise DataError(f"column {data.TARGET}: the {side} of {len(rows)} rows has only one outcome; add rows")
    return split


def counts(dataset: Dataset, split: Split) -> dict[str, float]:
    """Return the sizes of both sides and how many patients they share."""
    description = evidence.describe_dataset(dataset, split, seed=0)
    return {
        "rows_train": float(len(split.train)),
        "rows_holdout": float(len(split.holdout)),
        "positives_holdout": float(dataset.outcome[split.holdout].sum()),
        "shared_groups": float(description["shared_groups"]),
    }


def write_evidence(folder: Path, trained: Trained, dataset: Dataset, parameters: Params, digest: str) -> None:
    """Write the evidence folder of a training run."""
    holdout = trained.split.holdout
    evidence.write_json(folder / "metrics.json", trained.metrics)
    evidence.write_json(folder / "curves.json", trained.curves)
    evidence.write_json(folder / "bands.json", trained.bands)
    evidence.write_json(folder / "robustness.json", trained.robustness)
    evidence.write_json(folder / "contract.json", contract(trained.model))
    evidence.write_json(folder / "dataset.json", evidence.describe_dataset(dataset, trained.split, parameters.seed))
    described = profile.profile(dataset, trained.split, trained.probability)
    evidence.write_json(folder / "data_profile.json", described)
    evidence.write_json(
        folder / "model.json", {"digest": digest, "threshold": parameters.threshold, "kind": parameters.model}
    )
    evidence.write_json(folder / "params.json", parameters.logged())
    evidence.write_json(folder / "environment.json", evidence.describe_environment())
    evidence.write_predictions(folder / "predictions.parquet", dataset, holdout, {"probability": trained.probability})
    figures.draw(folder / "figures", trained.curves, trained.bands, trained.metrics)


def main() -> int:
    """Read, train, save, log; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description="Train a model and its evidence.")
    parser.add_argument("--data", type=Path, required=True, help="CSV with the header of training/data.py")
    parser.add_argument("--params", type=Path, default=Path("training/params.toml"))
    parser.add_argument("--model-dir", type=Path, required=True, help="new or empty folder for the model")
    parser.add_argument("--evidence-dir", type=Path, required=True)
    arguments = parser.parse_args()
    model_dir, evidence_dir = arguments.model_dir, arguments.evidence_dir
    try:
        if model_dir.exists() and any(model_dir.iterdir()):
            return _refuse(f"{model_dir} is not empty; name a new folder for the model")
        parameters = params.load(arguments.params)
        dataset = data.load(arguments.data, minimum_rows=parameters.minimum_rows)
        trained = train(dataset, parameters)
        artefact.save(trained.model, model_dir)
        digest = folder_digest(model_dir)
        write_evidence(evidence_dir, trained, dataset, parameters, digest)
    except (DataError, ParamsError) as exc:
        return _refuse(str(exc))
    except OSError as exc:
        return _refuse(f"cannot write {exc.filename or model_dir}: {exc.strerror or exc}")
    tags = {"model_kind": parameters.model, "digest": digest, "data_digest": dataset.digest}
    tracking.record(params=parameters.logged(), metrics=trained.metrics, tags=tags, evidence=evidence_dir)
    shown = ", ".join(f"{name} {trained.metrics[name]:.4f}" for name in ("auc", "sensitivity", "specificity", "brier"))
    sys.stdout.write(f"{parameters.model}: {shown}\n{digest}\n")
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"error: {reason}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
