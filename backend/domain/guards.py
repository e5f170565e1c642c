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
