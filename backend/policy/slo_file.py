"""The file of objectives as a team commits it, and how one is written down. Pure."""

from __future__ import annotations

import hashlib
import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from backend.domain.objectives import SLO_PATH, Burn, Measure, Objective, Severity, Slo
from backend.errors import Invalid

LONGEST_DAYS = 30
"""The log keeps 30 days (Azure Monitor's default for a workspace), and a budget beyond them could not be counted."""

_Share = Annotated[float, Field(ge=0.5, lt=1, allow_inf_nan=False)]
_Reason = Annotated[str, Field(min_length=10, max_length=400)]
_Count = Annotated[int, Field(ge=1, le=100_000_000)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Availability(_Table):
    objective: _Share
    reason: _Reason


class _Latency(_Availability):
    within_ms: Annotated[float, Field(gt=0, le=600_000)]


class _Budget(_Table):
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)]
    least_calls: _Count
    promotion: Literal["hard", "shown"]
    reason: _Reason


class _Burn(_Table):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    severity: Severity
    long_minutes: Annotated[int, Field(ge=5, le=LONGEST_DAYS * 1440)]
    short_minutes: Annotated[int, Field(ge=1)]
    factor: Annotated[float, Field(gt=0, le=1000)]
    least_calls: _Count

    @model_validator(mode="after")
    def _ordered(self) -> _Burn:
        if self.short_minutes >= self.long_minutes:
            raise ValueError("the short window has to be shorter than the long one")
        return self


class _File(_Table):
    availability: _Availability
    latency: _Latency
    budget: _Budget
    burn: Annotated[tuple[_Burn, ...], Field(min_length=1, max_length=6)]

    @model_validator(mode="after")
    def _named_once(self) -> _File:
        names = [burn.name for burn in self.burn]
        if len(set(names)) < len(names):
            raise ValueError("two burn rules have the same name")
        return self


def read_slo(content: bytes) -> Slo:
    """The objectives in the file; raises Invalid with the key that is wrong."""
    try:
        read = _File.model_validate(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{SLO_PATH} is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Invalid(f"{SLO_PATH}: {place}: {first['msg'].lower()}") from error
    return Slo(
        objectives=(
            Objective(
                measure=Measure.AVAILABILITY,
                objective=read.availability.objective,
                within_ms=None,
                reason=read.availability.reason,
            ),
            Objective(
                measure=Measure.LATENCY,
                objective=read.latency.objective,
                within_ms=read.latency.within_ms,
                reason=read.latency.reason,
            ),
        ),
        burns=tuple(Burn.model_validate(burn.model_dump()) for burn in read.burn),
        budget_days=read.budget.days,
        least_calls=read.budget.least_calls,
        hard=read.budget.promotion == "hard",
        reason=read.budget.reason,
        digest=slo_digest(content),
    )


def slo_digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
