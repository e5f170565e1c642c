"""What came of a control: from what was tried on the stand-in, and from the rules of the branch it stands for. Pure.

| | the rule holds on the branch | it does not |
|---|---|---|
| the try was refused | refused | NOT refused: something else was in its way |
| the try went through | NOT refused: whoever tried goes past the rule | NOT refused |
| nothing was tried | unknown, or what the rules say where they alone decide | NOT refused |
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.drills import STAND_IN, Control, Outcome, Try, Verdict
from backend.domain.guards import BranchGuards

BY_RULES = "nobody: judged by the rules in force"
BRANCH_CONTROLS = (Control.PUSH, Control.FORCE_PUSH, Control.DELETION, Control.FAILING_CHECK, Control.DISMISSED_REVIEW)
INSTEAD = {
    Control.PUSH: "The worker reports every push as an unexplained event, and only approved versions are served.",
    Control.FORCE_PUSH: "The worker reports rewritten history; releases stand in the ledger with commits and digests.",
    Control.DELETION: "The worker reports it; what was released stands in the ledger with its commits and digests.",
    Control.FAILING_CHECK: "The console's own merge button waits for the check; a version needs gates and approval.",
    Control.DISMISSED_REVIEW: "An approval in the console is bound to the commit and void when it changes.",
    Control.REVIEWERS: "The ruleset of the branch and the console's approval decide; CI cannot write endpoints.",
}
"""What stands in for a control that the plan does not have."""

OWN = ("own pull request", "not permitted to approve")
"""GitHub's words to a person, and to a program that approves."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Whether the branch has the rule, what it is called, and words of a refusal that names it."""

    holds: bool
    named: str
    words: tuple[str, ...]


def rule_of(control: Control, guards: BranchGuards, required_check: str) -> Rule:
    """The rule behind a control, as it is in force on a branch."""
    if control is Control.PUSH:
        return Rule("pull_request" in guards.rules, "changes need a pull request", ("through a pull request",))
    if control is Control.FORCE_PUSH:
        return Rule("non_fast_forward" in guards.rules, "no force push", ("force-push", "force push"))
    if control is Control.DELETION:
        return Rule("deletion" in guards.rules, "no deletion", ("cannot delete",))
    if control is Control.FAILING_CHECK:
        return Rule(required_check in guards.checks, f"{required_check} must pass", ("status check",))
    holds = guards.approvals > 0 and guards.dismiss_stale
    return Rule(holds, "an approval counts for its own commits only", ("approving review", "require approval"))


def may_be_tried(control: Control, stand_in: BranchGuards, required_check: str) -> bool:
    """Whether a try on the stand-in is harmless: it will be refused, or can be taken back.

    What was pushed or merged is taken back by a force push, a deleted branch by making it anew.
    """
    if rule_of(control, stand_in, required_check).holds:
        return True
    in_force = set(stand_in.rules)
    if control is Control.DELETION:
        return not in_force & {"creation", "required_status_checks"}
    return not in_force & {"pull_request", "non_fast_forward", "required_status_checks", "update"}


def stands_in(main: BranchGuards, stand_in: BranchGuards | None) -> str:
    """Why the stand-in says nothing about the branch; "" where it does: every ruleset of the branch holds on it."""
    if stand_in is None:
        return f"There is no branch {STAND_IN}: `mlops setup apply` makes it."
    missing = {one.path for one in main.guardians} - {one.path for one in stand_in.guardians}
    if missing:
        return f"{STAND_IN} is not under all rulesets of {main.branch}: `mlops setup apply` puts it there."
    return ""


def of_branch(
    control: Control, main: BranchGuards, required_check: str, tried: Try | None, why_not: str = ""
) -> Verdict:
    """The verdict about a branch control. `why_not` says why nothing was tried."""
    rule = rule_of(control, main, required_check)
    if not rule.holds:
        return _open(control, main, rule, tried, why_not)
    if tried is None:
        return Verdict(control=control, outcome=Outcome.UNKNOWN, told=why_not, tried_as="nobody")
    if not tried.refused:
        how = f" ({tried.said})" if tried.said else ""
        told = f"{tried.tried_as} did it on {STAND_IN}{how}, although the rules say: {rule.named}."
        return _verdict(control, Outcome.NOT_REFUSED, told, tried)
    if main.passers:
        told = f"{_named(tried, rule)} But the rulesets let these go past: {', '.join(main.passers)}."
        return _verdict(control, Outcome.NOT_REFUSED, told, tried)
    hidden = " Whom the rulesets let past cannot be seen by this token." if main.hidden else ""
    return _verdict(control, Outcome.REFUSED, f"{_named(tried, rule)}{hidden}", tried)


def by_rules(control: Control, main: BranchGuards, required_check: str, why: str) -> Verdict:
    """The verdict where nobody could try: the rules alone, and unknown where they hide whom they let past."""
    rule = rule_of(control, main, required_check)
    if not rule.holds:
        outcome, told = Outcome.NOT_REFUSED, f"No rule of {main.branch} says: {rule.named}."
    elif main.passers:
        outcome, told = Outcome.NOT_REFUSED, f"The rulesets let these go past: {', '.join(main.passers)}."
    elif main.hidden:
        outcome, told = Outcome.UNKNOWN, f"{main.branch} has the rule ({rule.named}); whom it lets past is hidden."
    else:
        outcome, told = Outcome.REFUSED, f"In force on {main.branch}, for everybody: {rule.named}."
    return Verdict(control=control, outcome=outcome, told=f"{told} {why}", tried_as=BY_RULES)


def absent(control: Control, plan: str) -> Verdict:
    """A control that the organisation's plan does not have for this repository."""
    told = f"GitHub's plan “{plan}” has no such rule for a private repository."
    return Verdict(
        control=control, outcome=Outcome.ABSENT, told=told, tried_as=BY_RULES, instead=INSTEAD.get(control, "")
    )


def of_self_approval(tried: Try) -> Verdict:
    """GitHub refuses it on every plan; a token that may not review at all proves nothing."""
    if not tried.refused:
        told = f"{tried.tried_as} approved their own pull request."
        return _verdict(Control.SELF_APPROVAL, Outcome.NOT_REFUSED, told, tried)
    if not any(words in tried.said.lower() for words in OWN):
        return _verdict(Control.SELF_APPROVAL, Outcome.UNKNOWN, f"Refused for another reason: {tried.said}", tried)
    return _verdict(Control.SELF_APPROVAL, Outcome.REFUSED, f"“{tried.said}”", tried)


def _open(control: Control, main: BranchGuards, rule: Rule, tried: Try | None, why_not: str) -> Verdict:
    """No rule forbids it on the branch, whatever became of the try."""
    missing = f"No rule of {main.branch} says: {rule.named}."
    if tried is None:
        told = f"{missing} {why_not}".rstrip()
        return Verdict(control=control, outcome=Outcome.NOT_REFUSED, told=told, tried_as=BY_RULES)
    if tried.refused:
        return _verdict(control, Outcome.NOT_REFUSED, f"{missing} Only this was in the way: “{tried.said}”", tried)
    return _verdict(control, Outcome.NOT_REFUSED, f"{missing} {tried.tried_as} did it on {STAND_IN}.", tried)


def _named(tried: Try, rule: Rule) -> str:
    if any(words in tried.said.lower() for words in rule.words):
        return f"“{tried.said}”"
    return f"“{tried.said}” ({rule.named} is in force too)."


def _verdict(control: Control, outcome: Outcome, told: str, tried: Try) -> Verdict:
    return Verdict(control=control, outcome=outcome, told=told, tried_as=tried.tried_as, left=tried.left)
