"""Runs side by side: their curves, and the difference of each to a baseline on the same holdout rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from backend.domain.reviews import ChangedFile
from backend.domain.runs import Run, RunCurves, RunDifference
from backend.errors import Conflict, Invalid, NotFound
from backend.gateways.azureml.client import Workspace
from backend.gateways.azureml.run_files import RunFiles
from backend.gateways.azureml.runs import CURVES, PREDICTIONS, as_curves
from backend.gateways.azureml.runs import Runs as TrackedRuns
from backend.gateways.github.contents import Contents
from backend.operations.runs import Runs
from backend.policy.curves_file import read_curves

MOST = 100
AT_ONCE = 8
"""Files read at the same time; each takes a few calls of some tens of milliseconds."""
THRESHOLD = 0.5
T = TypeVar("T")


class RunComparisons:
    def __init__(self, workspaces: Mapping[str, Workspace], runs: Runs, files: RunFiles, contents: Contents) -> None:
        self._contents = contents
        self._tracked = {name: TrackedRuns(workspace) for name, workspace in workspaces.items()}
        self._runs = runs
        self._files = files

    def curves(self, keys: Sequence[str]) -> tuple[RunCurves, ...]:
        """Of each run that is known, in their order; the files of ended runs are read from the service once."""
        return self._each(keys, self._curves)

    def differences(self, baseline: str, keys: Sequence[str]) -> tuple[RunDifference, ...]:
        """Each run less the baseline, on the rows that both were judged on. Raises NotFound for an unknown baseline."""
        origin = next(iter(self._runs.known([baseline])), None)
        if origin is None:
            raise NotFound(f"No run {baseline} is known.")
        others = [key for key in keys if key != baseline]
        try:
            predictions = self._predictions(origin)
        except NotFound:
            nothing = f"the baseline {_nothing(origin)}; choose another baseline"
            return self._each(others, lambda run: RunDifference(key=run.key, problem=nothing))
        return self._each(others, lambda run: self._difference(origin, predictions, run))

    def code(self, base: str, head: str) -> tuple[ChangedFile, ...]:
        """What the commit `head` has that `base` has not. Raises NotFound where GitHub does not know one of them."""
        return self._contents.files_between(base, head)

    def _each(self, keys: Sequence[str], ask: Callable[[Run], T]) -> tuple[T, ...]:
        runs = self._runs.known(list(dict.fromkeys(keys))[:MOST])
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="compare") as pool:
            return tuple(pool.map(ask, runs))

    def _curves(self, run: Run) -> RunCurves:
        # NumPy and SciPy take a second, which no command waits for that compares nothing.
        from backend.policy.threshold_curve import threshold_curves

        try:
            drawn = as_curves(read_curves(self._file(run, CURVES)))
        except NotFound:
            return RunCurves(key=run.key, problem=_nothing(run))
        except Invalid as error:
            return RunCurves(key=run.key, problem=str(error))
        try:
            drawn = (*drawn, *threshold_curves(self._predictions(run)))
        except (NotFound, Invalid) as error:
            return RunCurves(key=run.key, curves=drawn, problem=f"No curve by threshold: {error}")
        return RunCurves(key=run.key, curves=drawn)

    def _difference(self, baseline: Run, predictions: bytes, run: Run) -> RunDifference:
        from backend.policy.comparison import differences
        from backend.policy.holdout import pair

        try:
            holdout = pair(predictions, self._predictions(run))
            found = differences(holdout, _threshold(baseline), _threshold(run))
        except NotFound:
            return RunDifference(key=run.key, problem=_nothing(run))
        except Conflict:
            return RunDifference(key=run.key, problem="judged on other holdout rows than the baseline")
        except Invalid as error:
            return RunDifference(key=run.key, problem=str(error))
        return RunDifference(key=run.key, rows=len(holdout.outcome), differences=found)

    def _predictions(self, run: Run) -> bytes:
        return self._file(run, PREDICTIONS)

    def _file(self, run: Run, path: str) -> bytes:
        return self._files.read(run, path, self._tracked[run.workspace].file)


def _nothing(run: Run) -> str:
    return f"{run.state.value}, and left no evidence"


def _threshold(run: Run) -> float:
    """Where the run itself cut its probabilities."""
    try:
        return float(run.params.get("threshold", THRESHOLD))
    except ValueError:
        return THRESHOLD
