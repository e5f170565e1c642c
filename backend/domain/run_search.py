"""What people ask of the run index, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.domain.runs import Run
from backend.domain.value import Value

PAGE = 100
"""Runs on one page of the list: a browser is sent these and no others."""
NEWEST = "-started"


class Kind(StrEnum):
    """Whose name a condition gives; also the first part of a column's name, `metrics.auc`."""

    METRIC = "metrics"
    PARAM = "params"
    TAG = "tags"
    FIELD = "fields"


FIELDS = (
    *("name", "id", "state", "experiment", "workspace", "author", "branch", "pull_request", "commit", "parent"),
    *("data", "started", "ended", "took"),
)
"""What every run has, as columns of the index; `label` and `pinned` are ours and kept elsewhere."""
OURS = ("label", "pinned")
MOMENTS = ("started", "ended")
NUMBERS = ("took",)


@dataclass(frozen=True, slots=True)
class Words:
    """Text that occurs anywhere in a run's names and values, in any letter case."""

    text: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `operator` is MLflow's word for it, or `:`, which means "contains" of text.

    `kind` is None for a bare name, until it is known whether a metric, a parameter or a tag is called so.
    """

    kind: Kind | None
    name: str
    operator: str
    values: tuple[str, ...]
    negated: bool = False


Term = Words | Condition


class Names(Value):
    """The metrics, parameters and tags that some run has, in the order of the alphabet."""

    metrics: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def of(self, kind: Kind) -> tuple[str, ...]:
        return {Kind.METRIC: self.metrics, Kind.PARAM: self.params, Kind.TAG: self.tags}.get(kind, ())


class Search(Value):
    """A question to the index. `sort` names a column, `-` before it turns it round; `page` counts from 1."""

    text: str = ""
    sort: str = NEWEST
    page: int = 1
    size: int = PAGE
    nested: bool = True


class Found(Value):
    """One page of the answer. `children` counts the runs below each of these; `names` is what may be asked for."""

    total: int
    runs: tuple[Run, ...]
    page: int
    pages: int
    names: Names
    children: dict[str, int] = {}


class IndexState(Value):
    """How far the index is. `complete` after the first walk through all runs; `version` grows with each change.

    `runs` counts what is known so far, `at` is when the tracking service was last asked.
    """

    version: int
    runs: int
    complete: bool
    at: datetime | None = None
