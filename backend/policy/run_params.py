"""Changes to a parameter file, checked against its schema before anything runs; several values of a name are a sweep.

The schema is JSON Schema's part that training/params.schema.json uses: objects, numbers with bounds, and choices.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import isfinite
from typing import Any

from backend.errors import Invalid

PARAMS_PATH = "training/params.toml"
SCHEMA_PATH = "training/params.schema.json"
MOST_PARTS = 50
Values = dict[str, float | int | str]


def flat(text: str) -> Values:
    """A parameter file by dotted names: `logistic.reg_rate`. Raises Invalid."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{PARAMS_PATH} of this branch is not TOML: {error}") from None
    return dict(_leaves("", table))


def _leaves(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def written(values: Values) -> str:
    """The values as a parameter file."""
    top = {name: value for name, value in values.items() if "." not in name}
    sections: dict[str, Values] = {}
    for name, value in values.items():
        section, dot, key = name.partition(".")
        if dot:
            sections.setdefault(section, {})[key] = value
    # A JSON string or number is written the same way in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in top.items()]
    for section, held in sections.items():
        lines += ["", f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in held.items())]
    return "\n".join(lines) + "\n"


def read_changes(said: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """`logistic.reg_rate=0.01,0.1` by name. Raises Invalid."""
    found: dict[str, tuple[str, ...]] = {}
    for line in said:
        name, equals, text = line.partition("=")
        values = tuple(value.strip() for value in text.split(","))
        if not equals or not name.strip() or not all(values):
            raise Invalid(f"“{line[:80]}” does not read name=value or name=value,value.")
        if name.strip() in found:
            raise Invalid(f"{name.strip()} is given twice; write its values in one line, with commas.")
        found[name.strip()] = values
    return found


def parts(values: Values, schema_text: str, changes: Mapping[str, Sequence[str]]) -> tuple[Values, ...]:
    """The changes of each run: one, or every combination of a sweep. Raises Invalid naming the first that cannot be."""
    kinds = _kinds(schema_text)
    for name in changes:
        if name not in kinds:
            raise Invalid(f"{name} is not a parameter; there are {', '.join(sorted(kinds))}.")
    read = {name: [_value(name, kinds[name], text) for text in texts] for name, texts in changes.items()}
    number = 1
    for texts in read.values():
        number *= len(texts)
    if number > MOST_PARTS:
        raise Invalid(f"These are {number:,} runs; a sweep has at most {MOST_PARTS}.")
    made = tuple(dict(zip(read, chosen, strict=True)) for chosen in product(*read.values()))
    for part in made:
        check(values | part, schema_text)
    return made


def check(values: Mapping[str, object], schema_text: str) -> None:
    """Every value of a parameter file. Raises Invalid naming the first that is missing, unknown or out of range."""
    kinds = _kinds(schema_text)
    for name in kinds:
        if name not in values:
            raise Invalid(f"{name} is missing.")
    for name, value in values.items():
        if name not in kinds:
            raise Invalid(f"{name} is not a parameter.")
        _refuse(name, kinds[name], value)


def _kinds(schema_text: str) -> dict[str, Mapping[str, Any]]:
    """What the schema says of each parameter, by dotted name."""
    try:
        found = dict(_properties("", json.loads(schema_text)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid(f"{SCHEMA_PATH} of this branch is no schema that can be read; take main's.") from None
    return found


def _properties(prefix: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, kind in schema["properties"].items():
        if kind["type"] == "object":
            yield from _properties(f"{prefix}{name}.", kind)
        else:
            yield f"{prefix}{name}", kind


def _value(name: str, kind: Mapping[str, Any], text: str) -> float | int | str:
    if kind["type"] == "string":
        value: float | int | str = text
    else:
        try:
            value = int(text) if kind["type"] == "integer" else float(text)
        except ValueError:
            value = text
    _refuse(name, kind, value)
    return value


def _refuse(name: str, kind: Mapping[str, Any], value: object) -> None:
    if kind["type"] == "string":
        allowed = kind.get("enum")
        if not isinstance(value, str) or (allowed is not None and value not in allowed):
            raise Invalid(f"{name} must be one of {', '.join(allowed or ())}, not {value!r}.")
        return
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    whole, low, high = kind["type"] == "integer", kind["minimum"], kind["maximum"]
    if number is None or not isfinite(number) or (whole and not isinstance(number, int)) or not low <= number <= high:
        what = "whole number" if whole else "number"
        raise Invalid(f"{name} must be a {what} from {low:g} to {high:g}, not {value!r}.")
