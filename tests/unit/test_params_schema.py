"""params.schema.json says what params.py accepts, to us and to JSON Schema: at every bound, on both sides of it."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from backend.errors import Invalid
from backend.policy.run_params import check, flat
from training.params import ParamsError, parse

TRAINING = Path(__file__).parents[2] / "training"
TABLE = tomllib.loads((TRAINING / "params.toml").read_text())
TEXT = (TRAINING / "params.schema.json").read_text()
SCHEMA = json.loads(TEXT)


def leaves(schema, *path):
    for name, kind in schema["properties"].items():
        if kind["type"] == "object":
            yield from leaves(kind, *path, name)
        else:
            yield (*path, name), kind


def tries(kind):
    if kind["type"] == "string":
        return [*kind["enum"], "another", 1, ""]
    low, high = kind["minimum"], kind["maximum"]
    step = 1 if kind["type"] == "integer" else low / 10 or 0.1
    return [low, high, low - step, high + step, 2 * high, True, "1", 0.5 + low]


CASES = [(path, value) for path, kind in leaves(SCHEMA) for value in tries(kind)]


def accepted(table):
    try:
        parse(table)
    except ParamsError:
        return False
    return True


def checked(table):
    """As a request for a run is."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in table.items() if not isinstance(value, dict)]
    for section, held in table.items():
        if isinstance(held, dict):
            lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in held.items())]
    try:
        check(flat("\n".join(lines)), TEXT)
    except Invalid:
        return False
    return True


@pytest.mark.parametrize(("path", "value"), CASES, ids=str)
def test_both_accept_and_refuse_the_same(path, value):
    table = copy.deepcopy(TABLE)
    place = table
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    verdict = accepted(table)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(table) == verdict
    assert checked(table) == verdict


@pytest.mark.parametrize("path", [path for path, _ in leaves(SCHEMA)], ids=str)
def test_both_miss_what_is_missing_and_know_no_more(path):
    table = copy.deepcopy(TABLE)
    place = table
    for name in path[:-1]:
        place = place[name]
    place["another"] = place.pop(path[-1])
    assert not accepted(table)
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(table)
    assert not checked(table)


def test_the_file_of_this_checkout_is_valid():
    assert accepted(TABLE)
    jsonschema.validate(TABLE, SCHEMA)
