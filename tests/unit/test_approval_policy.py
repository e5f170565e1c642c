"""The approval policy alone: who counts, until when, who is awaited, and what two people may go past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from backend.cli.approvers import end_of
from backend.domain.approvals import ApprovalRules, Delegation, Override
from backend.domain.authorship import Authorship, CommitAuthors, Submitter
from backend.domain.decisions import Dossier
from backend.domain.evidence import Evidence
from backend.domain.gates import Finding, FindingState, GateRule
from backend.domain.registry import Approval, Lineage, ModelVersion, VersionState
from backend.operations.council import rules_of
from backend.policy.approval import Council, assent, completes, missing_approval
from backend.policy.duty import authors, how_known, may_not_approve, may_not_promote, submitter_of
from backend.policy.identity import names_of
from backend.policy.overriding import closed_because, open_override, overridable
from tests.recovery.hospital import PROJECT

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)
COMMIT = "3f2" + "c0ffee" * 6 + "a"


def rules(**changed) -> ApprovalRules:
    return rules_of(PROJECT).model_copy(update=changed)


def council(now=NOW, delegations=(), logins=None, **changed) -> Council:
    return Council(rules=rules(**changed), logins=logins or {}, delegations=tuple(delegations), now=now)


def approval(actor, at=NOW - DAY, decision="approved", **changed) -> Approval:
    made = Approval(
        id=f"{actor}-{at}", model="m", version="2", digest="sha256:2", threshold=0.5, decision=decision, actor=actor,
        reason="agreed", evidence="", at=at, commit=COMMIT, data_digest="sha256:d",
    )  # fmt: skip
    return made.model_copy(update=changed)


def dossier(*approvals, authorship=None, author="scientist") -> Dossier:
    lineage = Lineage(commit=COMMIT, run="train-2", author=author, data_digest="sha256:d")
    frozen = Evidence(
        id="a", kind="authorship", model="m", version="2", model_digest="sha256:2", digest="", source="", made_at=NOW,
        authorship=authorship,
    )  # fmt: skip
    return Dossier(
        version=ModelVersion(
            name="m", version="2", digest="sha256:2", created_at=NOW, threshold=0.5, lineage=lineage, metrics={}
        ),
        proposed_threshold=0.5,
        state=VersionState.READY,
        staging=None,
        evidence=(frozen,) if authorship else (),
        rollout=None,
        approvals=tuple(sorted(approvals, key=lambda a: a.at, reverse=True)),
        promotions=(),
    )


def written_by(*people, head=COMMIT, submitter=None, complete=True) -> Authorship:
    commits = tuple(CommitAuthors(commit=f"{n}" * 40, authors=(who,)) for n, who in enumerate(people))
    return Authorship(
        head=head, base="b" * 40, pull_request="14", commits=commits, complete=complete, submitter=submitter,
        made_at=NOW,
    )  # fmt: skip


def delegation(person="carol", to="dave", since=NOW - 5 * DAY, until=NOW + DAY, revoked_at=None) -> Delegation:
    return Delegation(
        id="d", person=person, delegate=to, reason="away", since=since, until=until, revoked_at=revoked_at
    )


@pytest.mark.parametrize(
    ("case", "given", "changed", "complete", "needed"),
    [
        ("nobody", (), {}, False, "lead"),
        ("one of one", (approval("lead"),), {}, True, "lead"),
        ("one of two", (approval("lead"),), {"quorum": 2}, False, "1 more lead"),
        ("none of three", (), {"quorum": 3}, False, "3 leads"),
        ("two of two", (approval("lead"), approval("deputy")), {"quorum": 2}, True, "lead"),
        ("one person twice", (approval("lead"), approval("Lead", NOW)), {"quorum": 2}, False, "1 more lead"),
        ("the required one", (approval("carol"),), {"required": ("Carol",)}, True, "lead"),
        ("another one", (approval("lead"),), {"required": ("carol",)}, False, "carol"),
        ("both, one missing", (approval("carol"),), {"required": ("carol", "erin"), "quorum": 2}, False, "erin"),
        ("required and one more", (), {"required": ("carol",), "quorum": 2}, False, "carol and 1 more lead"),
    ],
)
def test_how_many_and_who(case, given, changed, complete, needed):
    found = assent(dossier(*given), council(**changed))
    assert (found.complete, found.still_needed) == (complete, needed), case


@pytest.mark.parametrize(
    ("case", "one", "words"),
    [
        ("another digest", approval("lead", digest="sha256:1"), "is void: it was for another model digest"),
        ("another commit", approval("lead", commit="x"), "is void: it was for another commit"),
        ("too old", approval("lead", NOW - 14 * DAY), "by lead expired on 26 Nov 12:00 UTC, after 14 days"),
        ("the author", approval("Scientist"), "does not count: Scientist wrote commit 3f2c0ff"),
    ],
)
def test_what_does_not_count_says_why(case, one, words):
    version = dossier(one)
    found = assent(version, council())
    assert not found.complete, case
    assert words in missing_approval(version.model_copy(update={"assent": found}))


def test_an_approval_stands_to_the_last_moment_and_says_until_when():
    given = dossier(approval("lead", NOW - DAY))
    found = assent(given, council())
    assert found.expires_at == NOW + 13 * DAY
    assert assent(given, council(NOW + 13 * DAY - timedelta(seconds=1))).complete
    assert not assent(given, council(NOW + 13 * DAY)).complete


@pytest.mark.parametrize("decision", ["rejected", "changes requested"])
def test_a_refusal_wipes_out_what_was_approved_before_it_and_ends_with_the_next_decision(decision):
    refused = approval("deputy", NOW - DAY, decision)
    before, after = approval("lead", NOW - 2 * DAY), approval("lead", NOW)
    assert assent(dossier(before, refused), council()).refused == refused
    two = assent(dossier(approval("erin", NOW - 2 * DAY), refused, after), council(quorum=2))
    assert (two.refused, [a.actor for a in two.counted]) == (None, ["lead"])


@pytest.mark.parametrize(
    ("case", "made", "counts"),
    [
        ("in force when it was given", delegation(), True),
        ("ended by itself before", delegation(until=NOW - 2 * DAY), False),
        ("revoked before", delegation(revoked_at=NOW - 2 * DAY), False),
        ("revoked after", delegation(revoked_at=NOW), True),
        ("given before it began", delegation(since=NOW), False),
        ("of somebody else", delegation(person="erin"), False),
        ("to somebody else", delegation(to="frank"), False),
    ],
)
def test_a_delegate_counts_by_when_they_approved(case, made, counts):
    found = assent(dossier(approval("dave")), council(required=("carol",), delegations=[made]))
    assert found.complete is counts, case


def test_who_is_awaited_is_told_with_who_may_stand_in_until_when():
    found = assent(dossier(), council(required=("carol",), delegations=[delegation()]))
    assert found.still_needed == "carol (or dave until 27 Nov 12:00 UTC)"


@pytest.mark.parametrize(
    ("who", "changed", "last"),
    [
        ("deputy", {"quorum": 2}, True),
        ("lead", {"quorum": 2}, False),
        ("deputy", {"quorum": 3}, False),
        ("deputy", {"quorum": 2, "required": ("carol",)}, False),
        ("carol", {"quorum": 2, "required": ("carol",)}, True),
        ("dave", {"quorum": 2, "required": ("carol",), "delegations": [delegation()]}, True),
        ("scientist", {"quorum": 2}, False),
        ("scientist", {"quorum": 2, "author_may_approve": True}, True),
    ],
)
def test_whose_approval_would_be_the_last(who, changed, last):
    known = council(**changed)
    given = dossier(approval("lead"))
    assert completes(given.model_copy(update={"assent": assent(given, known)}), known, who) is last


BY_HAND = written_by("scientist", submitter=Submitter(name="Lead", person=True))
BY_WORKFLOW = written_by("scientist", submitter=Submitter(name="lead", person=False))


@pytest.mark.parametrize(
    ("case", "known", "person", "changed", "sentence"),
    [
        (
            "the author of the change",
            None,
            "scientist",
            {},
            "You wrote commit 3f2c0ff, so another lead must approve v2.",
        ),
        ("of one commit in it", written_by("x", "Lead"), "lead", {}, "You wrote commit 1111111, so another"),
        ("of none", written_by("x", "y"), "lead", {}, ""),
        ("a list about another commit", written_by("lead", head="old"), "lead", {}, ""),
        ("allowed", written_by("lead"), "lead", {"author_may_approve": True}, ""),
        ("submitted by hand", BY_HAND, "lead", {}, "You submitted run train-2 by hand, so another lead must approve"),
        ("submitted by a workflow", BY_WORKFLOW, "lead", {}, ""),
        ("submitting allowed", BY_HAND, "lead", {"submitter_may_approve": True}, ""),
    ],
)
def test_separation_of_duty(case, known, person, changed, sentence):
    found = may_not_approve(rules(**changed), dossier(authorship=known), names_of({}, person))
    assert found.startswith(sentence) if sentence else found == "", case


def test_a_person_is_known_by_the_github_login_too():
    known = dossier(authorship=written_by("octo-sam"))
    assert "You wrote commit" in may_not_approve(rules(), known, names_of({}, "sam.second", "Octo-Sam"))
    counted = assent(
        known.model_copy(update={"approvals": (approval("sam.second"),)}), council(logins={"sam.second": "octo-sam"})
    )
    assert counted.counted == ()


@pytest.mark.parametrize(
    ("changed", "person", "sentence"),
    [
        ({}, "lead", ""),
        ({}, "scientist", ""),
        ({"approver_may_promote": False}, "lead", "You approved v2, so another lead must promote it."),
        ({"approver_may_promote": False}, "deputy", ""),
        ({"author_may_promote": False}, "scientist", "You wrote commit 3f2c0ff, so another lead must promote v2."),
    ],
)
def test_who_may_promote(changed, person, sentence):
    given = dossier(approval("lead"))
    counted = given.model_copy(update={"assent": assent(given, council(**changed))})
    assert may_not_promote(rules(**changed), counted, names_of({}, person)) == sentence


def test_the_authors_are_told_with_how_far_they_are_known():
    assert how_known(dossier()) == "Only the author of the change is known: its commits have not been read yet."
    known = dossier(authorship=written_by("Scientist", "lead", complete=False))
    assert authors(known) == ("scientist", "lead")
    assert how_known(known) == "2 commits since bbbbbbb, which serves; GitHub listed only a part of them."
    first = written_by().model_copy(update={"base": ""})
    assert how_known(dossier(authorship=first)) == "Nothing served before, so no commits lie between."
    assert submitter_of(dossier(authorship=BY_HAND)) == "Lead, by hand"
    assert submitter_of(dossier(authorship=BY_WORKFLOW)) == "workflow"


def override(**changed) -> Override:
    made = Override(
        id="o", model="m", version="2", digest="sha256:2", threshold=0.5, gate_file="", gates=("calibration",),
        asked_by="lead", reason="only this one", asked_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(hours=1),
        confirmed_by="deputy", confirmed_at=NOW, confirmed_reason="agreed",
    )  # fmt: skip
    return made.model_copy(update=changed)


@pytest.mark.parametrize(
    ("case", "changed", "at", "why"),
    [
        ("in its box", {}, NOW, ""),
        ("at its end", {}, NOW + timedelta(hours=1), "Its time ended"),
        ("ended", {"ended_at": NOW, "ended_by": "deputy"}, NOW, "It was ended by deputy"),
        ("another digest", {"digest": "sha256:3"}, NOW, "It is void: it was for another model digest"),
        ("another threshold", {"threshold": 0.4}, NOW, "It is void: it was for another threshold"),
        ("another gate file", {"gate_file": "sha256:g"}, NOW, "It is void: it was for another gate file"),
    ],
)
def test_a_glass_is_open_only_in_its_box_and_for_what_was_asked(case, changed, at, why):
    found = override(**changed)
    assert closed_because(dossier(), found, at).startswith(why) if why else closed_because(dossier(), found, at) == ""
    assert (open_override(dossier(), (found,), at) is None) is bool(why), case


def test_one_person_opens_no_glass():
    assert open_override(dossier(), (override(confirmed_at=None, confirmed_by=""),), NOW) is None


def test_only_hard_gates_that_did_not_pass_may_be_gone_past_and_never_the_contract():
    def found(gate, state, hard=True):
        rule = GateRule(name=gate, hard=hard, limit=None, reason="it matters")
        return Finding(gate=gate, group="Quality", state=state, sentence="", rule=rule)

    judged = (
        found("sensitivity", FindingState.PASS),
        found("calibration", FindingState.FAIL),
        found("subgroups", FindingState.ADVISORY, hard=False),
        found("contract", FindingState.FAIL),
        Finding(gate="data", group="Data", state=FindingState.FAIL, sentence=""),
    )
    assert overridable(judged) == ("calibration",)


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ("2026-12-24", datetime(2026, 12, 25, tzinfo=UTC)),
        ("2026-12-24T00:00", datetime(2026, 12, 24, tzinfo=UTC)),
        ("2026-12-24T18:00+01:00", datetime(2026, 12, 24, 17, tzinfo=UTC)),
    ],
)
def test_a_day_ends_with_its_last_moment(given, ends):
    assert end_of(given) == ends


@pytest.mark.parametrize("given", ["tomorrow", "2026-13-01", ""])
def test_what_is_no_day_is_refused(given):
    with pytest.raises(click.BadParameter, match="neither a day"):
        end_of(given)
