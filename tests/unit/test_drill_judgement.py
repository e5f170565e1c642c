"""What a try and the rules together say about a control: refused, NOT refused, absent or unknown, and nothing else."""

from __future__ import annotations

import pytest

from backend.domain.drills import STAND_IN, Control, Granted, Outcome, Trusted, Try, WorkflowFile
from backend.domain.guards import BranchGuards, Guardian
from backend.gateways.github.pushes import _reasons
from backend.gateways.github.stand_in import triggers
from backend.policy.drills import (
    BRANCH_CONTROLS,
    INSTEAD,
    absent,
    by_rules,
    may_be_tried,
    of_branch,
    of_self_approval,
    stands_in,
)
from backend.policy.drills_ci import CHANGES, of_comments, of_reviewers, of_rights, of_trust

ALL = ("deletion", "non_fast_forward", "pull_request", "required_status_checks")
RULESET = Guardian(name="main", path="/rulesets/1", bypass=())
CHECK = "quality-gate"
MAIN = "repo:hospital/diabetes:ref:refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
SAID = {
    Control.PUSH: "Changes must be made through a pull request.",
    Control.FORCE_PUSH: "Cannot force-push to this branch.",
    Control.DELETION: "Cannot delete this branch.",
    Control.FAILING_CHECK: 'Required status check "quality-gate" is failing.',
    Control.DISMISSED_REVIEW: "At least 1 approving review is required by reviewers with write access.",
}
RULE = {
    Control.PUSH: {"rules": tuple(sorted({*ALL} - {"pull_request"}))},
    Control.FORCE_PUSH: {"rules": tuple(sorted({*ALL} - {"non_fast_forward"}))},
    Control.DELETION: {"rules": tuple(sorted({*ALL} - {"deletion"}))},
    Control.FAILING_CHECK: {"checks": ()},
    Control.DISMISSED_REVIEW: {"dismiss_stale": False},
}


def guards(branch="main", **changed):
    whole = {
        "branch": branch,
        "rules": ALL,
        "approvals": 1,
        "code_owners": True,
        "checks": (CHECK,),
        "guardians": (RULESET,),
        "administrators": ("lead",),
        "writers": ("lead",),
        "dismiss_stale": True,
    }
    return BranchGuards(**whole | changed)


def refusal(control):
    return Try(tried_as="lead", refused=True, said=SAID[control])


@pytest.mark.parametrize("control", BRANCH_CONTROLS)
def test_refused_takes_the_try_and_the_rule(control):
    verdict = of_branch(control, guards(), CHECK, refusal(control))
    assert (verdict.outcome, verdict.tried_as) == (Outcome.REFUSED, "lead")
    assert SAID[control] in verdict.told


@pytest.mark.parametrize("control", BRANCH_CONTROLS)
def test_a_rule_that_main_lacks_is_not_refused_whatever_became_of_the_try(control):
    without = guards(**RULE[control])
    something_else = Try(tried_as="lead", refused=True, said="It is Sunday.")
    through = Try(tried_as="lead", refused=False, said="")
    for tried in (something_else, through, None):
        verdict = of_branch(control, without, CHECK, tried, "Not tried.")
        assert verdict.outcome is Outcome.NOT_REFUSED
        assert "No rule of main says" in verdict.told
    assert by_rules(control, without, CHECK, "").outcome is Outcome.NOT_REFUSED


@pytest.mark.parametrize("control", BRANCH_CONTROLS)
def test_what_went_through_in_spite_of_the_rule(control):
    verdict = of_branch(control, guards(), CHECK, Try(tried_as="lead", refused=False, said="", left="a commit"))
    assert (verdict.outcome, verdict.left) == (Outcome.NOT_REFUSED, "a commit")


def test_nothing_tried_is_unknown():
    verdict = of_branch(Control.PUSH, guards(), CHECK, None, "git is not installed")
    assert (verdict.outcome, verdict.told) == (Outcome.UNKNOWN, "git is not installed")


