"""Who can go around the rules of main, with proof; and whether the quota holds a rollout."""

from __future__ import annotations

import pytest

from backend.domain.checkup import Outcome
from backend.domain.guards import BranchGuards, Guardian
from backend.domain.quota import Size, Usage
from backend.policy.bypass import bypasses
from backend.policy.quota import cores_needed, enough

RULES = ("deletion", "non_fast_forward", "pull_request", "required_status_checks")
PATH = "/repos/hospital/diabetes/rulesets/7"


def guards(**changed):
    values = {
        "branch": "main",
        "rules": RULES,
        "approvals": 1,
        "code_owners": True,
        "checks": ("quality-gate",),
        "guardians": (Guardian(name="main", path=PATH, bypass=()),),
        "administrators": ("deputy", "lead"),
        "writers": ("deputy", "lead", "scientist"),
    }
    return BranchGuards(**{**values, **changed})


def guardian(bypass):
    return (Guardian(name="main", path=PATH, bypass=bypass),)


FINE, WRONG, UNKNOWN = Outcome.FINE, Outcome.WRONG, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("changed", "outcomes", "said"),
    [
        ({}, (FINE, FINE, FINE, FINE), "Nobody: 1 approval, of a code owner, is asked for"),
        ({"rules": ()}, (WRONG, FINE, WRONG, FINE), "everybody who may push: deputy, lead, scientist"),
        ({"approvals": 0}, (WRONG, FINE, FINE, FINE), "an approval is not"),
        ({"checks": ()}, (FINE, WRONG, FINE, FINE), "Nobody"),
        ({"rules": ("pull_request",)}, (FINE, FINE, WRONG, FINE), "Nobody"),
        ({"guardians": guardian(("Team 3",))}, (WRONG, WRONG, WRONG, FINE), "these may go past it: Team 3"),
        ({"guardians": guardian(None)}, (UNKNOWN, UNKNOWN, UNKNOWN, FINE), "who may go past main cannot be seen"),
        ({"administrators": None}, (FINE, FINE, FINE, UNKNOWN), "Nobody"),
        ({"rules": (), "writers": None}, (WRONG, FINE, WRONG, FINE), "everybody who may push: not visible"),
    ],
)
def test_every_way_around_main_has_its_answer(changed, outcomes, said):
    found = bypasses(guards(**changed))
    assert tuple(one.outcome for one in found) == outcomes
    assert said in found[0].answer
    assert all(PATH in one.proof and "rules/branches/main" in one.proof for one in found)


SIZE = Size(family="standardDSv2Family", cores=2)


@pytest.mark.parametrize(
    ("size", "running", "used", "limit", "fine"),
    [
        (SIZE, 0, 0, 8, True),  # 2 vCPUs, three at once, a fifth in reserve: 7.2
        (SIZE, 0, 0, 7, False),
        (SIZE, 2, 4, 8, True),
        (SIZE, 0, 4, 8, False),
        (None, 0, 0, 100, None),
        (Size(family="other", cores=2), 0, 0, 100, None),
    ],
)
def test_the_quota_holds_what_may_run_at_once_or_not(size, running, used, limit, fine):
    usages = {"standardDSv2Family": Usage(used=used, limit=limit)}
    assert enough(size, 1, running, usages)[0] is fine


def test_a_rollout_takes_stable_candidate_and_warm():
    assert cores_needed(SIZE, 2) == 15
