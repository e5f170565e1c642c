"""The gate file as a team commits it: which rules there are, and how one is written down. Pure."""

from __future__ import annotations

import hashlib
import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.domain.gates import GATES_PATH, GateFile, GateRule
from backend.errors import Invalid

_Limit = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class _Gate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    level: Literal["hard", "advisory"]
    reason: Annotated[str, Field(min_length=10, max_length=400)]


class _Shared(_Gate):
    limit: _Share


class _Limited(_Gate):
    limit: _Limit


class _File(BaseModel):
    """Every gate must be declared: one that is left out would be one that nobody decided about.

    One that is younger than a team's file stands under what the file says of the same on other rows, until it is named.
    """

    model_config = ConfigDict(extra="forbid")

    sensitivity: _Shared
    calibration: _Shared
    contract: _Gate
    minimum_sensitivity: _Shared
    specificity: _Shared
    auc: _Shared
    brier: _Shared
    subgroups: _Shared
    subgroup_calibration: _Shared
    robustness: _Shared
    flips: _Shared
    production_flips: _Shared | None = None
    latency: _Limited
    card: _Gate


GATES = tuple(_File.model_fields)
"""In the order of reading."""
LIKE = {"production_flips": "flips"}
"""Whose level, limit and reason stand for a gate that a file does not name."""


def read_gates(content: bytes, commit: str) -> GateFile:
    """The rules in the file; raises Invalid with the key that is wrong."""
    try:
        read = _File.model_validate(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{GATES_PATH} is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{GATES_PATH}: {place}: {first['msg'].lower()}") from error
    rules = (_rule(name, getattr(read, name) or getattr(read, LIKE[name])) for name in GATES)
    return GateFile(rules=tuple(rules), commit=commit, digest=gates_digest(content))


def gates_digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _rule(name: str, gate: _Gate) -> GateRule:
    return GateRule(name=name, hard=gate.level == "hard", limit=getattr(gate, "limit", None), reason=gate.reason)
