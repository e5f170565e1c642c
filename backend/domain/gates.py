"""Gates: the rules a team has written down, and what each of them finds about a version."""

from __future__ import annotations

from enum import StrEnum

from backend.domain.value import Value

GATES_PATH = "training/gates.toml"
"""Where a team's gates are committed."""


class GateRule(Value):
    """One table of `training/gates.toml`. A failed advisory gate needs an acknowledgement, a hard one stops."""

    name: str
    hard: bool
    limit: float | None
    reason: str


class GateFile(Value):
    """The rules as read at `commit`; `digest` is sha256 of the file's bytes.

    `changed_with_model` says that the change which made the version also changed the rules that judge it.
    """

    rules: tuple[GateRule, ...]
    commit: str
    digest: str
    changed_with_model: bool = False


class FindingState(StrEnum):
    """A gate's result; only PASS is green. ADVISORY is an advisory gate that failed."""

    PASS = "pass"  # noqa: S105  # a word on the strip, no password
    FAIL = "fail"
    ADVISORY = "advisory"
    INCONCLUSIVE = "inconclusive"
    STALE = "stale"
    NOT_RUN = "not run"


GRAVEST_FIRST = (
    FindingState.FAIL,
    FindingState.STALE,
    FindingState.NOT_RUN,
    FindingState.INCONCLUSIVE,
    FindingState.ADVISORY,
    FindingState.PASS,
)


class Finding(Value):
    """What one check says: a word and its sentence. `group` is the strip's word that it belongs to.

    `rule` is None for what is no gate of the file: where code and data came from, and who has approved.
    """

    gate: str
    group: str
    state: FindingState
    sentence: str
    rule: GateRule | None = None

    @property
    def title(self) -> str:
        return self.gate.replace("_", " ").capitalize() if self.gate != "auc" else "AUC"

    @property
    def passed(self) -> bool:
        return self.state is FindingState.PASS


class StripWord(Value):
    """One word of the verdict strip: the gravest of its findings, and their sentences."""

    group: str
    state: FindingState
    sentences: tuple[str, ...]


ORDER = ("Code", "Data", "Quality", "Fairness", "Calibration", "Contract", "Health", "Approvals", "Window")
"""Of the verdict strip; a group that is not named here comes last."""


def strip(findings: tuple[Finding, ...]) -> tuple[StripWord, ...]:
    """The findings by group, in the order of reading."""
    found = dict.fromkeys(finding.group for finding in findings)
    groups = sorted(found, key=lambda group: ORDER.index(group) if group in ORDER else len(ORDER))
    return tuple(_word(group, [f for f in findings if f.group == group]) for group in groups)


def _word(group: str, found: list[Finding]) -> StripWord:
    ordered = sorted(found, key=lambda finding: GRAVEST_FIRST.index(finding.state))
    return StripWord(group=group, state=ordered[0].state, sentences=tuple(f.sentence for f in ordered))
