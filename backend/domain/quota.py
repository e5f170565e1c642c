"""What an instance type takes, and what of a family is in use and allowed."""

from __future__ import annotations

from backend.domain.value import Value


class Size(Value):
    """`cores` are vCPUs, which Azure counts by the `family` of the type."""

    family: str
    cores: int


class Usage(Value):
    used: int
    limit: int
