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
    """Every gate must be declared: one that is left out would be one that nobody decided about."""

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
    latency: _Limited
    card: _Gate


GATES = tuple(_File.model_fields)
"""In the order of reading."""


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
    return GateFile(
        rules=tuple(_rule(name, getattr(read, name)) for name in GATES), commit=commit, digest=gates_digest(content)
    )


def gates_digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _rule(name: str, gate: _Gate) -> GateRule:
    return GateRule(name=name, hard=gate.level == "hard", limit=getattr(gate, "limit", None), reason=gate.reason)
