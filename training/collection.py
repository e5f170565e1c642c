"""What was asked and answered, handed to Azure ML's data collector: features, bands and the answer, never who asked.

A row is found again, when its outcome is known, by a digest of its request's id and its place in the request. The id
itself is not kept: a caller may have put anything into it.

The collector takes one table at a time and posts each from a thread that shares the core with the calls. So the rows of
many calls are gathered and handed over together: a call pays for a list and a lock, whatever the collector costs. Rows
that were not handed over when the process ends are lost, and so are those beyond MOST_ROWS in one period.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.bands import AXES, PREFIX
from training.data import FEATURE_NAMES

NAME = "model_inputs_outputs"
"""The collection, as the deployment declares it: one, so that sampling cannot part a question from its answer."""

ANNOUNCED_BY = ("AZUREML_MDC_CONFIG_PATH", "AZUREML_MDC_ENABLED")
"""The service sets one of them in a deployment that collects; without them the package is not even imported."""

EVERY_SECONDS = 1.0
MOST_ROWS = 1000

KEY_CHARACTERS = 32
"""Of the sha256 of a request's id, in hexadecimal: two requests never share them by chance."""

Table = dict[str, Sequence[Any]]
_log = logging.getLogger(__name__)


class Collection:
    """Gathers rows from any thread; `hand_over` is given a column for each feature, band and part of the answer."""

    def __init__(self, hand_over: Callable[[Table], None], version: str) -> None:
        self._hand_over = hand_over
        self._version = version
        self._lock = threading.Lock()
        self._features: list[NDArray[np.float64]] = []
        self._answers: list[Mapping[str, Any]] = []
        self._keys: list[tuple[str, int]] = []
        self._left_out = 0

    def add(self, features: NDArray[np.float64], answers: Sequence[Mapping[str, Any]], request: str) -> None:
        """Keep the rows of one call, (n, 8) and their n predictions; all or none of them."""
        with self._lock:
            if len(self._answers) + len(answers) > MOST_ROWS:
                self._left_out += len(answers)
                return
            self._features.append(features)
            self._answers.extend(answers)
            self._keys += [(key(request), row) for row in range(len(answers))]

    def flush(self) -> int:
        """Hand over what was gathered; how many rows that were."""
        with self._lock:
            features, self._features = self._features, []
            answers, self._answers = self._answers, []
            keys, self._keys = self._keys, []
            left_out, self._left_out = self._left_out, 0
        if left_out:
            _log.warning("%d rows came too fast to be collected", left_out)
        if answers:
            self._hand_over(table(np.concatenate(features), answers, keys, self._version))
        return len(answers)

    def run(self, stop: threading.Event, every: float = EVERY_SECONDS) -> None:
        """Flush every so many seconds until `stop` is set; what the collector cannot take is logged and dropped."""
        while not stop.wait(every):
            try:
                self.flush()
            except Exception:  # noqa: BLE001  # nobody's answer depends on this; it is logged each time
                _log.exception("collecting failed")


def key(request: str) -> str:
    """What a request is found by: the first characters of the sha256 of its id."""
    return hashlib.sha256(request.encode()).hexdigest()[:KEY_CHARACTERS]


def table(
    features: NDArray[np.float64], answers: Sequence[Mapping[str, Any]], keys: Sequence[tuple[str, int]], version: str
) -> Table:
    """The columns of a collected table, n rows each. Bands travel along, so that readers need not know their edges."""
    return {
        **{name: features[:, place].tolist() for place, name in enumerate(FEATURE_NAMES)},
        **{f"{PREFIX}{axis.name}": [axis.labels[code] for code in axis.codes(features)] for axis in AXES},
        "probability": [answer["probability"] for answer in answers],
        "decision": [answer["decision"] for answer in answers],
        "version": [version] * len(answers),
        "request": [request for request, _ in keys],
        "row": [row for _, row in keys],
    }


def begin(environment: Mapping[str, str], version: str) -> Collection | None:
    """Collect from now on, if the deployment declares it. Whatever is wrong is logged: answers matter more."""
    if not any(environment.get(name) for name in ANNOUNCED_BY):
        return None
    problems: list[Exception] = []
    try:
        from azureml.ai.monitoring import Collector
        from pandas import DataFrame

        collector = Collector(name=NAME, on_error=problems.append)
    except (ImportError, OSError, ValueError) as error:
        problems.append(error)
    if problems:
        _log.warning("nothing is collected: %s", problems[0])
        return None

    def hand_over(columns: Table) -> None:
        collector.collect(DataFrame(columns))
        while problems:
            _log.warning("not collected: %s", problems.pop())

    collection = Collection(hand_over, version)
    threading.Thread(target=collection.run, args=(threading.Event(),), name="collection", daemon=True).start()
    return collection
