"""Approving under a policy, saying no, breaking the glass and quarantine, by the operations and the real engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backend.domain.authorship import CommitAuthors, Submitter
from backend.domain.promotions import Kind, Phase, Request
from backend.domain.registry import VersionState
from backend.errors import Conflict, Invalid, NotPermitted, PolicyDenied
from backend.gateways.github.commits import Written, authors_of
from backend.operations.approvals_told import approval_lines
from backend.operations.models import WhenServing
from backend.promotion.authorship_watch import AuthorshipWatch
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import CAROL, DEPUTY, LEAD, OPERATOR, PROJECT, VIEWER, WHY, hard


def approve(hospital, by, key=""):
    known = hospital.version("2")
    return hospital.models.approve(by, known, WHY, key or f"yes-{by.name}", hospital.advisory(known))


def promote(hospital, by=LEAD, key="go"):
    return hospital.promotions.promote(by, hospital.version("2"), hospital.promotions.stable(), WHY, key)


def actions(hospital, limit=4):
    return [entry.action for entry in hospital.store.audit.entries(limit=limit)]


def test_two_different_people_have_to_approve_and_the_blocker_names_how_many_more(ready):
    ready.under(quorum=2)
    found = ready.decision()
    assert hard(found)["Approval"].who == "2 leads"
    with pytest.raises(PolicyDenied, match="v2 has 0 of 2 approvals; still needed: 2 leads"):
        ready.click("2")
    approve(ready, LEAD)
    approve(ready, LEAD, "and again")
    found = ready.decision()
    assert hard(found)["Approval"].who == "1 more lead"
    assert found.approve_refusal == "You have approved v2 already; others are still needed."
    assert "Approvals: 1 of 2 approvals (lead)" in next(iter(approval_lines(found)))
    with pytest.raises(PolicyDenied, match=r"1 of 2 approvals \(lead\); still needed: 1 more lead"):
        promote(ready)
    assert "Approval" not in hard(ready.decision(DEPUTY))
    stable, told = ready.promotions.stable(), ready.advisory(ready.version("2"), DEPUTY)
    begun = ready.promotions.approve_and_promote(DEPUTY, ready.version("2"), stable, WHY, "both", told)
    assert begun.phase is Phase.PENDING


def test_two_people_who_approve_at_once_are_two_approvals_and_one_who_clicks_twice_is_one(ready):
    ready.under(quorum=2)
    told = ready.advisory(ready.version("2"))
    clicks = [(LEAD, "a"), (LEAD, "a"), (DEPUTY, "b"), (DEPUTY, "b")]

    def click(by, key):
        return ready.models.approve(by, ready.version("2"), WHY, key, told)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: click(*one), clicks))
    found = ready.models.dossier(ready.version("2"))
    assert sorted(a.actor for a in found.approvals) == ["deputy", "lead"]
    assert found.state is VersionState.APPROVED
    assert actions(ready).count("version.approved") == 2


def test_an_approval_ends_by_the_clock_and_the_click_says_so_and_when(ready):
    ready.under(expiry_days=2)
    approve(ready, LEAD)
    ready.clock.pass_(2 * 86_400 - 60)
    assert ready.decision().dossier.approved
    ready.clock.pass_(60)
    with pytest.raises(PolicyDenied, match=r"The approval of v2 by lead expired on .* UTC, after 2 days\."):
        promote(ready)
    assert ready.models.dossier(ready.version("2")).state is VersionState.READY


def test_a_required_approver_who_is_away_is_stood_in_for_until_it_ends_or_is_revoked(ready):
    ready.under(required=("carol",))
    approve(ready, LEAD)
    assert hard(ready.decision())["Approval"].who == "carol"
    until = ready.clock() + timedelta(days=3)
    made = ready.approvers.delegate(CAROL, "deputy", until, "on leave until Monday", "away")
    assert ready.approvers.delegate(CAROL, "deputy", until, "on leave until Monday", "away") == made
    assert hard(ready.decision())["Approval"].who.startswith("carol (or deputy until ")
    with pytest.raises(NotPermitted, match="carol made this delegation"):
        ready.approvers.revoke(OPERATOR, made.id, "not wanted any more")
    ready.approvers.revoke(CAROL, made.id, "back a day earlier")
    approve(ready, DEPUTY)
    assert "Approval" in hard(ready.decision())
    ready.approvers.delegate(CAROL, "deputy", until, "away once more, sorry", "again")
    ready.clock.pass_(4 * 86_400)
    approve(ready, DEPUTY, "too late")
    assert "Approval" in hard(ready.decision())
    ready.approvers.delegate(CAROL, "deputy", ready.clock() + timedelta(days=1), "and one more day", "third")
    ready.clock.pass_(1)
    approve(ready, DEPUTY, "in time")
    assert ready.models.dossier(ready.version("2")).approved
    told = [e.action for e in ready.store.audit.entries(limit=99, subject="person/carol")]
    assert told.count("approver.delegated") == 3
    assert told.count("approver.revoked") == 1


def test_who_approved_before_standing_in_may_approve_once_more_for_who_is_away(ready):
    ready.under(required=("carol",), quorum=2)
    approve(ready, DEPUTY)
    assert "others are still needed" in ready.decision(DEPUTY).approve_refusal
    ready.clock.pass_(1)
    ready.approvers.delegate(CAROL, "deputy", ready.clock() + timedelta(days=1), "on leave until Monday", "away")
    assert hard(ready.decision(DEPUTY))["Approval"].who.startswith("carol (or deputy until ")
    assert ready.decision(DEPUTY).approve_refusal == ""
    approve(ready, DEPUTY, "for carol")
    assert hard(ready.decision(DEPUTY))["Approval"].who == "1 more lead"
    assert "others are still needed" in ready.decision(DEPUTY).approve_refusal


def test_a_delegation_needs_an_end_that_lies_ahead_and_somebody_else(ready):
    for to, days, words in (("carol", 1, "stand in for themselves"), ("dave", -1, "must lie ahead"), ("", 1, "Name")):
        with pytest.raises(Invalid, match=words):
            ready.approvers.delegate(CAROL, to, ready.clock() + timedelta(days=days), WHY, "key")
    with pytest.raises(NotPermitted):
        ready.approvers.delegate(OPERATOR, "dave", ready.clock() + timedelta(days=1), WHY, "key")


class CommitsInMemory:
    """GitHub's answers: what each pull request and range holds."""

    def __init__(self, pull, since):
        self.pull, self.since, self.asked = pull, since, []

    def of_pull(self, number):
        self.asked.append(number)
        return Written(tuple(CommitAuthors(commit=c, authors=(who,)) for c, who in self.pull), complete=True)

    def between(self, base, head):
        self.asked.append((base, head))
        return Written(tuple(CommitAuthors(commit=c, authors=(who,)) for c, who in self.since), complete=True)


