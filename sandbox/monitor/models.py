"""What a Log Analytics query asks for and what it gives back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.monitor.errors import bad_argument

_DURATION = re.compile(
    r"P(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_KINDS = (
    ("DateTime", "datetime"),
    ("Date", "datetime"),
    ("Interval", "timespan"),
    ("Bool", "bool"),
    ("Float", "real"),
    ("Decimal", "decimal"),
    ("UUID", "guid"),
    ("Int64", "long"),
    ("UInt64", "long"),
    ("UInt32", "long"),
    ("Int", "int"),
    ("UInt", "int"),
    ("String", "string"),
    ("FixedString", "string"),
    ("Enum", "string"),
)
_NANOSECONDS = {
    "Nanosecond": 1,
    "Microsecond": 1_000,
    "Millisecond": 1_000_000,
    "Second": 1_000_000_000,
    "Minute": 60 * 1_000_000_000,
    "Hour": 3_600 * 1_000_000_000,
    "Day": 86_400 * 1_000_000_000,
}


@dataclass(frozen=True, slots=True)
class Window:
    """The times a query may see; None is open."""

    start: datetime | None = None
    end: datetime | None = None


def duration(text: str) -> timedelta:
    """An ISO 8601 duration in days and smaller (`PT3600.0S`, `P1DT2H`); ValueError otherwise."""
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is no ISO 8601 duration such as PT1H")
    return timedelta(**{unit: float(amount) for unit, amount in match.groupdict().items() if amount})


def moment(text: str) -> datetime:
    """An ISO 8601 time, UTC unless it says otherwise; ValueError otherwise."""
    parsed = datetime.fromisoformat(text)
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def window(timespan: object, now: datetime) -> Window:
    """Any of the three forms: a duration until now, start/duration (either way round), start/end."""
    if timespan is None or timespan == "":
        return Window()
    if not isinstance(timespan, str):
        raise bad_argument(f"The timespan {timespan!r} is not valid: a text such as PT1H is expected")
    first, slash, second = timespan.partition("/")
    try:
        if not slash:
            return Window(now - duration(first), now)
        if first.startswith("P"):
            end = moment(second)
            return Window(end - duration(first), end)
        start = moment(first)
        return Window(start, start + duration(second) if second.startswith("P") else moment(second))
    except (ValueError, OverflowError) as error:
        raise bad_argument(f"The timespan {timespan!r} is not valid: {error}") from error


def table(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of chDB as the service's PrimaryResult table."""
    types = [_plain(column["type"]) for column in answer["meta"]]
    columns = [
        {"name": column["name"], "type": _kind(kind)} for column, kind in zip(answer["meta"], types, strict=True)
    ]
    rows = [[_cell(value, kind) for value, kind in zip(row, types, strict=True)] for row in answer["data"]]
    return {"name": "PrimaryResult", "columns": columns, "rows": rows}


def _plain(declared: str) -> str:
    """The type inside Nullable and LowCardinality."""
    while match := re.fullmatch(r"(?:Nullable|LowCardinality)\((.*)\)", declared):
        declared = match[1]
    return declared


def _kind(declared: str) -> str:
    return next((kind for prefix, kind in _KINDS if declared.startswith(prefix)), "dynamic")


def _cell(value: object, declared: str) -> object:
    if value is None:
        return None
    match _kind(declared):
        case "dynamic":
            return json.dumps(value, separators=(",", ":"))
        case "timespan":
            return _timespan(int(str(value)), declared)
        case "decimal":
            return str(value)
        case "real" if isinstance(value, str):
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(value, value)
    return value


def _timespan(amount: int, declared: str) -> str:
    """`d.hh:mm:ss.fffffff`, as the service writes it."""
    ticks = amount * _NANOSECONDS.get(declared.removeprefix("Interval"), 1) // 100
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    seconds, fraction = divmod(ticks, 10_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    text = f"{hour:02d}:{minute:02d}:{second:02d}" + (f".{fraction:07d}" if fraction else "")
    return f"{sign}{days}.{text}" if days else f"{sign}{text}"


def statements(query: str) -> Sequence[str]:
    """The statements of a Kusto query: split at semicolons outside literals and comments, none of comments alone."""
    pieces, start = [], 0
    blanked = without_literals(query)
    for position, character in enumerate(blanked):
        if character == ";":
            pieces.append(query[start:position])
            start = position + 1
    pieces.append(query[start:])
    return [piece.strip() for piece in pieces if _LITERAL.sub(_without_comment, piece).strip()]


def _without_comment(match: re.Match[str]) -> str:
    return "" if match[0].startswith("//") else match[0]


_LITERAL = re.compile(r"""//[^\n]*|@'(?:[^']|'')*'|@"(?:[^"]|"")*"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\"""")


def without_literals(query: str) -> str:
    """The query with strings and comments blanked out, of the same length."""
    return _LITERAL.sub(lambda match: " " * len(match[0]), query)
