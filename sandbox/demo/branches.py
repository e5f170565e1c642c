"""The repository's first commit and the five feature branches, as files changed in a tree."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROLLOUT = {
    "min_calls": "30",
    "min_seconds": "10",
    "max_p95_ms": "2000",
    "max_p95_ratio": "10",
    # One machine runs everything here: its processor says nothing of a candidate.
    "max_cpu_percent": "0",
    "keep_warm_seconds": "86400",
    "deadline_seconds": "900",
}


@dataclass(frozen=True)
class Branch:
    """A pull request of the first world. `change` edits the files of a checkout."""

    key: str
    name: str
    title: str
    body: str
    change: Callable[[Path], None]


def small_rollout(tree: Path) -> None:
    """A simulated hospital has few calls: the steps of its rollout ask for few."""
    path = tree / "training" / "rollout.toml"
    text = path.read_text()
    for name, value in ROLLOUT.items():
        text = re.sub(rf"^({name}\s*=\s*)[\d.]+", rf"\g<1>{value}", text, flags=re.MULTILINE)
    path.write_text(text)


def _replace(path: Path, pattern: str, replacement: str) -> None:
    """Change exactly one place; anything else means that the training code moved on without this branch."""
    text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE | re.DOTALL)
    if count != 1:
        raise ValueError(f"{path.name} has no {pattern!r} to change")
    path.write_text(text)


def _boosting(tree: Path) -> None:
    _replace(tree / "training" / "params.toml", r'^model = "logistic"', 'model = "hist_gradient_boosting"')


def _reg_rate(value: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        _replace(tree / "training" / "params.toml", r"^reg_rate = 0\.01", f"reg_rate = {value}")

    return change


def _lint_error(tree: Path) -> None:
    _replace(tree / "training" / "metrics.py", r"^from __future__ import annotations\n\n", r"\g<0>import os\n")


def _leaky_split(tree: Path) -> None:
    _replace(
        tree / "training" / "split.py",
        r"    patients, visits = np\.unique\(groups.*?    in_holdout = np\.isin\(groups, chosen\)\n",
        "    order = np.random.default_rng(seed).permutation(len(groups))\n"
        "    in_holdout = np.zeros(len(groups), dtype=bool)\n"
        "    in_holdout[order[: round(holdout_fraction * len(groups))]] = True\n"
        "    patients = np.unique(groups)\n",
    )


BRANCHES = (
    Branch(
        "challenger",
        "feature/gradient-boosting",
        "Use gradient boosting for the classifier",
        "The relation between the measurements and the outcome is not linear; the reference model cannot follow it.\n\n"
        "This switches `model` to histogram gradient boosting with its default parameters. Same data, same split.",
        _boosting,
    ),
    Branch(
        "regularise",
        "feature/stronger-regularisation",
        "Raise the regularisation rate to 0.1",
        "A little more regularisation, in case the reference model overfits.",
        _reg_rate("0.1"),
    ),
    Branch(
        "worse",
        "feature/heavy-regularisation",
        "Regularise strongly (reg_rate 1000)",
        "Shrinks nearly every weight, so that no single measurement dominates.",
        _reg_rate("1000.0"),
    ),
    Branch(
        "lint",
        "feature/metrics-cleanup",
        "Prepare the metrics module for more figures",
        "First step of a clean-up.",
        _lint_error,
    ),
    Branch(
        "leak",
        "feature/simpler-split",
        "Simplify the train and holdout split",
        "A plain random split over rows is shorter than the one by patient.",
        _leaky_split,
    ),
)