class JobsByHand:
    def submitter(self, _name):
        return Submitter(name="Carol", person=True)


def test_whoever_wrote_any_commit_since_the_champion_or_ran_it_by_hand_may_not_approve(ready):
    approve(ready, LEAD)
    approve(ready, DEPUTY)
    github = CommitsInMemory(pull=[("a" * 40, "scientist")], since=[("b" * 40, "lead")])
    watch = AuthorshipWatch(ready.store, github, JobsByHand(), PROJECT, ready.clock)
    versions = tuple(ready.cloud.registered.values())
    assert watch.look(versions)
    assert not watch.look(versions)
    champion = ready.version("1").lineage.commit
    assert github.asked == [2, (champion, ready.version("2").lineage.commit)]
    for who, words in ((LEAD, "You wrote commit bbbbbbb"), (CAROL, "You submitted run train-2 by hand")):
        assert words in ready.decision(who).duty[0]
        with pytest.raises(NotPermitted, match=words):
            approve(ready, who, f"late-{who.name}")
    found = ready.models.dossier(ready.version("2"))
    assert [a.actor for a in found.assent.counted] == ["deputy"]
    assert "The approval by lead does not count: lead wrote commit bbbbbbb" in found.assent.set_aside[0].why


def test_a_list_of_authors_that_comes_after_the_page_was_drawn_refuses_nobody_whom_it_does_not_name(ready):
    """It comes by itself, seconds after a version; what was measured is as it was, and so is what an approval binds."""
    drawn, told = ready.decision(), ready.advisory(ready.version("2"))
    github = CommitsInMemory(pull=[("a" * 40, "scientist")], since=[])
    assert AuthorshipWatch(ready.store, github, JobsByHand(), PROJECT, ready.clock).look((ready.version("2"),))
    assert ready.decision().seen == drawn.seen
    given = ready.models.approve(LEAD, ready.version("2"), WHY, "yes", told, drawn.seen)
    assert given.evidence == drawn.seen.evidence != ""
    ready.promotions.stage(LEAD, ready.version("2"), "fresh evidence", "again")
    ready.run("again")
    assert ready.decision().seen.evidence != drawn.seen.evidence


@pytest.mark.parametrize(
    ("account", "message", "names"),
    [
        ("octo", "Better\n\nCo-authored-by: Ann Lead <1234+annlead@users.noreply.github.com>", ("octo", "annlead")),
        (None, "Better", ("Sam Script <sam@home.example>",)),
        ("octo", "Better\n\nco-authored-by: Bob <bob@hospital.example>", ("octo", "Bob <bob@hospital.example>")),
        ("octo", "Better\n\nCo-authored-by: <bob@hospital.example>", ("octo", "<bob@hospital.example>")),
        ("octo", "Better\n\nCo-authored-by: Robo <9+robo[bot]@users.noreply.github.com>", ("octo", "robo[bot]")),
    ],
)
def test_the_authors_of_a_commit_are_its_account_and_every_co_author(account, message, names):
    item = {
        "author": {"login": account} if account else None,
        "commit": {"author": {"name": "Sam <Script>", "email": "sam@home.example"}, "message": message},
    }
    assert authors_of(item) == names


