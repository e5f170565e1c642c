"""What guards a branch. None stands for what the token may not see, which is not the same as nothing."""

from __future__ import annotations

from backend.domain.value import Value


class Guardian(Value):
    """A ruleset that applies, where it was read, and who may bypass it."""

    name: str
    path: str
    bypass: tuple[str, ...] | None


class BranchGuards(Value):
    """`rules` are GitHub's names of the rule types in force; people are logins."""

    branch: str
    rules: tuple[str, ...]
    approvals: int
    code_owners: bool
    checks: tuple[str, ...]
    guardians: tuple[Guardian, ...]
    administrators: tuple[str, ...] | None
    writers: tuple[str, ...] | None
    dismiss_stale: bool = False

    @property
    def passers(self) -> tuple[str, ...]:
        """Whom some ruleset in force lets past, as far as may be seen."""
        return tuple(dict.fromkeys(actor for one in self.guardians for actor in one.bypass or ()))

    @property
    def hidden(self) -> bool:
        """Whether some ruleset does not say whom it lets past."""
        return any(one.bypass is None for one in self.guardians)
