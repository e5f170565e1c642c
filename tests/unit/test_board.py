"""The board of pull requests: what each waits for, for whom, in which order, and what fits a search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.comparison import Difference, Verdict
from backend.domain.people import Actor, Role
from backend.domain.reviews import CheckRun, CheckState, Mergeability, PullRequest, Review
from backend.gateways.github.blockers import BranchRules, blockers
from console.viewmodels.board import (
    FILTERS,
    SORTS,
    WAITING_FOR_ME,
    Person,
    ages,
    chosen,
    compared,
    consequence,
    marks,
    reviewed,
    stale,
    waits_for,
    waits_for_person,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HEAD, OLD = "d" * 40, "a" * 40
RULES = BranchRules(approvals=1, code_owners=True, resolved_threads=True, checks=("quality-gate",))
LEAD = Person.of(Actor(name="lee", roles=frozenset({Role.LEAD})), "Lead")
DEPUTY = Person.of(Actor(name="deputy", roles=frozenset({Role.LEAD})), None)
AUTHOR = Person.of(Actor(name="scientist", roles=frozenset({Role.SCIENTIST})), None)
VIEWER = Person.of(Actor(name="viewer", roles=frozenset({Role.VIEWER})), None)
PASSED = CheckRun(id=1, name="quality-gate", state=CheckState.PASSED)


def review(author, state="APPROVED", commit=HEAD, counts=True):
    return Review(author=author, state=state, commit=commit, submitted_at=NOW, counts=counts)


def pull(number=7, **changes):
    base = PullRequest(
        number=number, title=f"Change {number}", author="scientist", head_ref=f"branch-{number}", head_sha=HEAD,
        base_ref="main", base_sha="b" * 40, draft=False, created_at=NOW - timedelta(days=2),
        updated_at=NOW - timedelta(hours=number), additions=number, deletions=1, changed_files=1,
        mergeability=Mergeability.MERGEABLE, merge_state="BLOCKED", checks=(PASSED,),
        required_checks=("quality-gate",), reviews=(), pushed_at=NOW - timedelta(days=1), trains=True,
    ).model_copy(update=changes)  # fmt: skip
    return base.model_copy(update={"blockers": blockers(base, RULES, (("lead", "deputy"),))})


FAILED = (PASSED.model_copy(update={"state": CheckState.FAILED, "title": "3 tests failed"}),)
RUNNING = (PASSED.model_copy(update={"state": CheckState.RUNNING}),)
CONFLICT = {"mergeability": Mergeability.CONFLICTING, "merge_state": "DIRTY"}
READY = {"reviews": (review("lead"),), "merge_state": "CLEAN"}
WAITS = [
    ("unreviewed", {}, "Needs approval", "lead or deputy", (True, True, False, False)),
    ("approved", READY, "Ready to merge", "anybody who may merge", (True, True, False, False)),
    ("void", {"reviews": (review("lead", commit=OLD),)}, "Needs approval", "lead or deputy",
     (True, True, False, False)),
    ("failing", {"checks": FAILED}, "A check fails", "scientist", (False, False, True, False)),
    ("running", {"checks": RUNNING}, "Being checked", "the workflow, when it ends", (False, False, False, False)),
    ("draft", {"draft": True}, "Draft", "scientist", (False, False, False, False)),
    ("conflict", CONFLICT, "Conflict", "scientist", (False, False, True, False)),
    ("asked for changes", {"reviews": (review("deputy", "CHANGES_REQUESTED"),)}, "Changes requested", "deputy",
     (False, True, True, False)),
    ("discussed", {**READY, "unresolved_threads": 1}, "Open discussion", "scientist or the reviewer",
     (False, False, True, False)),
    ("behind", {**READY, "merge_state": "BEHIND"}, "Out of date", "scientist", (False, False, True, False)),
    ("the lead's own", {"author": "lead"}, "Needs approval", "deputy", (False, True, False, False)),
    ("computed", {**READY, "mergeability": Mergeability.CHECKING}, "Being computed", "GitHub, within seconds",
     (False, False, False, False)),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "what", "whom", "mine"), [c[1:] for c in WAITS], ids=[c[0] for c in WAITS])
def test_what_it_waits_for_and_for_whom(changes, what, whom, mine):
    found = pull(**changes)
    state, who = waits_for(found)
    assert (state.text, who.raw) == (what, whom)
    assert tuple(waits_for_person(found, person) for person in (LEAD, DEPUTY, AUTHOR, VIEWER)) == mine


def test_somebody_who_has_approved_this_commit_waits_for_the_others():
    two = BranchRules(approvals=2, checks=("quality-gate",))
    base = pull(reviews=(review("lead"),))
    found = base.model_copy(update={"blockers": blockers(base, two, ())})
    assert not waits_for_person(found, LEAD)
    assert waits_for_person(found, DEPUTY)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Approved, it can merge, which retrains on production data and registers a new version."),
        (READY, "Merging it retrains on production data and registers a new version."),
        ({**READY, "trains": False}, "Merging it changes no model."),
        ({**READY, "changes_rules": True}, "Merging it changes the rules that judge models."),
        ({"checks": FAILED}, "It cannot merge, nor be approved for good, until then."),
    ],
)
def test_the_consequence_of_the_act_it_waits_for(changes, said):
    assert consequence(pull(**changes)) == said


def test_verdicts_on_this_commit_count_and_void_ones_are_told():
    assert reviewed(pull(reviews=(review("lead"), review("deputy"))))[1] == "by lead and deputy"
    state, who = reviewed(pull(reviews=(review("lead", commit=OLD), review("deputy", "DISMISSED", OLD))))
    assert (state.text, who) == ("Not reviewed", "2 approvals void by new commits")
    assert reviewed(pull(reviews=(review("x", counts=False),)))[0].text == "Not reviewed"
    assert (
        reviewed(pull(reviews=(review("lead"), review("deputy", "CHANGES_REQUESTED"))))[0].text == "Changes requested"
    )


def test_the_change_of_the_model_or_why_there_is_none():
    better = Difference(metric="auc", champion=0.85, challenger=0.99, difference=0.14, low=0.13, high=0.15,
                        verdict=Verdict.BETTER)  # fmt: skip
    assert compared(pull(change=better))[1] == "AUC +0.140"
    assert compared(pull())[0].text == "Not compared"
    assert compared(pull(trains=False))[0].text == "No model change"


def test_a_pull_request_is_stale_two_weeks_after_its_last_push():
    assert stale(pull(), NOW) == ""
    old = pull(pushed_at=NOW - timedelta(days=16))
    assert stale(old, NOW) == "no push for 16 days"
    assert ages(old, NOW) == ("open for 2 days", "no push for 16 days")
    assert ages(pull(), NOW)[1] == "active 7 h ago"


def test_what_must_not_be_overlooked_is_marked():
    assert [m.text for m in marks(pull(fork="stranger", changes_rules=True))] == ["fork", "changes the gates"]
    assert marks(pull()) == ()


def worse(by):
    return Difference(metric="auc", champion=0.85, challenger=0.85 - by, difference=-by, low=-by, high=-by,
                      verdict=Verdict.WORSE)  # fmt: skip


ROWS = (
    pull(1, additions=500),
    pull(2, draft=True, created_at=NOW - timedelta(days=30), pushed_at=NOW - timedelta(days=20)),
    pull(3, checks=FAILED, change=worse(0.1)),
    pull(4, **READY, change=worse(0.01)),
    pull(5, **CONFLICT, trains=False),
)


def numbers(words="", show="all", sort="latest activity", person=LEAD):
    return [p.number for p in chosen(ROWS, words=words, show=show, sort=sort, person=person, now=NOW)]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("all", [1, 2, 3, 4, 5]),
        ("nonsense of the address", [1, 2, 3, 4, 5]),
        (WAITING_FOR_ME, [1, 4]),
        ("ready to merge", [4]),
        ("failing", [3]),
        ("changes the model", [1, 2, 3, 4]),
        ("drafts", [2]),
        ("conflicts", [5]),
        ("stale", [2]),
    ],
)
def test_filters(show, expected):
    assert numbers(show=show) == expected
    assert show in FILTERS or "nonsense" in show


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("latest activity", [1, 2, 3, 4, 5]),
        ("oldest", [2, 1, 3, 4, 5]),
        ("largest", [1, 5, 4, 3, 2]),
        ("smallest", [2, 3, 4, 5, 1]),
        ("best model", [4, 3, 1, 2, 5]),
        ("next to merge", [4, 1, 2, 5, 3]),
        ("nonsense of the address", [1, 2, 3, 4, 5]),
    ],
)
def test_orders(sort, expected):
    assert numbers(sort=sort) == expected
    assert sort in SORTS or "nonsense" in sort


def test_search_filter_and_order_go_together():
    assert numbers("branch", show="failing") == [3]
    assert numbers("#4 scientist quality-gate") == [4]
    assert numbers("nobody") == []
    assert numbers(show=WAITING_FOR_ME, person=AUTHOR) == [3, 5]