def test_somebody_may_go_past_it():
    passing = guards(guardians=(Guardian(name="main", path="/rulesets/1", bypass=("Team 7",)),))
    verdict = of_branch(Control.PUSH, passing, CHECK, refusal(Control.PUSH))
    assert verdict.outcome is Outcome.NOT_REFUSED
    assert "Team 7" in verdict.told
    assert by_rules(Control.PUSH, passing, CHECK, "").outcome is Outcome.NOT_REFUSED


def test_who_may_go_past_it_is_hidden():
    """A try proves something; the rules alone do not."""
    hidden = guards(guardians=(Guardian(name="main", path="/rulesets/1", bypass=None),))
    verdict = of_branch(Control.PUSH, hidden, CHECK, refusal(Control.PUSH))
    assert verdict.outcome is Outcome.REFUSED
    assert "cannot be seen" in verdict.told
    assert by_rules(Control.PUSH, hidden, CHECK, "").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("control", "rules", "may"),
    [
        (Control.PUSH, ALL, True),
        (Control.PUSH, (), True),
        (Control.PUSH, ("non_fast_forward",), False),
        (Control.DELETION, ("deletion",), True),
        (Control.DELETION, ("pull_request", "non_fast_forward"), True),
        (Control.DELETION, ("required_status_checks",), False),
        (Control.FORCE_PUSH, ("pull_request",), False),
        (Control.FAILING_CHECK, (), True),
    ],
)
def test_nothing_is_tried_that_could_not_be_taken_back(control, rules, may):
    over = guards(STAND_IN, rules=rules, checks=(CHECK,) if rules == ALL else (), dismiss_stale=False)
    assert may_be_tried(control, over, CHECK) is may


def test_a_stand_in_proves_something_only_under_the_same_rulesets():
    assert stands_in(guards(), guards(STAND_IN)) == ""
    assert stands_in(guards(guardians=()), guards(STAND_IN, guardians=())) == ""
    assert "mlops setup apply" in stands_in(guards(), None)
    assert "not under" in stands_in(guards(), guards(STAND_IN, guardians=()))
    more = (RULESET, Guardian(name="of the organisation", path="/rulesets/2", bypass=()))
    assert "not under" in stands_in(guards(guardians=more), guards(STAND_IN))


@pytest.mark.parametrize("control", [*BRANCH_CONTROLS, Control.REVIEWERS])
def test_an_absent_control_says_what_replaces_it(control):
    verdict = absent(control, "free")
    assert (verdict.outcome, verdict.instead) == (Outcome.ABSENT, INSTEAD[control])
    assert verdict.instead


@pytest.mark.parametrize(
    ("refused", "said", "outcome"),
    [
        (True, "Can not approve your own pull request", Outcome.REFUSED),
        (True, "GitHub Actions is not permitted to approve pull requests.", Outcome.REFUSED),
        (True, "Validation failed", Outcome.UNKNOWN),
        (False, "", Outcome.NOT_REFUSED),
    ],
)
def test_the_authors_approval(refused, said, outcome):
    assert of_self_approval(Try(tried_as="lead", refused=refused, said=said)).outcome is outcome


@pytest.mark.parametrize(
    ("text", "found", "outcome"),
    [
        (b"on: push\njobs: {}\n", ("push",), Outcome.REFUSED),
        (b"on: [push, issue_comment]\n", ("push", "issue_comment"), Outcome.NOT_REFUSED),
        (b"'on':\n  pull_request_review:\n    types: [submitted]\n", ("pull_request_review",), Outcome.NOT_REFUSED),
        (b"on:\n  pull_request:\n    branches: [main]\n", ("pull_request",), Outcome.REFUSED),
        (b"name: no events\n", None, Outcome.UNKNOWN),
        (b"on: [push\n", None, Outcome.UNKNOWN),
        (b"- a list\n", None, Outcome.UNKNOWN),
    ],
)
def test_a_command_in_a_comment(text, found, outcome):
    assert triggers(text) == found
    fine = WorkflowFile(path="fine.yml", triggers=("push",))
    verdict = of_comments((fine, WorkflowFile(path="other.yml", triggers=found)), "main")
    assert verdict.outcome is outcome
    assert ("other.yml" in verdict.told) is (outcome is not Outcome.REFUSED)