def test_one_who_approves_may_not_promote_where_the_policy_parts_them(ready):
    ready.under(approver_may_promote=False)
    assert ready.decision().refusal == "Who approves may not promote here: approve v2, and let another lead promote it."
    with pytest.raises(NotPermitted, match="let another lead promote it"):
        ready.click("2")
    approve(ready, LEAD)
    with pytest.raises(NotPermitted, match="You approved v2, so another lead must promote it"):
        promote(ready)
    assert promote(ready, DEPUTY).requested_by == "deputy"


def test_requested_changes_block_until_a_new_decision(ready):
    approve(ready, LEAD)
    ready.clock.pass_(1)
    first = ready.models.request_changes(DEPUTY, ready.version("2"), "the author should round less", "ask")
    assert ready.models.request_changes(DEPUTY, ready.version("2"), "the author should round less", "ask") == first
    found = ready.models.dossier(ready.version("2"))
    said = "Changes were requested by deputy: the author should round less"
    assert (found.state, found.why) == (VersionState.CHANGES_REQUESTED, said)
    with pytest.raises(PolicyDenied, match=said):
        promote(ready)
    assert actions(ready, 1) == ["version.changes_requested"]
    ready.clock.pass_(1)
    approve(ready, LEAD, "after all")
    assert promote(ready).target.version == "2"


def test_rejecting_what_serves_asks_and_rolls_back_only_if_told(two):
    before = two.promotions.stable()
    with pytest.raises(Invalid, match=r"v2 serves diabetes-endpoint\. Say what should happen"):
        two.models.reject(LEAD, two.version("2"), "it missed too many", "no")
    assert two.models.dossier(two.version("2")).approvals[0].decision == "approved"
    two.models.reject(LEAD, two.version("2"), "it missed too many", "no", WhenServing.KEEP)
    assert (two.promotions.active(PRODUCTION), two.promotions.stable()) == (None, before)
    two.clock.pass_(1)
    for _ in range(2):
        two.models.reject(LEAD, two.version("2"), "far too many missed", "out", WhenServing.ROLL_BACK)
    begun = two.promotions.active(PRODUCTION)
    assert (begun.kind, begun.target.version) == (Kind.ROLL_BACK, "1")
    two.run(begun.id)
    assert two.traffic == {begun.target.deployment: 100}
    assert "v2 was rejected: far too many missed" in two.steering.hold().reason


def test_rejecting_what_is_on_its_way_asks_and_aborts_only_if_told(ready):
    before = ready.traffic
    ready.click("2")
    while len(ready.traffic) < 2:
        ready.tick()
    with pytest.raises(Invalid, match=r"v2 is on its way to diabetes-endpoint\. Say what should happen: let it go on"):
        ready.models.reject(DEPUTY, ready.version("2"), "it misses the old", "no")
    ready.models.reject(DEPUTY, ready.version("2"), "it misses the old", "no", WhenServing.KEEP)
    assert ready.store.promotions.get("click-2").request is Request.NONE
    ready.clock.pass_(1)
    for _ in range(2):
        ready.models.reject(DEPUTY, ready.version("2"), "it misses far too many", "out", WhenServing.ROLL_BACK)
    ready.run("click-2")
    ended = ready.store.promotions.get("click-2")
    assert (ended.phase, ready.traffic) == (Phase.ROLLED_BACK, before)
    assert "v2 was rejected: it misses far too many" in ready.steering.hold().reason
    ready.models.reject(DEPUTY, ready.version("2"), "and it stays out", "later")


def test_a_person_holds_promotions_and_only_a_lead_lifts_it(ready):
    with pytest.raises(NotPermitted):
        ready.steering.set_hold(VIEWER, "the ward moves house")
    first = ready.steering.set_hold(OPERATOR, "the ward moves house")
    assert ready.steering.set_hold(OPERATOR, "the ward moves house") == first
    assert actions(ready).count("hold.set") == 1
    with pytest.raises(Conflict, match="on hold already, by operator"):
        ready.steering.set_hold(LEAD, "and for another reason")
    with pytest.raises(PolicyDenied, match=r"on hold since .*: the ward moves house\.$"):
        ready.click("2")
    with pytest.raises(NotPermitted):
        ready.steering.release_hold(OPERATOR, "the ward has moved")
    ready.steering.release_hold(LEAD, "the ward has moved")
    assert ready.click("2").phase is Phase.PENDING
