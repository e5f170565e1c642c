"""What served at a moment, told from the ledger, against what the cloud in memory really had at that moment."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backend.domain.promotions import Phase
from backend.errors import Rejected
from backend.policy.serving import served_at, served_during
from backend.policy.traffic_story import read
from tests.recovery.cloud import PRODUCTION
from tests.recovery.hospital import DEPUTY, LEAD, OPERATOR, Hospital

STEP = timedelta(seconds=0.05)


def rows(hospital):
    return tuple(reversed(hospital.store.audit.entries(limit=10_000)))


def weights(answer):
    return {share.deployment: share.weight for share in answer.shares}


class Witness:
    """Plays a hospital and writes down what production had after each tick."""

    def __init__(self, hospital):
        self.hospital = hospital
        self.seen = []

    def look(self):
        self.seen.append((self.hospital.clock(), self.hospital.traffic))

    def tick(self, ticks=1):
        for _ in range(ticks):
            self.hospital.tick()
            self.look()
            self.hospital.clock.pass_(STEP.total_seconds())

    def run(self, promotion):
        for _ in range(3000):
            if self.hospital.store.promotions.get(promotion).phase in {
                Phase.SUCCEEDED, Phase.FAILED, Phase.ERRORED, Phase.ROLLED_BACK, Phase.NEEDS_ATTENTION, Phase.PAUSED,
            }:  # fmt: skip
                return
            self.tick()
        raise AssertionError("did not end")

    def agree(self):
        """Every moment that was seen is answered as it was, or as being on its way to what it was."""
        story = read(rows(self.hospital))
        for at, traffic in self.seen:
            answer = served_at(story, at)
            possible = [weights(answer), *(change.wanted for change in answer.changing)]
            assert traffic in possible, f"{at}: {traffic} seen, {answer.sentence}"
        return story


@pytest.fixture
def world(tmp_path):
    hospital = Hospital(tmp_path)
    yield hospital
    hospital.close()


def test_before_during_and_after_two_promotions(world):
    witness = Witness(world)
    world.staged("1")
    witness.look()
    nothing = world.clock()
    world.clock.pass_(1)
    world.click("1")
    witness.run("click-1")
    first = world.clock()
    world.staged("2")
    world.click("2")
    while world.traffic.get(world.promotions.stable(), 100) == 100:
        witness.tick()
    witness.tick(3)
    during = world.clock()
    witness.run("click-2")
    story = witness.agree()

    assert served_at(story, nothing).sentence == "Nothing was served yet."
    assert served_at(story, first).sentence == "v1 served."
    rollout = served_at(story, during)
    assert rollout.sentence == "v1 : v2 at 90 : 10 served, during the promotion of v2 by lead (waiting)."
    assert rollout.under_way.promotion == "click-2"
    after = served_at(story, world.clock())
    assert after.sentence == "v2 served."
    assert after.under_way is None


def test_an_answer_names_what_served_and_who_answers_for_it(world):
    world.serving("1", "2")
    story = read(rows(world))
    share = served_at(story, world.clock()).shares[0]
    version = world.version("2")
    assert (share.model, share.version, share.digest) == (version.name, "2", version.digest)
    assert (share.threshold, share.commit) == (version.threshold, version.lineage.commit)
    assert (share.pull_request, share.author) == ("2", "scientist")
    assert (share.promoted.actor, share.promoted.reason) == ("lead", "agreed in the review of the change")
    assert [row.actor for row in share.approved] == ["lead"]
    frozen = {e.digest for e in world.store.evidence.of_version(version.name, "2")}
    assert {row.told for row in share.evidence} == frozen
    kinds = (
        "gates",
        "card",
        "contract",
        "supply_chain",
        "load",
        "smoke",
        "holdout",
        "robustness",
        "comparison",
        "production_flips",
    )
    assert {row.action for row in share.evidence} == {f"evidence.{kind}" for kind in kinds}
    told = {entry.sequence: entry for entry in rows(world)}
    for row in (share.promoted, *share.approved, *share.evidence):
        assert told[row.sequence].hash == row.hash


def test_everybody_of_a_quorum_is_named_and_after_a_rollback_again(tmp_path):
    world = Hospital.after(tmp_path, "1", staged="2")
    world.under(quorum=2)
    world.models.approve(DEPUTY, world.version("2"), "read with the ward", "first", world.advisory(world.version("2")))
    world.click("2")
    world.run("click-2")
    (share,) = served_at(read(rows(world)), world.clock()).shares
    assert [row.actor for row in share.approved] == ["lead", "deputy"]
    world.promotions.roll_back(OPERATOR, world.promotions.stable(), "errors since noon", "back")
    world.run("back")
    world.steering.release_hold(LEAD, "it was the form")
    world.promotions.roll_back(OPERATOR, world.promotions.stable(), "it was the form", "forth", "2")
    world.run("forth")
    (share,) = served_at(read(rows(world)), world.clock()).shares
    assert share.promoted.action == "promotion.roll_back_requested"
    assert [row.actor for row in share.approved] == ["lead", "deputy"]
    world.close()


def test_an_approval_that_no_longer_counted_is_not_claimed(tmp_path):
    world = Hospital.after(tmp_path, "1", staged="2")
    version = world.version("2")
    world.models.approve(DEPUTY, version, "read with the ward", "early", world.advisory(version))
    world.under(expiry_days=0.01)
    world.clock.pass_(3600)
    world.click("2")
    world.run("click-2")
    (share,) = served_at(read(rows(world)), world.clock()).shares
    assert [row.actor for row in share.approved] == ["lead"]
    world.close()


def test_evidence_and_approvals_that_came_later_are_not_claimed(world):
    world.serving("1")
    moment = world.clock()
    version = world.version("1")
    world.models.approve(DEPUTY, version, "looked at it once more", "later")
    world.promotions.stage(LEAD, version, "fresh evidence is wanted", "again")
    world.run()
    world.clock.pass_(60)
    share = served_at(read(rows(world)), world.clock()).shares[0]
    assert [row.actor for row in share.approved] == ["lead"]
    assert all(row.at <= moment for row in share.evidence)


def test_an_aborted_promotion_leaves_what_served_before(tmp_path):
    world = Hospital.after(tmp_path, "1", staged="2")
    witness = Witness(world)
    since = world.clock()
    world.click("2")
    witness.tick(40)
    assert len(world.traffic) == 2
    world.steering.abort(OPERATOR, "click-2", "complaints from the ward")
    witness.run("click-2")
    answer = served_at(witness.agree(), world.clock())
    assert answer.sentence == "v1 served."
    assert answer.because.action == "promotion.rolling_back"
    assert answer.because.reason == "Aborted by operator: complaints from the ward"
    assert answer.since > since > answer.shares[0].since
    assert answer.shares[0].promoted.actor == "lead"
    assert answer.shares[0].promotion == "click-1"
    world.close()


def test_a_rollback_answers_for_what_it_brought_back(tmp_path):
    world = Hospital.after(tmp_path, "1", "2")
    witness = Witness(world)
    before = world.clock()
    witness.tick()
    world.promotions.roll_back(OPERATOR, world.promotions.stable(), "errors since noon", "back")
    witness.run("back")
    story = witness.agree()
    answer = served_at(story, world.clock())
    assert answer.sentence == "v1 served."
    share = answer.shares[0]
    assert (share.promoted.actor, share.promoted.action) == ("operator", "promotion.roll_back_requested")
    assert [row.actor for row in share.approved] == ["lead"]
    assert share.pull_request == "1"
    assert served_at(story, before).sentence == "v2 served."
    world.close()


def test_traffic_that_somebody_else_set_is_told_from_when_it_was_found(tmp_path):
    world = Hospital.after(tmp_path, "1", "2")
    endpoint = world.cloud.places[PRODUCTION]
    old, new = sorted(endpoint.machines)
    endpoint.traffic = {old: 30, new: 70}
    world.clock.pass_(30)
    world.promotions.roll_back(LEAD, world.promotions.stable(), "somebody sent traffic back", "back")
    world.tick()
    story = read(rows(world))
    answer = served_at(story, world.clock())
    assert answer.elsewhere
    assert weights(answer) == {new: 70, old: 30}
    assert answer.sentence.startswith("v2 : v1 at 70 : 30 served, during the rollback to v1 by lead")
    world.close()


def test_what_a_stranger_set_during_a_rollout_is_told_with_their_name(tmp_path):
    """It is put right within seconds, before any look at what serves: the promotion itself has to tell."""
    world = Hospital.after(tmp_path, "1", staged="2")
    world.cloud.stranger = "mlops-setup"
    (old,) = world.traffic
    world.click("2")
    while len(world.traffic) < 2:
        world.tick()
    (new,) = set(world.traffic) - {old}
    world.tick()
    world.cloud.places[PRODUCTION].traffic = {old: 20, new: 80}
    world.run("click-2")
    turned = next(row for row in rows(world) if row.action == "promotion.rolling_back")
    answer = served_at(read(rows(world)), turned.at)
    assert answer.elsewhere
    assert weights(answer) == {new: 80, old: 20}
    assert answer.because.reason.startswith("The traffic was changed elsewhere by mlops-setup: expected")
    assert served_at(read(rows(world)), world.clock()).sentence == "v1 served."
    world.close()


def test_a_day_lists_every_split_of_its_traffic(tmp_path):
    world = Hospital.after(tmp_path, "1", "2")
    story = read(rows(world))
    day = world.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    told = [answer.sentence for answer in served_during(story, day, day + timedelta(days=1))]
    assert told[0].startswith("The ledger begins at 2026-03-03 ")
    assert [line.split(" served")[0] for line in told[1:]] == [
        "v1", "v1 : v2 at 90 : 10", "v1 : v2 at 50 : 50", "v2",
    ]  # fmt: skip
    later = served_during(story, day + timedelta(days=1), day + timedelta(days=2))
    assert [answer.sentence for answer in later] == ["v2 served."]
    world.close()


def test_an_empty_ledger_and_a_moment_before_it(world):
    assert served_at(read(()), world.clock()).sentence == "The ledger is empty: nothing has been recorded yet."
    world.staged("1")
    early = served_at(read(rows(world)), rows(world)[0].at - timedelta(days=300))
    assert not early.recorded
    assert early.sentence.endswith("what served before is not recorded.")


def test_a_candidate_that_never_got_traffic_never_served(tmp_path):
    world = Hospital.after(tmp_path, "1", staged="2")
    witness = Witness(world)
    world.cloud.broken.add("2")
    world.click("2")
    witness.run("click-2")
    answers = [served_at(witness.agree(), at) for at, _ in witness.seen]
    assert {a.sentence.split(" served")[0] for a in answers} == {"v1"}
    assert not any(a.changing for a in answers)
    world.close()


ACTS = st.sampled_from(["promote 1", "promote 3", "promote 3", "abort", "pause", "resume", "back", "release"])


@pytest.mark.recovery
@example(served=("1", "2"), acts=[("promote 3", 39), ("abort", 1)])  # cut short between its order and its proof
@given(st.sampled_from([(), ("1", "2")]), st.lists(st.tuples(ACTS, st.integers(0, 45)), min_size=1, max_size=8))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_history_is_told_as_it_was(served, acts):
    """Any order of clicks at any step: the ledger's answer is what the cloud had."""
    folder = Path(tempfile.mkdtemp(prefix="mlops-serving-"))
    world = Hospital.after(folder, *served, staged="3")
    try:
        witness = Witness(world)
        for number, (act, ticks) in enumerate(acts):
            _act(world, act, f"act-{number}")
            witness.tick(ticks)
        witness.agree()
    finally:
        world.close()
        shutil.rmtree(folder)


def _act(world, act, key):
    promotions, steering, why = world.promotions, world.steering, "because the plan says so"
    active = promotions.active(PRODUCTION)
    try:
        if act.startswith("promote"):
            version = world.cloud.registered.get(act[-1])
            if version is None:
                return
            promotions.approve_and_promote(LEAD, version, promotions.stable(), why, key)
        elif act == "back":
            promotions.roll_back(LEAD, promotions.stable(), why, key)
        elif act == "release":
            for event in world.store.unexplained.unexplained():
                world.store.unexplained.explain(event.id, LEAD, why)
            steering.release_hold(LEAD, why)
        elif active is not None:
            {"abort": steering.abort, "pause": steering.pause, "resume": steering.resume}[act](OPERATOR, active.id, why)
    except Rejected:
        return
