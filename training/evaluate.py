"""Score two saved models on one holdout, row by row, so that they can be compared in pairs.

    python -m training.evaluate --data CSV --params P --champion DIR --challenger DIR --evidence-dir DIR

Neither model may have been trained on that holdout: give the data, seed and fraction that both were trained with.
Exit 2 with one line on stderr when the data, the parameters or a model cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from training import artefact, data, evidence, metrics, model, params, tracking
from training.data import DataError, Dataset
from training.digest import ModelFolderError, find_model_folder, folder_digest
from training.params import Params, ParamsError
from training.split import IntArray
from training.train import counts, split_dataset

SIDES = ("champion", "challenger")


def evaluate(dataset: Dataset, parameters: Params, rows: IntArray, folder: Path) -> tuple[Any, dict[str, float]]:
    """Return the probabilities of the model in `folder` for these rows, and its metrics. Raises ModelFolderError."""
    probability = model.probability(artefact.load(folder), dataset.features[rows])
    return probability, metrics.point_metrics(dataset.outcome[rows], probability, parameters.threshold)


def main() -> int:
    """Read, score both, write, log; return the exit code."""
    arguments = _arguments()
    roots = {side: getattr(arguments, side) for side in SIDES}
    try:
        parameters = params.load(arguments.params)
        dataset = data.load(arguments.data, minimum_rows=parameters.minimum_rows)
        split = split_dataset(dataset, parameters)
        folders = {side: find_model_folder(root) for side, root in roots.items()}
        results = {side: evaluate(dataset, parameters, split.holdout, folder) for side, folder in folders.items()}
    except (DataError, ParamsError, ModelFolderError) as exc:
        sys.stderr.write(f"error: {exc}\n")
        return 2
    sizes = counts(dataset, split)
    folder: Path = arguments.evidence_dir
    by_side = {side: found for side, (_, found) in results.items()}
    evidence.write_json(folder / "metrics.json", {**by_side, **sizes})
    evidence.write_json(folder / "dataset.json", evidence.describe_dataset(dataset, split, parameters.seed))
    evidence.write_json(folder / "models.json", {side: folder_digest(path) for side, path in folders.items()})
    evidence.write_json(folder / "environment.json", evidence.describe_environment())
    probabilities = {side: probability for side, (probability, _) in results.items()}
    evidence.write_predictions(folder / "paired.parquet", dataset, split.holdout, probabilities)
    flat = {f"{side}_{name}": value for side, found in by_side.items() for name, value in found.items()}
    tracking.record(
        params={"seed": parameters.seed, "threshold": parameters.threshold},
        metrics={**flat, **sizes},
        tags={"data_digest": dataset.digest},
        evidence=folder,
    )
    for side in SIDES:
        sys.stdout.write(f"{side}: auc {by_side[side]['auc']:.4f}, brier {by_side[side]['brier']:.4f}\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description="Compare two models in pairs.")
    parser.add_argument("--data", type=Path, required=True, help="CSV with the header of training/data.py")
    parser.add_argument("--params", type=Path, default=Path("training/params.toml"))
    for side in SIDES:
        parser.add_argument(f"--{side}", type=Path, required=True, help=f"the {side}'s model folder")
    parser.add_argument("--evidence-dir", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
