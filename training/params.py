"""The training parameters: params.toml as checked, frozen values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KINDS = ("logistic", "hist_gradient_boosting")
SOLVERS = ("liblinear", "lbfgs")


class ParamsError(Exception):
    """A parameter is missing, unknown or out of range; the message names it."""


@dataclass(frozen=True)
class Logistic:
    """Logistic regression with an L2 penalty of C = 1 / `reg_rate`."""

    reg_rate: float
    solver: str


@dataclass(frozen=True)
class HistGradientBoosting:
    """Histogram gradient boosting, in scikit-learn's own words."""

    learning_rate: float
    max_iter: int
    max_leaf_nodes: int
    min_samples_leaf: int
    l2_regularization: float


@dataclass(frozen=True)
class Params:
    """Everything that decides a training run besides the code and the data."""

    seed: int
    model: str
    threshold: float
    holdout_fraction: float
    minimum_rows: int
    logistic: Logistic
    hist_gradient_boosting: HistGradientBoosting

    def logged(self) -> dict[str, int | float | str]:
        """Return the parameters in force, flat: those of the chosen model only."""
        flat = vars(self.logistic if self.model == "logistic" else self.hist_gradient_boosting)
        shared = ("seed", "model", "threshold", "holdout_fraction")
        return {**{name: getattr(self, name) for name in shared}, **flat}


def load(path: Path) -> Params:
    """Read and check a parameter file. Raises ParamsError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ParamsError(f"cannot read {path}: {exc.strerror}") from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ParamsError(f"{path.name} is not TOML: {exc}") from exc
    return parse(table)


def parse(table: Mapping[str, object]) -> Params:
    """Turn a decoded table into checked parameters. Raises ParamsError."""
    split = _Section("split", _subtable(table, "split"))
    logistic = _Section("logistic", _subtable(table, "logistic"))
    boosting = _Section("hist_gradient_boosting", _subtable(table, "hist_gradient_boosting"))
    top = _Section("", {name: value for name, value in table.items() if not isinstance(value, Mapping)})
    extra = {name for name, value in table.items() if isinstance(value, Mapping)} - {"split", *KINDS}
    if extra:
        raise ParamsError(f"unknown section [{min(extra)}]")
    params = Params(
        seed=top.integer("seed", 0, 2**32 - 1),
        model=top.choice("model", KINDS),
        threshold=top.number("threshold", 0.001, 0.999),
        holdout_fraction=split.number("holdout_fraction", 0.05, 0.95),
        minimum_rows=split.integer("minimum_rows", 10, 10**9),
        logistic=Logistic(logistic.number("reg_rate", 1e-9, 1e9), logistic.choice("solver", SOLVERS)),
        hist_gradient_boosting=HistGradientBoosting(
            learning_rate=boosting.number("learning_rate", 1e-6, 10),
            max_iter=boosting.integer("max_iter", 1, 10_000),
            max_leaf_nodes=boosting.integer("max_leaf_nodes", 2, 10_000),
            min_samples_leaf=boosting.integer("min_samples_leaf", 1, 10**6),
            l2_regularization=boosting.number("l2_regularization", 0, 1e9),
        ),
    )
    for section in (top, split, logistic, boosting):
        section.refuse_unread()
    return params


def _subtable(table: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = table.get(name)
    if not isinstance(section, Mapping):
        raise ParamsError(f"section [{name}] is missing")
    return section


class _Section:
    """One table of the file that remembers which names were asked for."""

    def __init__(self, name: str, values: Mapping[str, object]) -> None:
        self._prefix = f"{name}." if name else ""
        self._values = values
        self._read: set[str] = set()

    def number(self, name: str, low: float, high: float) -> float:
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ParamsError(f"{self._prefix}{name} must be a number from {low:g} to {high:g}, not {value!r}")
        return float(value)

    def integer(self, name: str, low: int, high: int) -> int:
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ParamsError(f"{self._prefix}{name} must be a whole number from {low} to {high}, not {value!r}")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self._get(name)
        if not isinstance(value, str) or value not in allowed:
            raise ParamsError(f"{self._prefix}{name} must be one of {', '.join(allowed)}, not {value!r}")
        return value

    def refuse_unread(self) -> None:
        unknown = sorted(self._values.keys() - self._read)
        if unknown:
            raise ParamsError(f"{self._prefix}{unknown[0]} is not a parameter")

    def _get(self, name: str) -> object:
        self._read.add(name)
        if name not in self._values:
            raise ParamsError(f"{self._prefix}{name} is missing")
        return self._values[name]
