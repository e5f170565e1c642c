"""What people may ask, what refuses them, and that page, button and command line refuse with the same words."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from backend.domain.gates import FindingState, strip
from backend.domain.headline import headline
from backend.domain.people import Actor, GitHubGrant, Role
from backend.domain.promotions import Kind, Phase, StepKind
from backend.domain.registry import VersionState
from backend.errors import Conflict, Invalid, NotFound, NotPermitted, PolicyDenied
from backend.operations.decision import duration
from backend.operations.history import History
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import DEPUTY, LEAD, OPERATOR, PROJECT, VIEWER, WHY, Hospital

AUTHOR = Actor(name="Scientist", roles=frozenset({Role.LEAD}))


@pytest.fixture
def empty(tmp_path):
    made = Hospital(tmp_path)
    yield made
    made.close()


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


def live(hospital):
    return hospital.cloud.reach().endpoints.get(PRODUCTION)


def decision(hospital, version="2", actor=LEAD):
    return hospital.promotions.decision(actor, hospital.version(version), live(hospital))


def hard(found):
    return {blocker.what for blocker in found.blockers if blocker.hard}


def test_what_serves_already_is_not_told_of_steps(two):
    assert decision(two).effect == "Changes nothing: diabetes-endpoint serves v2 already."
    assert decision(two, "1").effect.startswith("Sends diabetes-endpoint to v1 in steps")


def test_a_ready_version_can_be_approved_and_promoted_with_one_click(ready):
    found = decision(ready)
    assert (hard(found), found.refusal) == (set(), "")
    assert found.effect == (
        "Sends diabetes-endpoint to v2 in steps 10 → 50 → 100 %, each after at least 30 calls and 10 s; "
        "v1 stays warm for 10 min."
    )
    assert found.dossier.state is VersionState.READY
    assert (found.stable_version, found.expected_stable) == ("1", live(ready).stable)
    words = {word.group: word.state for word in strip(found.findings)}
    assert words == {
        "Code": FindingState.PASS,
        "Data": FindingState.PASS,
        "Quality": FindingState.ADVISORY,
        "Calibration": FindingState.PASS,
        "Contract": FindingState.PASS,
        "Health": FindingState.NOT_RUN,
        "Fairness": FindingState.PASS,
        "Approvals": FindingState.NOT_RUN,
        "Window": FindingState.PASS,
    }


def test_one_click_leaves_two_decisions_in_the_ledger(ready):
    ready.click("2")
    told = [(entry.actor, entry.action, entry.reason) for entry in ready.store.audit.entries(limit=2)]
    assert told == [
        ("lead", "promotion.promote_requested", WHY),
        ("lead", "version.approved", WHY),
    ]
    approval = ready.models.dossier(ready.version("2")).approvals[0]
    assert (approval.digest, approval.threshold) == (ready.version("2").digest, 0.5)
    assert approval.evidence.startswith("sha256:")


def test_the_same_click_again_answers_the_promotion_it_made(ready):
    told = ready.advisory(ready.version("2"))
    first = ready.click("2", "key")
    ready.run("key")
    again = ready.promotions.approve_and_promote(LEAD, ready.version("2"), first.expected_stable, WHY, "key", told)
    assert again.id == first.id
    assert again.phase is Phase.SUCCEEDED
    assert len(ready.store.approvals.of_version(again.target.model, "2")) == 1
    with pytest.raises(Conflict, match="another reason"):
        ready.promotions.approve_and_promote(
            LEAD, ready.version("2"), first.expected_stable, "for another reason", "key", told
        )


@pytest.mark.parametrize(
    ("verb", "actor"),
    [
        ("approve_and_promote", VIEWER),
        ("promote", OPERATOR),
        ("promote", VIEWER),
    ],
)
def test_promoting_takes_the_right(ready, verb, actor):
    with pytest.raises(NotPermitted, match=f"lead; {actor.name} has {actor.name}"):
        getattr(ready.promotions, verb)(actor, ready.version("2"), ready.promotions.stable(), WHY, "key")
    assert ready.promotions.active(PRODUCTION) is None
    assert "takes the role lead" in decision(ready, actor=actor).refusal


def test_control_takes_the_right_and_operators_have_it(ready):
    ready.click("2")
    for verb in ("pause", "resume", "abort"):
        with pytest.raises(NotPermitted, match="lead or operator"):
            getattr(ready.steering, verb)(VIEWER, "click-2", WHY)
    assert ready.steering.abort(OPERATOR, "click-2", WHY).request_by == "operator"
    with pytest.raises(NotPermitted, match="lead or operator"):
        ready.promotions.roll_back(VIEWER, ready.promotions.stable(), WHY, "key")
    with pytest.raises(NotPermitted, match="lead"):
        ready.steering.release_hold(OPERATOR, WHY)


def test_the_author_cannot_approve_under_another_account_name_either(ready):
    author = Actor(name="sam.second", roles=frozenset({Role.LEAD}))
    assert decision(ready, actor=author).refusal == ""
    ready.store.tokens.put("sam.second", "scientist", GitHubGrant(access=SecretStr("ghu_theirs")))
    assert "You wrote commit" in decision(ready, actor=author).refusal
    with pytest.raises(NotPermitted, match="another lead must approve"):
        ready.promotions.approve_and_promote(author, ready.version("2"), live(ready).stable, WHY, "click")
    with pytest.raises(NotPermitted, match="another lead must approve"):
        ready.models.approve(author, ready.version("2"), WHY, "click")


def test_the_author_cannot_approve_whatever_the_case_of_the_name(ready):
    sentence = "You wrote commit 222c0ff, so another lead must approve v2."
    assert decision(ready, actor=AUTHOR).refusal == sentence
    with pytest.raises(NotPermitted, match=sentence):
        ready.models.approve(AUTHOR, ready.version("2"), WHY, "key")
    with pytest.raises(NotPermitted, match=sentence):
        ready.promotions.approve_and_promote(AUTHOR, ready.version("2"), ready.promotions.stable(), WHY, "key")
    ready.models.approve(LEAD, ready.version("2"), WHY, "key", ready.advisory(ready.version("2")))
    assert decision(ready, actor=AUTHOR).refusal == ""
    assert ready.promotions.promote(AUTHOR, ready.version("2"), ready.promotions.stable(), WHY, "click").id == "click"


def test_an_unapproved_version_cannot_be_promoted(ready):
    with pytest.raises(PolicyDenied) as refusal:
        ready.promotions.promote(LEAD, ready.version("2"), ready.promotions.stable(), WHY, "key")
    assert refusal.value.blockers == ("Approval: v2 has not been approved.",)
    shown = [f"{b.what}: {b.why}" for b in decision(ready, actor=VIEWER).blockers if b.hard]
    assert tuple(shown) == refusal.value.blockers
    assert ready.promotions.active(PRODUCTION) is None


def test_a_worse_version_can_be_neither_approved_nor_promoted(empty):
    empty.serving("1")
    empty.cloud.gain = -0.2
    second = empty.staged("2")
    with pytest.raises(PolicyDenied, match=r"Sensitivity: Sensitivity −0\.\d+ \(95 %"):
        empty.models.approve(LEAD, second, WHY, "key")
    with pytest.raises(PolicyDenied, match="worse"):
        empty.click("2")
    assert "Sensitivity" in hard(decision(empty))
    states = {f.gate: f.state for f in decision(empty).findings}
    assert (states["sensitivity"], states["auc"]) == (FindingState.FAIL, FindingState.ADVISORY)


def test_no_detectable_difference_is_no_blocker(empty):
    empty.serving("1")
    empty.cloud.gain = 0.0
    empty.staged("2")
    assert hard(decision(empty)) == set()
    assert empty.click("2").phase is Phase.PENDING


def test_a_version_that_was_not_tested_or_failed_its_test_is_refused(ready):
    third = ready.cloud.register("3")
    found = decision(ready, "3")
    assert {"Test", "Rollout"} <= hard(found)
    assert found.dossier.state is VersionState.REGISTERED
    ready.cloud.broken.add("3")
    ready.run()
    found = decision(ready, "3")
    assert found.dossier.state is VersionState.TEST_FAILED
    with pytest.raises(PolicyDenied, match="The test did not pass"):
        ready.models.approve(LEAD, third, WHY, "key")


def test_a_comparison_with_an_older_champion_does_not_count(two):
    third = two.cloud.register("3")
    two.run()
    two.promote(third)
    stale = two.promotions.decision(LEAD, two.version("2"), live(two))
    assert "Sensitivity" in hard(stale)
    assert "Not compared with v3" in next(b.why for b in stale.blockers if b.what == "Sensitivity")
    assert next(f for f in stale.findings if f.gate == "sensitivity").state is FindingState.STALE
    assert stale.stale_comparison == "Compared with v1 at 0.5; production serves v3 at 0.5."


def test_what_serves_is_decided_about_at_another_threshold(two):
    assert decision(two).serves
    two.promotions.stage(LEAD, two.version("2"), "fewer missed", "lower", 0.4)
    waiting = decision(two)
    assert (waiting.another_threshold, waiting.serves) == (True, False)
    assert headline(waiting).words == "Waiting for the test"
    two.run()
    found = decision(two)
    assert found.dossier.state is VersionState.SERVING
    assert headline(found).words == "Ready"
    assert "to v2 at threshold 0.4 in steps" in found.effect
    assert "v2 at 0.5 stays warm" in found.effect
    two.promote(two.version("2"), "at-0.4")
    assert decision(two).serves
    assert headline(decision(two)).words == "Serving"


def test_a_click_on_an_outdated_page_is_refused_with_both_versions(ready):
    with pytest.raises(Conflict, match="Production has moved") as conflict:
        ready.promotions.approve_and_promote(LEAD, ready.version("2"), "v0-abcd", WHY, "key")
    assert (conflict.value.expected, conflict.value.actual) == ("v0-abcd", ready.promotions.stable())
    assert ready.store.approvals.of_version("diabetes-classifier", "2") == ()


def test_two_leads_at_once_get_one_promotion(ready):
    ready.click("2", "of-lead")
    with pytest.raises(PolicyDenied, match="Active promotion: v2 by lead is pending"):
        ready.promotions.approve_and_promote(DEPUTY, ready.version("2"), ready.promotions.stable(), WHY, "of-deputy")
    assert [p.id for p in ready.promotions.recent() if p.kind is Kind.PROMOTE] == ["of-lead", "click-1"]
    assert len(ready.store.approvals.of_version("diabetes-classifier", "2")) == 1


@pytest.mark.parametrize("reason", ["", "   ", "too short", "         x         ", "x" * 2001])
def test_a_reason_is_needed(ready, reason):
    with pytest.raises(Invalid, match=r"reason of at least 10|at most 2,000"):
        ready.promotions.approve_and_promote(LEAD, ready.version("2"), ready.promotions.stable(), reason, "key")
    with pytest.raises(Invalid):
        ready.models.reject(LEAD, ready.version("2"), reason, "key")


@pytest.mark.parametrize("key", ["", "k" * 81, "a\nb"])
def test_a_usable_key_is_needed(ready, key):
    with pytest.raises(Invalid, match="idempotency key"):
        ready.promotions.approve_and_promote(LEAD, ready.version("2"), ready.promotions.stable(), WHY, key)


def test_a_rejected_version_stays_out_until_a_lead_decides_anew(ready):
    ready.models.reject(DEPUTY, ready.version("2"), "the split changed without a word", "key")
    assert ready.models.dossier(ready.version("2")).state is VersionState.REJECTED
    with pytest.raises(PolicyDenied, match="Rejected by deputy: the split changed"):
        ready.promotions.promote(LEAD, ready.version("2"), ready.promotions.stable(), WHY, "key-2")
    ready.clock.pass_(60)
    ready.models.approve(LEAD, ready.version("2"), "talked it over", "key-3", ready.advisory(ready.version("2")))
    assert ready.promotions.promote(LEAD, ready.version("2"), ready.promotions.stable(), WHY, "key-4")


def test_a_rollback_needs_no_approval_and_holds_the_endpoint(two):
    now = two.promotions.stable()
    promotion = two.promotions.roll_back(OPERATOR, now, "the positive rate has doubled", "back")
    assert (promotion.kind, promotion.target.version) == (Kind.ROLL_BACK, "1")
    assert two.promotions.roll_back(OPERATOR, now, "the positive rate has doubled", "back").id == "back"
    two.run("back")
    assert two.promotions.stable().startswith("v1-")
    assert two.steering.hold().reason == "rolled back to v1: the positive rate has doubled"
    with pytest.raises(PolicyDenied, match="Hold: diabetes-endpoint is on hold since"):
        two.click("2", "again")
    two.steering.release_hold(LEAD, "the cause was the intake form")
    assert two.click("2", "again").phase is Phase.PENDING
    assert [e.action for e in two.store.audit.entries(actor="lead", limit=4)][-1] == "hold.released"


def test_a_rollback_goes_only_where_something_has_served(two):
    now = two.promotions.stable()
    with pytest.raises(NotFound, match="v7 has never served"):
        two.promotions.roll_back(LEAD, now, WHY, "back", "7")
    with pytest.raises(Conflict, match="Production has moved"):
        two.promotions.roll_back(LEAD, "v1-0000", WHY, "back")
    two.models.reject(LEAD, two.version("1"), "its training data were recalled", "key")
    with pytest.raises(PolicyDenied, match="v1 may not serve again"):
        two.promotions.roll_back(LEAD, now, WHY, "back")
    assert two.steering.hold() is None


def test_nothing_to_roll_back_to(ready):
    with pytest.raises(NotFound, match="nothing to return to"):
        ready.promotions.roll_back(LEAD, ready.promotions.stable(), WHY, "back")


def test_a_second_rollback_does_not_return_to_the_version_just_left(two):
    third = two.cloud.register("3")
    two.run()
    two.promote(third)
    for key, version in (("back-1", "2"), ("back-2", "1")):
        promotion = two.promotions.roll_back(LEAD, two.promotions.stable(), WHY, key)
        assert promotion.target.version == version
        two.run(key)


def test_wishes_that_come_too_late_are_refused(two):
    for verb in ("pause", "abort"):
        with pytest.raises(Invalid, match=r"has ended \(succeeded\)"):
            getattr(two.steering, verb)(LEAD, "click-2", WHY)
    with pytest.raises(Invalid, match="nothing to resume"):
        two.steering.resume(LEAD, "click-2", WHY)
    with pytest.raises(NotFound):
        two.steering.abort(LEAD, "unknown", WHY)


def test_asking_twice_is_asking_once(ready):
    ready.click("2")
    before = len(ready.store.audit.entries(limit=1000))
    ready.steering.abort(LEAD, "click-2", WHY)
    ready.steering.abort(DEPUTY, "click-2", "the same wish again")
    assert len(ready.store.audit.entries(limit=1000)) == before + 1
    assert ready.promotions.get("click-2").request_by == "lead"


def test_production_changed_elsewhere_or_unknown_blocks(ready):
    place = ready.cloud.places[PRODUCTION]
    place.traffic = {}
    assert "it was changed elsewhere" in next(b.why for b in decision(ready).blockers if b.what == "Production")
    place.traffic = {ready.promotions.stable(): 60, "v0-abcd": 40}
    assert "60 %, v0-abcd 40 %" in next(b.why for b in decision(ready).blockers if b.what == "Production")
    unknown = ready.promotions.decision(LEAD, ready.version("2"), None)
    assert "Production" in hard(unknown)


def test_a_version_without_lineage_is_refused(ready):
    lineage = ready.version("2").lineage.model_copy(update={"commit": ""})
    ready.cloud.registered["2"] = ready.version("2").model_copy(update={"lineage": lineage})
    assert "Lineage" in hard(decision(ready))


def test_a_fresh_test_can_be_asked_for(ready):
    staging = ready.promotions.stage(LEAD, ready.version("2"), "the holdout was extended", "again")
    ready.run("again")
    assert ready.promotions.get("again").phase is Phase.SUCCEEDED
    assert staging.plan[-1].kind is StepKind.RETIRE_OTHERS
    with pytest.raises(NotPermitted):
        ready.promotions.stage(OPERATOR, ready.version("2"), WHY, "third")


def test_history_tells_what_served_and_what_was_done(two):
    two.promotions.roll_back(LEAD, two.promotions.stable(), WHY, "back")
    two.run("back")
    history = History(two.store, PROJECT)
    start, end = two.promotions.get("click-1").created_at, two.clock()
    spans = history.serving(start, end)
    assert [span.deployment.split("-")[0] for span in spans] == ["v1", "v2", "v1"]
    assert [span.end for span in spans] == [spans[1].start, spans[2].start, None]
    assert [span.version for span in spans] == ["1", "2", "1"]
    texts = [mark.text for mark in history.marks(start, end)]
    assert texts == [
        "v1 approved by lead",
        "v1 promoted by lead",
        "100 % to v1",
        "v2 approved by lead",
        "v2 promoted by lead",
        "10 % to v2",
        "50 % to v2",
        "100 % to v2",
        "rolled back to v1 by lead",
        "100 % to v1",
    ]
    assert history.serving(end.replace(year=2020), end.replace(year=2021)) == ()


def test_the_serving_version_says_so(two):
    assert two.models.dossier(two.version("2")).state is VersionState.SERVING
    assert "Already serving" in hard(decision(two))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(10, "10 s"), (60, "1 min"), (90, "90 s"), (600, "10 min"), (1800, "30 min"), (3600, "1 h"), (86_400, "24 h")],
)
def test_durations_as_people_say_them(seconds, words):
    assert duration(seconds) == words
