"""Who can go around the rules of a branch, from what GitHub says of it. Pure."""

from __future__ import annotations

from backend.domain.checkup import Checked, Outcome
from backend.domain.guards import BranchGuards

AREA = "GitHub"
BY_SETUP = "`mlops setup apply` makes the ruleset that is declared."
SEE = "Read it with a token that may administer the repository: GitHub hides bypass actors from others."


def bypasses(guards: BranchGuards) -> tuple[Checked, ...]:
    """The four questions: without a review, without a green check, by force, and by changing the rules."""
    return (_past_review(guards), _past_checks(guards), _by_force(guards), _by_right(guards))


def _past_review(guards: BranchGuards) -> Checked:
    question = f"Who can change {guards.branch} without a review?"
    if "pull_request" not in guards.rules:
        who = f"everybody who may push: {_names(guards.writers)}"
        return _checked(question, Outcome.WRONG, f"No rule asks for a pull request, so {who}.", guards, BY_SETUP)
    if not guards.approvals:
        return _checked(question, Outcome.WRONG, "A pull request is asked for, an approval is not.", guards, BY_SETUP)
    owners = ", of a code owner," if guards.code_owners else ""
    return _bypass(question, f"{guards.approvals} approval{owners} is asked for", guards)


def _past_checks(guards: BranchGuards) -> Checked:
    question = f"Who can merge into {guards.branch} with a failing check?"
    if not guards.checks:
        return _checked(question, Outcome.WRONG, "Everybody who may merge: no check is required.", guards, BY_SETUP)
    return _bypass(question, f"{', '.join(guards.checks)} must pass", guards)


def _by_force(guards: BranchGuards) -> Checked:
    question = f"Who can rewrite or delete {guards.branch}?"
    missing = [name for name in ("non_fast_forward", "deletion") if name not in guards.rules]
    if missing:
        answer = f"No rule forbids it ({', '.join(missing)}), so everybody who may push: {_names(guards.writers)}."
        return _checked(question, Outcome.WRONG, answer, guards, BY_SETUP)
    return _bypass(question, "force pushes and deletion are forbidden", guards)


def _by_right(guards: BranchGuards) -> Checked:
    question = "Who can switch the rules off?"
    if guards.administrators is None:
        return _checked(question, Outcome.UNKNOWN, "Who administers the repository may not be seen.", guards, SEE)
    answer = f"Its administrators: {_names(guards.administrators)}. The worker notices a ruleset that has changed."
    return _checked(question, Outcome.FINE, answer, guards)


def _bypass(question: str, rule: str, guards: BranchGuards) -> Checked:
    """Nobody, if no ruleset in force lets anybody past; who, or that it is hidden, otherwise."""
    hidden = [one.name for one in guards.guardians if one.bypass is None]
    actors = [actor for one in guards.guardians for actor in one.bypass or ()]
    if actors:
        answer = f"{rule[:1].upper()}{rule[1:]}, but these may go past it: {', '.join(actors)}."
        return _checked(question, Outcome.WRONG, answer, guards, "Take the bypass actors out of the ruleset.")
    if hidden:
        answer = f"{rule[:1].upper()}{rule[1:]}; who may go past {', '.join(hidden)} cannot be seen."
        return _checked(question, Outcome.UNKNOWN, answer, guards, SEE)
    return _checked(question, Outcome.FINE, f"Nobody: {rule}, and no ruleset has a bypass actor.", guards)


def _checked(question: str, outcome: Outcome, answer: str, guards: BranchGuards, advice: str = "") -> Checked:
    read = [f"rules/branches/{guards.branch}: {', '.join(guards.rules) or 'no rule'}"]
    read += [f"{one.path}: bypass {_names(one.bypass)}" for one in guards.guardians]
    return Checked(area=AREA, question=question, outcome=outcome, answer=answer, proof="; ".join(read), advice=advice)


def _names(people: tuple[str, ...] | None) -> str:
    return "not visible" if people is None else ", ".join(people) or "nobody"
