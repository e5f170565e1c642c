"""The contract as JSON Schema (draft 2020-12): one of a request, one of an answer, one of a refusal. Pure.

A unit stands in `x-unit` and the range in which no warning is given in `x-plausible`, both also in the description,
because most tools show that alone. `minimum` and `maximum` are what is answered at all.
"""

from __future__ import annotations

from backend.domain.contract import Asked, Contract, Told
from backend.domain.json_value import Json, JsonObject

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def request_schema(contract: Contract) -> JsonObject:
    rows: JsonObject = {"type": "array", "minItems": 1, "maxItems": contract.max_rows, "items": row_schema(contract)}
    return _closed({"rows": rows}) | {
        "description": f"One or more patients; at most {contract.max_rows:,} rows and {contract.max_bytes:,} bytes."
    }


def row_schema(contract: Contract) -> JsonObject:
    """One patient: every field, and no other."""
    return _closed({field.name: _asked(field) for field in contract.fields})


def answer_schema(contract: Contract) -> JsonObject:
    return _tree(contract.answer)


def refusal_schema(contract: Contract) -> JsonObject:
    return _tree(contract.refusal)


def example_rows(contract: Contract) -> list[Json]:
    """The invented patients, in the order of the fields, whole numbers without a fraction."""
    names = [field.name for field in contract.fields]
    return [{name: _shortest(example.row[name]) for name in names} for example in contract.examples]


def standalone(schema: JsonObject, title: str, comment: str) -> JsonObject:
    """The schema as a file of its own."""
    return {"$schema": DIALECT, "title": title, "$comment": comment, **schema}


def _closed(properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _asked(field: Asked) -> JsonObject:
    return {
        "type": "integer" if field.whole else "number",
        "minimum": _shortest(field.possible_low),
        "maximum": _shortest(field.possible_high),
        "description": f"{field.unit}; {field.low:g} to {field.high:g} without a warning",
        "x-unit": field.unit,
        "x-plausible": {"low": _shortest(field.low), "high": _shortest(field.high)},
    }


def _shortest(number: float) -> Json:
    return int(number) if number.is_integer() else number


def _tree(told: tuple[Told, ...]) -> JsonObject:
    """The paths as nested objects. New values may come with a release, so a reader must take what it does not know."""
    return _object("", told)


def _object(prefix: str, told: tuple[Told, ...]) -> JsonObject:
    below = [one for one in told if one.name.startswith(prefix) and _leaf(one.name.removeprefix(prefix))]
    return {
        "type": "object",
        "properties": {one.name.removeprefix(prefix): _value(one, told) for one in below},
        "required": [one.name.removeprefix(prefix) for one in below],
    }


def _leaf(rest: str) -> bool:
    return bool(rest) and "." not in rest and "[" not in rest


def _value(one: Told, told: tuple[Told, ...]) -> JsonObject:
    about: JsonObject = {"description": one.meaning}
    if one.kind == "object":
        return _object(f"{one.name}.", told) | about
    if one.kind == "array":
        items: JsonObject = {"type": "array", "items": _object(f"{one.name}[].", told)}
        return items | about
    schema: JsonObject = {"type": [one.kind, "null"] if one.nullable else one.kind}
    if one.values:
        schema["enum"] = list(one.values)
    for bound, name in ((one.low, "minimum"), (one.high, "maximum")):
        if bound is not None:
            schema[name] = _shortest(bound)
    return schema | about
