"""Outcomes that come days after an answer, keyed by the request that asked for it."""

from __future__ import annotations

from backend.domain.value import Value


class Label(Value):
    """`request` is the digest of the request's id, `row` the place in the request."""

    request: str
    row: int
    ill: bool


class Imported(Value):
    """What became of a file: rows that were new, that corrected an earlier outcome, that were known."""

    rows: int
    added: int
    changed: int
    known: int
