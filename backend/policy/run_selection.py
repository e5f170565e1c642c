"""Which runs satisfy a search, and in which order: one pass over columns in memory, no service and no file.

A table has a row for each run: the columns of `FIELDS`, one for each metric (`metrics.auc`), parameter and tag, `text`
with everything that words are looked for in, and `key`. Moments are milliseconds since 1970, `took` is seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend.domain.run_search import FIELDS, MOMENTS, NEWEST, NUMBERS, OURS, Condition, Kind, Term, Words
from backend.errors import Invalid
from backend.policy.run_moments import duration, moment, span

Marks = Mapping[str, frozenset[str]]
"""Labels by the key of the run; a pinned one has the label `pinned`."""

PINNED = "pinned"
STATES = {"finished": "completed", "done": "completed", "killed": "cancelled", "canceled": "cancelled",
          "scheduled": "queued"}  # fmt: skip
"""MLflow's words for a run's state, as ours."""
_FOLDED = ("state", "author", "workspace", "branch", "pull_request", "commit")
"""Fields whose letter case says nothing."""
_ORDER = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "=": "equal", "!=": "not_equal"}


def select(table: Any, terms: tuple[Term, ...], marks: Marks, now: datetime) -> Any:
    """The rows that satisfy every term, as a table. Raises Invalid for a comparison that means nothing."""
    import pyarrow.compute as pc

    kept = None
    for term in terms:
        mask = _words(table, term) if isinstance(term, Words) else _condition(table, term, marks, now)
        mask = pc.fill_null(mask, False)
        mask = pc.invert(mask) if term.negated else mask
        kept = mask if kept is None else pc.and_(kept, mask)
    return table if kept is None else table.filter(kept)


def order(table: Any, sort: str) -> Any:
    """Row numbers in the wanted order; rows without the value come last. Raises Invalid for an unknown column."""
    import pyarrow.compute as pc

    name = sort.removeprefix("-")
    if name not in table.column_names or name in {"body", "text"}:
        if name in FIELDS or name.partition(".")[0] in set(Kind):
            return order(table, NEWEST)
        raise Invalid(f"There is no column {name[:80]} to sort by.")
    direction = "descending" if sort.startswith("-") else "ascending"
    keys = [(name, direction)] if name == "started" else [(name, direction), ("started", "descending")]
    return pc.sort_indices(table, sort_keys=keys)


def _words(table: Any, term: Words) -> Any:
    import pyarrow.compute as pc

    return pc.match_substring(table["text"], term.text.lower())


def _condition(table: Any, term: Condition, marks: Marks, now: datetime) -> Any:
    import pyarrow as pa

    if term.kind is Kind.FIELD and term.name in OURS:
        keys = table["key"].to_pylist()
        return pa.array([_marked(term, marks.get(key, frozenset())) for key in keys], pa.bool_())
    name = term.name if term.kind is Kind.FIELD else f"{(term.kind or Kind.TAG).value}.{term.name}"
    if name not in table.column_names:
        return pa.array([term.operator == "IS NULL"] * table.num_rows, pa.bool_())
    column = table[name]
    if term.operator in {"IS NULL", "IS NOT NULL"}:
        return column.is_null() if term.operator == "IS NULL" else column.is_valid()
    if term.kind is Kind.FIELD and term.name in MOMENTS:
        return _in_time(column, term, now)
    if term.kind is Kind.METRIC or (term.kind is Kind.FIELD and term.name in NUMBERS):
        return _number(column, term)
    return _text(column, term)


def _marked(term: Condition, labels: frozenset[str]) -> bool:
    """`pinned:yes`, `pinned = false`, `label:keep`."""
    wanted = {value.lower() for value in term.values}
    if term.name == PINNED:
        yes = term.operator == "IS NOT NULL" or bool(wanted & {"yes", "true", "1"})
        return (PINNED in labels) is (yes if term.operator != "!=" else not yes)
    mine = {label.lower() for label in labels - {PINNED}}
    if term.operator in {"IS NULL", "IS NOT NULL"}:
        return bool(mine) is (term.operator == "IS NOT NULL")
    if term.operator == ":":
        return any(value in label for value in wanted for label in mine)
    hit = bool(mine & wanted)
    return not hit if term.operator in {"!=", "NOT IN"} else hit


def _number(column: Any, term: Condition) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    operator = "=" if term.operator == ":" else term.operator
    if operator not in _ORDER:
        raise Invalid(f"{term.name} is a number: {operator} compares text. Use =, !=, <, <=, > or >=.")
    value = duration(term.values[0]) if term.name in NUMBERS else _figure(term)
    return getattr(pc, _ORDER[operator])(column, pa.scalar(value, column.type))


def _figure(term: Condition) -> float:
    try:
        return float(term.values[0])
    except ValueError:
        raise Invalid(f"{term.name} is a number, and “{term.values[0][:40]}” is none.") from None


def _in_time(column: Any, term: Condition, now: datetime) -> Any:
    import pyarrow.compute as pc

    if term.operator in {":", "=", "!="}:
        first, after = span(term.values[0], now)
        within = pc.and_(pc.greater_equal(column, first), pc.less(column, after))
        return pc.invert(within) if term.operator == "!=" else within
    if term.operator not in _ORDER:
        raise Invalid(f"{term.name} is a moment: {term.operator} compares text. Use <, <=, >, >= or a day with =.")
    return getattr(pc, _ORDER[term.operator])(column, moment(term.values[0], now))


def _text(column: Any, term: Condition) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    field = term.kind is Kind.FIELD
    if term.operator in {"<", "<=", ">", ">="}:
        return _numeric_text(column, term)
    if term.operator == ":":
        return pc.match_substring(column, _stated(term, term.values[0]), ignore_case=True)
    if "LIKE" in term.operator:
        folded = term.operator.endswith("ILIKE")
        mask = pc.match_like(column, term.values[0], ignore_case=folded)
        return pc.invert(mask) if term.operator.startswith("NOT") else mask
    if field and term.name == "commit" and term.operator in {"=", "!="}:
        mask = pc.starts_with(column, term.values[0].lower())
        return pc.invert(mask) if term.operator == "!=" else mask
    folded = field and term.name in _FOLDED
    values = [_stated(term, value.lower() if folded else value) for value in term.values]
    mask = pc.is_in(pc.utf8_lower(column) if folded else column, value_set=pa.array(values, pa.string()))
    return pc.invert(mask) if term.operator in {"!=", "NOT IN"} else mask


def _stated(term: Condition, value: str) -> str:
    return STATES.get(value.lower(), value) if term.kind is Kind.FIELD and term.name == "state" else value


def _numeric_text(column: Any, term: Condition) -> Any:
    """Parameters are text in MLflow; one that reads as a number is compared as one."""
    import pyarrow as pa

    value, operator = _figure(term), _ORDER[term.operator]
    compare = {"less": float.__lt__, "less_equal": float.__le__, "greater": float.__gt__, "greater_equal": float.__ge__}
    found = [_float(text) for text in column.to_pylist()]
    return pa.array([None if number is None else compare[operator](number, value) for number in found], pa.bool_())


_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


def _float(text: str | None) -> float | None:
    return float(text) if text is not None and _NUMBER.fullmatch(text) else None
