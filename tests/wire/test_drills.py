"""Drills against a world with every control in place, and with each taken away: told, and nothing left behind."""

from __future__ import annotations

import time

import pytest
from azureml_lab import NOISE
from drills_lab import LEAD, Lab

from backend.domain.drills import STAND_IN, Control, DrillState, Outcome
from backend.domain.people import WORKER
from backend.domain.setup import FindingState
from backend.operations.drills_branch import APP, MOVED
from backend.policy.drills import BRANCH_CONTROLS, BY_RULES
from tests.databases import FILES

pytestmark = [*(pytest.mark.filterwarnings(line) for line in NOISE), pytest.mark.timeout(900), pytest.mark.recovery]
EVERYTHING = [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
REVIEW = "pull_request"


@pytest.fixture(scope="module")
def lab(make_sandbox, tmp_path_factory):
    home = tmp_path_factory.mktemp("drills")
    sandbox = make_sandbox("--poll-after-ms", "50", "--github-plan", "team", home=home / "sandbox")
    made = Lab(sandbox, home, FILES.fresh(home))
    made.set_up()
    yield made
    made.end()


@pytest.fixture(autouse=True)
def nothing_left(lab):
    """Whatever a drill found, the repository has the branches and pull requests that it had."""
    before = lab.refs()
    yield
    after = lab.refs()
    assert after[f"refs/heads/{STAND_IN}"] == before[f"refs/heads/{STAND_IN}"]
    assert after.keys() == before.keys()
    assert lab.open_pulls() == []
    assert lab.store.marks.value(MOVED) == ""
    assert lab.store.audit.verify().whole


def outcomes(results, *controls):
    return {control: results[control].outcome for control in controls or results}


def findings(lab):
    return {one.name: one for one in lab.store.setup_findings.open() if one.state is FindingState.NOT_REFUSED}


def test_every_control_refuses_the_lead(lab):
    drill, results = lab.drill()
    assert drill.state is DrillState.DONE
    assert drill.tried == len(Control)
    told = {control.value: (result.outcome.value, result.told) for control, result in results.items()}
    wrong = {name: said for name, said in told.items() if said[0] != "refused"}
    assert set(wrong) == {Control.REVIEWERS.value}, wrong
    assert drill.note == "13 refused, 1 absent."
    assert results[Control.REVIEWERS].outcome is Outcome.ABSENT
    assert "console's approval" in results[Control.REVIEWERS].instead
    words = {
        Control.PUSH: "through a pull request",
        Control.FORCE_PUSH: "force-push",
        Control.DELETION: "delete this branch",
        Control.FAILING_CHECK: "status check",
        Control.DISMISSED_REVIEW: "approving review",
        Control.SELF_APPROVAL: "own pull request",
        Control.OPERATION: "Approval",
        Control.COMMAND: "Nobody is signed in",
        Control.ENGINE: "nobody has approved",
        Control.WORKER: "diabetes-test",
        Control.BRANCH_CREDENTIALS: "ref:refs/heads/main",
    }
    for control, said in words.items():
        assert said in results[control].told, control
    assert {results[control].tried_as for control in BRANCH_CONTROLS} == {"lead"}
    rows = [entry for entry in lab.store.audit.entries() if entry.action == "drill.tried"]
    assert {(row.subject, row.after) for row in rows} >= {(f"control/{Control.PUSH.value}", "refused")}
    assert findings(lab) == {}


def test_by_schedule_nobody_is_a_person(lab):
    _, results = lab.drill(by=WORKER, key="scheduled")
    assert set(outcomes(results).values()) == {Outcome.REFUSED, Outcome.ABSENT}
    assert results[Control.PUSH].tried_as == APP
    assert "not permitted to approve" in results[Control.SELF_APPROVAL].told
    assert results[Control.DISMISSED_REVIEW].tried_as == BY_RULES
    assert "a person" in results[Control.DISMISSED_REVIEW].told


def test_a_ruleset_that_is_switched_off(lab):
    head = lab.stand_in.head()
    with lab.ruleset(enforcement="disabled"):
        _, results = lab.drill()
        assert set(outcomes(results, *BRANCH_CONTROLS).values()) == {Outcome.NOT_REFUSED}
        assert {results[control].left for control in BRANCH_CONTROLS} == {""}
        assert f"lead did it on {STAND_IN}" in results[Control.DELETION].told
        assert results[Control.SELF_APPROVAL].outcome is Outcome.REFUSED
        assert lab.stand_in.head() == head
    found = findings(lab)
    assert set(found) == {control.value for control in BRANCH_CONTROLS}
    taken = lab.store.setup_findings.take(found[Control.PUSH.value].id, LEAD, "I look after it now")
    assert taken.owner == "lead"
    _, results = lab.drill()
    assert set(outcomes(results, *BRANCH_CONTROLS).values()) == {Outcome.REFUSED}
    assert findings(lab) == {}


@pytest.mark.parametrize(
    ("missing", "control", "tried"),
    [
        ("deletion", Control.DELETION, False),
        ("non_fast_forward", Control.FORCE_PUSH, False),
        (REVIEW, Control.PUSH, False),
        ("required_status_checks", Control.FAILING_CHECK, False),
    ],
)
def test_one_rule_that_is_gone(lab, missing, control, tried):
    """What the other rules would keep from being taken back is not tried, and told all the same."""
    with lab.ruleset(without=(missing,)):
        _, results = lab.drill()
    assert results[control].outcome is Outcome.NOT_REFUSED
    assert ("Not tried" in results[control].told) is not tried
    others = set(BRANCH_CONTROLS) - {control} - ({Control.DISMISSED_REVIEW} if missing == REVIEW else set())
    assert set(outcomes(results, *others).values()) == {Outcome.REFUSED}


def test_whoever_may_go_past_the_ruleset(lab):
    with lab.ruleset(bypass_actors=EVERYTHING):
        _, results = lab.drill()
        assert set(outcomes(results, *BRANCH_CONTROLS).values()) == {Outcome.NOT_REFUSED}
        assert "although the rules say" in results[Control.PUSH].told
        _, results = lab.drill(by=WORKER, key="scheduled")
        assert results[Control.PUSH].outcome is Outcome.NOT_REFUSED
        assert "RepositoryRole 5" in results[Control.PUSH].told


def test_a_stand_in_that_is_not_under_the_ruleset_proves_nothing(lab):
    only_main = {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}}
    with lab.ruleset(conditions=only_main):
        _, results = lab.drill()
    assert set(outcomes(results, *BRANCH_CONTROLS).values()) == {Outcome.UNKNOWN}
    assert "mlops setup apply" in results[Control.PUSH].told


