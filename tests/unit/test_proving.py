"""What should serve, against what was found: every kind of difference, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.endpoints import Deployment, Endpoint, ProvisioningState, Served
from backend.domain.promotions import Kind, Phase, Promotion, Snapshot, Step, StepKind, StepState, Target
from backend.domain.proofs import ProofState
from backend.domain.registry import Lineage, ModelVersion
from backend.domain.repository import BranchChange, Dismissal, GivenReview, MergedChange
from backend.domain.unexplained import EventKind
from backend.policy.expectation import Expected, expected_weights
from backend.policy.proving import Found, judged, unasked
from backend.policy.repository_watch import of_changes, of_dismissals, of_ruleset
from backend.promotion import transitions

NOW = datetime(2026, 11, 26, 14, 5, tzinfo=UTC)
ENDPOINT = "diabetes-endpoint"
ENVIRONMENT = "/subscriptions/s/resourceGroups/g/workspaces/w/environments/diabetes-env/versions/1"


def target(version: str) -> Target:
    return Target(
        endpoint=ENDPOINT,
        model="m",
        version=version,
        digest=f"sha256:{version}",
        threshold=0.288,
        environment=ENVIRONMENT,
        deployment=f"v{version}",
    )


def deployment(name: str, **changes: object) -> Deployment:
    of = name.removeprefix("v")
    fields: dict[str, object] = {
        "name": name,
        "endpoint": ENDPOINT,
        "model": "m",
        "version": of,
        "environment": ENVIRONMENT.upper().replace(
            "ENVIRONMENTS/DIABETES-ENV/VERSIONS", "environments/diabetes-env/versions"
        ),
        "state": ProvisioningState.SUCCEEDED,
        "instance_type": "Standard_DS2_v2",
        "instance_count": 1,
        "variables": {"MLOPS_THRESHOLD": "0.288"},
        "tags": {},
    }
    return Deployment.model_validate(fields | changes)


def served(name: str, **changes: object) -> Served:
    of = target(name.removeprefix("v"))
    fields: dict[str, object] = {
        "deployment": name,
        "model_version": of.version,
        "digest": of.digest,
        "threshold": of.threshold,
        "probability": 0.3,
        "request_id": "r",
        "milliseconds": 4.0,
    }
    return Served.model_validate(fields | changes)


def registered(version: str, digest: str = "") -> ModelVersion:
    return ModelVersion(
        name="m",
        version=version,
        digest=digest or f"sha256:{version}",
        created_at=NOW,
        threshold=0.288,
        lineage=Lineage(),
        metrics={},
    )


EXPECTED = Expected(
    endpoint=ENDPOINT, weights=({"v1": 100},), targets={"v1": target("1"), "v2": target("2")}, warm=("v2",)
)


def found(**changes: object) -> Found:
    """v1 serves alone and v2 is warm, as expected; `traffic`, `deployments` and `mirror` change the endpoint."""
    traffic = changes.pop("traffic", {"v1": 100})
    deployments = changes.pop("deployments", (deployment("v1"), deployment("v2")))
    endpoint = Endpoint.model_validate(
        {
            "name": ENDPOINT,
            "state": ProvisioningState.SUCCEEDED,
            "scoring_uri": "https://localhost/score",
            "traffic": traffic,
            "mirror_traffic": changes.pop("mirror", {}),
            "deployments": deployments,
        }
    )
    usual = {"endpoint": endpoint, "answers": {"v1": served("v1")}, "versions": (registered("1"), registered("2"))}
    return Found.model_validate(usual | changes)


CASES = {
    "all is right": (found(), ProofState.PROVEN, set()),
    "another split": (found(traffic={"v1": 90, "v2": 10}), ProofState.MISMATCH, {EventKind.TRAFFIC}),
    "mirrored": (found(mirror={"v2": 10}), ProofState.MISMATCH, {EventKind.TRAFFIC}),
    "endpoint gone": (found(endpoint=None, answers={}), ProofState.MISMATCH, {EventKind.TRAFFIC}),
    "foreign at 0 %": (
        found(deployments=(deployment("v1"), deployment("v2"), deployment("theirs"))),
        ProofState.PROVEN,
        {EventKind.FOREIGN_DEPLOYMENT},
    ),
    "warm gone": (found(deployments=(deployment("v1"),)), ProofState.PROVEN, {EventKind.MISSING_DEPLOYMENT}),
    "live gone": (
        found(deployments=(deployment("v2"),), traffic={}, answers={}),
        ProofState.MISMATCH,
        {EventKind.MISSING_DEPLOYMENT, EventKind.TRAFFIC},
    ),
    "another model on record": (
        found(deployments=(deployment("v1", version="7"), deployment("v2"))),
        ProofState.MISMATCH,
        {EventKind.ALTERED_DEPLOYMENT},
    ),
    "another environment": (
        found(deployments=(deployment("v1", environment="azureml:other:3"), deployment("v2"))),
        ProofState.MISMATCH,
        {EventKind.ALTERED_DEPLOYMENT},
    ),
    "another threshold on record": (
        found(deployments=(deployment("v1", variables={}), deployment("v2"))),
        ProofState.MISMATCH,
        {EventKind.ALTERED_DEPLOYMENT},
    ),
    "a warm one altered": (
        found(deployments=(deployment("v1"), deployment("v2", variables={}))),
        ProofState.PROVEN,
        {EventKind.ALTERED_DEPLOYMENT},
    ),
    "another digest by its word": (
        found(answers={"v1": served("v1", digest="sha256:other")}),
        ProofState.MISMATCH,
        {EventKind.SERVED},
    ),
    "another threshold by its word": (
        found(answers={"v1": served("v1", threshold=0.5)}),
        ProofState.MISMATCH,
        {EventKind.SERVED},
    ),
    "another version by its word": (
        found(answers={"v1": served("v1", model_version="9")}),
        ProofState.MISMATCH,
        {EventKind.SERVED},
    ),
    "another one answers": (
        found(answers={"v1": served("v1", deployment="v2")}),
        ProofState.MISMATCH,
        {EventKind.SERVED},
    ),
    "archived": (found(versions=(registered("2"),)), ProofState.MISMATCH, {EventKind.MODEL}),
    "another digest in the registry": (
        found(versions=(registered("1", "sha256:forged"), registered("2"))),
        ProofState.MISMATCH,
        {EventKind.MODEL},
    ),
    "what is warm may be archived": (found(versions=(registered("1"),)), ProofState.PROVEN, set()),
    "a probe fails": (found(answers={}, silent={"v1": "timed out"}), ProofState.UNPROVEN, set()),
    "not asked": (found(answers={}), ProofState.UNPROVEN, set()),
    "registry unread": (found(versions=None), ProofState.UNPROVEN, set()),
    "wrong and silent": (
        found(traffic={"v2": 100}, answers={}, silent={"v2": "timed out"}),
        ProofState.MISMATCH,
        {EventKind.TRAFFIC},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_difference_has_its_kind_and_its_verdict(case):
    seen, state, kinds = CASES[case]
    earlier = NOW - timedelta(minutes=5)
    proof, look = judged(EXPECTED, seen, NOW, earlier)
    assert (proof.state, {event.kind for event in look.noticed}) == (state, kinds), proof.reason
    assert proof.proven_at == (NOW if state is ProofState.PROVEN else earlier)
    assert proof.reason


def test_nothing_is_claimed_of_what_could_not_be_read():
    proof = unasked(EXPECTED, "Azure does not answer.", NOW, None)
    assert (proof.state, proof.served, proof.expected[0].digest) == (ProofState.UNPROVEN, (), "sha256:1")


def test_an_endpoint_on_which_nothing_was_ever_promoted_is_unproven():
    empty = Expected(endpoint=ENDPOINT, weights=({},), targets={})
    proof, look = judged(empty, Found(endpoint=None), NOW)
    assert (proof.state, look.noticed) == (ProofState.UNPROVEN, ())


def test_a_silent_deployment_vouches_for_nothing_it_would_have_said():
    _, look = judged(EXPECTED, found(answers={}, silent={"v1": "timed out"}), NOW)
    assert (EventKind.SERVED, f"deployment/{ENDPOINT}/v1") not in look.checked
    assert (EventKind.TRAFFIC, f"endpoint/{ENDPOINT}") in look.checked
    _, look = judged(EXPECTED, found(versions=None), NOW)
    assert not {kind for kind, _ in look.checked} & {EventKind.MODEL}


PLAN = (
    Step(kind=StepKind.SNAPSHOT),
    Step(kind=StepKind.SHIFT_TRAFFIC, weight=10),
    Step(kind=StepKind.OBSERVE, weight=10),
    Step(kind=StepKind.SHIFT_TRAFFIC, weight=100),
)
BACK = (Step(kind=StepKind.RESTORE_TRAFFIC), Step(kind=StepKind.REMOVE_CANDIDATE))


def promotion(
    *states: StepState, kind: Kind = Kind.PROMOTE, phase: Phase = Phase.RUNNING, back: bool = False
) -> Promotion:
    """v2 over v1, its steps so far in these states."""
    begun = transitions.begin("p", kind, target("2"), PLAN, by="lead", reason="r", now=NOW)
    records = list(begun.steps)
    if back:
        records += [records[0].model_copy(update={"ordinal": 4 + n, "step": step}) for n, step in enumerate(BACK)]
    for n, state in enumerate(states):
        started = None if state is StepState.PENDING else NOW
        records[n] = records[n].model_copy(update={"state": state, "started_at": started})
    return begun.model_copy(
        update={
            "steps": tuple(records),
            "phase": phase,
            "snapshot": Snapshot(traffic={"v1": 100}, stable="v1"),
            "finished_at": NOW if phase.final else None,
        }
    )


DONE, RUNS, FAILED, SKIPPED, PENDING = (
    StepState.SUCCEEDED,
    StepState.RUNNING,
    StepState.FAILED,
    StepState.SKIPPED,
    StepState.PENDING,
)
ONE, TEN, TWO = {"v1": 100}, {"v1": 90, "v2": 10}, {"v2": 100}


@pytest.mark.parametrize(
    ("now", "right"),
    [
        (promotion(RUNS), (ONE,)),
        (promotion(DONE, RUNS), (ONE, TEN)),
        (promotion(DONE, DONE, RUNS), (TEN,)),
        (promotion(DONE, DONE, DONE, RUNS), (TEN, TWO)),
        (promotion(DONE, DONE, SKIPPED, PENDING, RUNS, back=True), (TEN, ONE)),
        (promotion(DONE, SKIPPED, PENDING, PENDING, RUNS, back=True), (ONE, TEN)),
        (promotion(DONE, DONE, FAILED, PENDING, DONE, RUNS, back=True), (ONE,)),
        (promotion(DONE, DONE, FAILED, phase=Phase.ROLLED_BACK), (ONE,)),
        (promotion(FAILED, phase=Phase.FAILED), (ONE,)),
        (promotion(DONE, DONE, DONE, DONE, phase=Phase.SUCCEEDED), (TWO,)),
        (promotion(DONE, DONE, DONE, FAILED, kind=Kind.STAGE, phase=Phase.FAILED), (TWO,)),
        (promotion(DONE, FAILED, kind=Kind.STAGE, phase=Phase.FAILED), (ONE, TEN)),
        (promotion(FAILED, kind=Kind.STAGE, phase=Phase.FAILED), (ONE,)),
    ],
)
def test_the_right_split_follows_the_promotion(now, right):
    assert expected_weights([now], ONE) == right


def test_what_a_promotion_found_is_no_promise():
    theirs = Snapshot(traffic={"v1": 60, "theirs": 40}, stable="v1")
    back = promotion(DONE, DONE, FAILED, phase=Phase.ROLLED_BACK).model_copy(update={"snapshot": theirs})
    assert expected_weights([back], ONE) == (ONE,)


def change(kind: str, after: str = "abc1234") -> BranchChange:
    return BranchChange(id=7, kind=kind, before="0" * 7, after=after, by="lead", at=NOW)


def merge(*reviews: tuple[str, str], checked: bool = True) -> MergedChange:
    given = tuple(GivenReview(id=n, by=by, state=state, commit="head", at=NOW) for n, (by, state) in enumerate(reviews))
    return MergedChange(
        number=5,
        title="A change",
        author="scientist",
        merged_by="lead",
        merged_at=NOW,
        merge_sha="abc1234",
        head_sha="head",
        reviews=given,
        checked=checked,
    )


@pytest.mark.parametrize(
    ("changed", "merged", "kinds"),
    [
        (change("branch_creation"), None, []),
        (change("push"), None, [EventKind.PUSH]),
        (change("force_push"), None, [EventKind.HISTORY]),
        (change("branch_deletion"), None, [EventKind.HISTORY]),
        (change("pr_merge"), merge(("lead", "APPROVED")), []),
        (change("pr_merge"), merge(("lead", "APPROVED"), checked=False), [EventKind.MERGE]),
        (change("pr_merge"), merge(), [EventKind.MERGE]),
        (change("pr_merge"), merge(("scientist", "APPROVED")), [EventKind.MERGE]),
        (change("pr_merge"), merge(("lead", "COMMENTED")), [EventKind.MERGE]),
        (change("pr_merge"), merge(("lead", "APPROVED"), ("lead", "COMMENTED")), []),
        (change("pr_merge"), merge(("lead", "APPROVED"), ("lead", "CHANGES_REQUESTED")), [EventKind.MERGE]),
        (change("pr_merge"), merge(("lead", "DISMISSED"), ("deputy", "APPROVED")), []),
        (change("pr_merge"), None, [EventKind.PUSH]),
    ],
)
def test_what_passed_the_rules_by_is_noticed(changed, merged, kinds):
    noticed, quoted = of_changes("main", [changed], {merged.merge_sha: merged} if merged else {})
    assert [event.kind for event in noticed] == kinds
    assert len(quoted) == (len(merged.reviews) + 1 if merged else 0)
    assert all(event.by == "lead" and event.happened_at == NOW for event in noticed)


def test_a_push_takes_reviews_back_by_the_rules_and_a_person_does_not():
    by_hand = Dismissal(
        id=3, pull_request=5, by="lead", at=NOW, review=1, state="approved", message="no longer", commit=""
    )
    noticed, quoted = of_dismissals([by_hand, by_hand.model_copy(update={"id": 4, "commit": "abc"})])
    assert [event.reference for event in noticed] == ["event 3"]
    assert [one.id for one in quoted] == ["event 3", "event 4"]


def test_a_ruleset_says_what_differs():
    assert of_ruleset("main", ("active: no -> yes",)).actual == "active: no -> yes"
    assert of_ruleset("main", None).actual == "it is gone"
