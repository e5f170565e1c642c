"""Azure Monitor's own alert rules: which of them fire."""

from __future__ import annotations

from datetime import datetime

from backend.domain.value import Value


class FiringRule(Value):
    """A rule that fires since a moment. `rule` is its ARM id as Azure spelled it, `severity` Azure's, 0 the loudest."""

    rule: str
    since: datetime
    severity: int

    @property
    def key(self) -> str:
        """For a comparison: Azure spells an id in upper and lower case as it likes."""
        return self.rule.lower()

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


class AzureAlerts(Value):
    """The rules that fire; `refused` says why nobody may know, and is "" where Azure told."""

    firing: tuple[FiringRule, ...] = ()
    refused: str = ""

    def of(self, rule: str) -> FiringRule | None:
        """The firing of a rule by its name, in upper or lower case; None if it is quiet."""
        return next((one for one in self.firing if one.name == rule.lower()), None)