def test_a_workflow_that_comments_start(lab):
    path = ".github/workflows/deploy-on-comment.yml"
    with lab.ruleset(enforcement="disabled"):
        lab.put_file(path, b"name: Rogue\non:\n  issue_comment:\n    types: [created]\njobs: {}\n")
    try:
        _, results = lab.drill()
        assert results[Control.COMMENT_COMMAND].outcome is Outcome.NOT_REFUSED
        assert f"{path} (issue_comment)" in results[Control.COMMENT_COMMAND].told
    finally:
        with lab.ruleset(enforcement="disabled"):
            lab.put_file(path, b"name: Tame\non: workflow_dispatch\njobs: {}\n", lab.github(f"/contents/{path}")["sha"])


def test_wider_rights_and_wider_trust_of_workflows(lab):
    identity = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mlops-ci-prod"
    told = lab.azure(identity).json()["properties"]
    issuer = f"{lab.sandbox.url}/actions/oidc"
    subject = "repo:hospital/diabetes:pull_request"
    trusted = {"properties": {"issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}}
    role = "/providers/Microsoft.Authorization/roleDefinitions/0a0a0a0a-0000-4000-8000-000000000001"
    wide = {
        "properties": {
            "roleName": "Too wide",
            "permissions": [{"actions": ["Microsoft.MachineLearningServices/workspaces/*"], "notActions": []}],
            "assignableScopes": ["/"],
        }
    }
    given = "/providers/Microsoft.Authorization/roleAssignments/0a0a0a0a-0000-4000-8000-000000000002"
    from_group = lab.azure("").json()["id"]
    lab.azure(f"{identity}/federatedIdentityCredentials/feature", "PUT", trusted)
    lab.azure(role, "PUT", wide)
    assigned = {"roleDefinitionId": f"{from_group}{role}", "principalId": told["principalId"]}
    lab.azure(given, "PUT", {"properties": assigned})
    try:
        _, results = lab.drill()
        assert results[Control.BRANCH_CREDENTIALS].outcome is Outcome.NOT_REFUSED
        assert subject in results[Control.BRANCH_CREDENTIALS].told
        assert results[Control.CI_RIGHTS].outcome is Outcome.NOT_REFUSED
        assert "Too wide" in results[Control.CI_RIGHTS].told
        assert "onlineEndpoints/write" in results[Control.CI_RIGHTS].told
    finally:
        lab.azure(given, "DELETE")
        lab.azure(f"{identity}/federatedIdentityCredentials/feature", "DELETE")


def test_killed_in_the_middle_the_next_worker_removes_what_is_left(lab):
    """Between a deletion that went through and its undoing, or among the drill's own branches: wherever it falls."""
    with lab.ruleset(enforcement="disabled"):
        begun = lab.store.drills.ask(LEAD, f"killed-{time.time()}")
        process = lab.begin_elsewhere()
        try:
            end = time.monotonic() + 240
            while time.monotonic() < end and not lab.stand_in.left()[1]:
                assert process.poll() is None, "it ended before it had made a branch"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        assert lab.stand_in.left()[1]
        assert lab.store.marks.value(MOVED)
        half = lab.store.drills.get(begun.id)
        assert half.state is DrillState.RUNNING
        with lab.as_program("mlops-worker"):
            end = time.monotonic() + 240
            while time.monotonic() < end and not lab.performer(lease_seconds=300.0).perform_next():
                pass
    ended = lab.store.drills.get(begun.id)
    assert (ended.state, ended.attempts, ended.tried) == (DrillState.DONE, 2, len(Control))
    rows = [e for e in lab.store.audit.entries() if e.action == "drill.tried" and e.detail["drill"] == begun.id]
    assert len(rows) == len(Control)
    lab.drill()


def test_what_does_not_answer_is_unknown_and_no_finding_goes(lab):
    with lab.ruleset(enforcement="disabled"):
        lab.drill()
    before = findings(lab)
    assert before
    lab.sandbox.kill()
    try:
        _, results = lab.drill()
    finally:
        lab.sandbox.restart()
    assert outcomes(results, Control.PUSH, Control.CI_RIGHTS) == {
        Control.PUSH: Outcome.UNKNOWN,
        Control.CI_RIGHTS: Outcome.UNKNOWN,
    }
    assert results[Control.OPERATION].outcome is Outcome.REFUSED
    assert findings(lab) == before
    standing = {one.control: one for one in lab.store.drills.standing()}
    assert standing[Control.PUSH].latest.outcome is Outcome.UNKNOWN
    assert standing[Control.PUSH].refused_at is not None
    lab.drill()
