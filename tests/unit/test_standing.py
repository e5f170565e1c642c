"""Where a version stands after production has had to do with it, in the words of page and command line."""

from __future__ import annotations

import pytest

from backend.domain.promotions import Phase
from backend.domain.registry import VersionState
from tests.recovery.hospital import LEAD, OPERATOR, WHY, Hospital

BACK = "the positive rate has doubled"


@pytest.fixture
def ready(tmp_path):
    """v1 serves, v2 has been tested."""
    made = Hospital.after(tmp_path, "1", staged="2")
    yield made
    made.close()


@pytest.fixture
def two(tmp_path):
    """v2 serves, v1 is warm."""
    made = Hospital.after(tmp_path, "1", "2")
    yield made
    made.close()


def standing(hospital, version):
    found = hospital.models.dossier(hospital.version(version))
    return found.state, found.why


def test_a_version_that_was_rolled_back_says_by_whom_and_why(two):
    assert standing(two, "1") == (VersionState.SUPERSEDED, "v2 has served since.")
    two.promotions.roll_back(OPERATOR, two.promotions.stable(), BACK, "back")
    two.run("back")
    assert standing(two, "1") == (VersionState.SERVING, "")
    assert standing(two, "2") == (VersionState.ROLLED_BACK, f"operator rolled production back to v1: {BACK}")


def test_a_version_on_its_way_waits_for_nobody_and_an_aborted_one_says_who_stopped_it(ready):
    ready.click("2")
    assert standing(ready, "2")[0] is VersionState.PROMOTING
    ready.steering.abort(OPERATOR, "click-2", "the ward calls too seldom")
    ready.run("click-2")
    assert ready.promotions.get("click-2").phase is Phase.ROLLED_BACK
    assert standing(ready, "2") == (VersionState.ABORTED, "Aborted by operator: the ward calls too seldom")


@pytest.mark.parametrize("anew", ["approve", "stage"])
def test_a_new_decision_or_a_new_test_makes_it_wait_again(two, anew):
    two.promotions.roll_back(OPERATOR, two.promotions.stable(), BACK, "back")
    two.run("back")
    two.clock.pass_(60)
    known = two.version("2")
    if anew == "approve":
        two.models.approve(LEAD, known, WHY, "anew", two.advisory(known))
    else:
        two.promotions.stage(LEAD, known, WHY, "anew")
    assert standing(two, "2") == (VersionState.APPROVED, "")


def test_what_was_passed_over_by_a_newer_version_is_superseded(tmp_path):
    made = Hospital.after(tmp_path, "1", staged="2")
    made.staged("3")
    made.settle(60)
    made.click("3")
    made.run("click-3")
    assert standing(made, "3")[0] is VersionState.SERVING
    assert standing(made, "2") == (VersionState.SUPERSEDED, "v3 serves now.")
    made.close()


def test_an_approval_stays_known_whatever_became_of_the_version(two):
    two.promotions.roll_back(OPERATOR, two.promotions.stable(), BACK, "back")
    two.run("back")
    assert two.models.dossier(two.version("2")).approved