def trusted(subject=MAIN, identity="ci-prod", issuer=ISSUER, expression=""):
    return Trusted(identity=identity, issuer=issuer, subject=subject, expression=expression)


@pytest.mark.parametrize(
    ("given", "unseen", "outcome"),
    [
        ([trusted()], "", Outcome.REFUSED),
        ([], "", Outcome.REFUSED),
        ([trusted("repo:hospital/diabetes:pull_request", "ci-dev")], "", Outcome.REFUSED),
        ([trusted(), trusted("repo:hospital/diabetes:pull_request")], "", Outcome.NOT_REFUSED),
        ([trusted(issuer="https://elsewhere.example")], "", Outcome.NOT_REFUSED),
        ([trusted("", expression="claims['sub'] matches 'repo:hospital/*'")], "", Outcome.UNKNOWN),
        ([trusted()], "no right to read ci-other", Outcome.UNKNOWN),
        ([trusted("repo:x/y:pull_request")], "no right to read ci-other", Outcome.NOT_REFUSED),
    ],
)
def test_credentials_for_a_feature_branch(given, unseen, outcome):
    """Only who reaches production matters, and it may trust main alone."""
    assert of_trust(given, ["ci-prod"], ISSUER, (MAIN,), unseen).outcome is outcome


@pytest.mark.parametrize(
    ("actions", "exceptions", "unseen", "outcome"),
    [
        (("Microsoft.MachineLearningServices/workspaces/*/read",), (), "", Outcome.REFUSED),
        (("*",), (), "", Outcome.NOT_REFUSED),
        (("microsoft.machinelearningservices/workspaces/*/write",), CHANGES, "", Outcome.REFUSED),
        (("Microsoft.MachineLearningServices/workspaces/*/write",), CHANGES[:1], "", Outcome.NOT_REFUSED),
        ((), (), "ci-prod may not be seen", Outcome.UNKNOWN),
    ],
)
def test_what_the_roles_of_workflows_allow(actions, exceptions, unseen, outcome):
    role = Granted(identity="ci-prod", role="CI", scope="prod", actions=actions, not_actions=exceptions)
    assert of_rights([role], ["ci-prod"], unseen).outcome is outcome


@pytest.mark.parametrize(
    ("reviewers", "plan", "private", "outcome"),
    [
        (("lead",), "enterprise", True, Outcome.REFUSED),
        ((), "team", True, Outcome.ABSENT),
        (None, "team", True, Outcome.ABSENT),
        ((), "enterprise", True, Outcome.NOT_REFUSED),
        ((), "free", False, Outcome.NOT_REFUSED),
        (None, "", True, Outcome.UNKNOWN),
    ],
)
def test_reviewers_of_the_environment(reviewers, plan, private, outcome):
    verdict = of_reviewers("production", reviewers, plan, private=private)
    assert verdict.outcome is outcome
    assert bool(verdict.instead) is (outcome is Outcome.ABSENT)


def test_the_servers_own_reasons_for_a_refused_push():
    said = (
        "remote: error: GH013: Repository rule violations found for refs/heads/main.\n"
        "remote: \n"
        "remote: - Cannot force-push to this branch\n"
        "remote: \n"
        "remote: - Changes must be made through a pull request.\n"
        " ! [remote rejected] a -> main (push declined due to repository rule violations)\n"
    )
    assert _reasons(said) == "Cannot force-push to this branch; Changes must be made through a pull request."
    assert _reasons(" ! [rejected] a -> main (fetch first)\n") == "! [rejected] a -> main (fetch first)"
