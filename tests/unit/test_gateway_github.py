"""GitHub's answers as domain values, and what blocks a merge."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.domain.comparison import Difference, Verdict
from backend.domain.reviews import (
    BlockerKind,
    CheckRun,
    CheckState,
    FileKind,
    Mergeability,
    PullRequest,
    Review,
)
from backend.gateways.github import codeowners
from backend.gateways.github.blockers import BranchRules, blockers
from backend.gateways.github.comparisons import change_id, read_change, read_comparison
from backend.gateways.github.files import as_file, within
from backend.gateways.github.rows import as_check, as_pull, check_state
from backend.gateways.github.rules import owner_rules, rules_of
from backend.gateways.github.rulesets import Ruleset, as_payload, as_ruleset, differences, tags_for_ever

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HEAD, OLD = "d" * 40, "a" * 40
RULES = BranchRules(approvals=1, code_owners=True, resolved_threads=True, checks=("quality-gate",))
OWNERS = (("lead", "deputy"),)


def pull(**changes):
    base = PullRequest(
        number=7, title="Better", author="scientist", head_ref="better", head_sha=HEAD, base_ref="main",
        base_sha="b" * 40, draft=False, created_at=NOW, updated_at=NOW, additions=1, deletions=1, changed_files=1,
        mergeability=Mergeability.MERGEABLE, merge_state="CLEAN", required_checks=("quality-gate",),
        checks=(CheckRun(id=1, name="quality-gate", state=CheckState.PASSED, required=True),),
        reviews=(Review(author="lead", state="APPROVED", commit=HEAD, submitted_at=NOW),),
    )  # fmt: skip
    return base.model_copy(update=changes)


def check(state, title="", id_=2):
    return (CheckRun(id=id_, name="quality-gate", state=state, title=title),)


def review(author, state="APPROVED", commit=HEAD):
    return (Review(author=author, state=state, commit=commit, submitted_at=NOW),)


CASES = [
    ("ready", {}, []),
    ("draft", {"draft": True}, [("Draft", "scientist")]),
    ("conflict", {"mergeability": Mergeability.CONFLICTING, "merge_state": "DIRTY"}, [("Conflict", "scientist")]),
    ("computing", {"mergeability": Mergeability.CHECKING}, [("Mergeability unknown", "GitHub, within seconds")]),
    ("behind", {"merge_state": "BEHIND"}, [("Branch out of date", "scientist")]),
    ("not reported", {"checks": ()}, [("Check quality-gate", "the workflow that reports it")]),
    ("running", {"checks": check(CheckState.RUNNING)}, [("Check quality-gate", "the workflow, when it ends")]),
    ("failed", {"checks": check(CheckState.FAILED, "3 tests failed")}, [("Check quality-gate", "scientist")]),
    ("skipped", {"checks": check(CheckState.SKIPPED)}, []),
    ("no review", {"reviews": ()}, [("Approval missing", "lead or deputy"), ("Code owner", "lead or deputy")]),
    ("old commit", {"reviews": review("lead", commit=OLD)},
     [("Approval missing", "lead or deputy"), ("Code owner", "lead or deputy")]),
    ("own", {"reviews": review("scientist")},
     [("Approval missing", "lead or deputy"), ("Code owner", "lead or deputy")]),
    ("no owner", {"reviews": review("operator")}, [("Code owner", "lead or deputy")]),
    ("lead's own", {"author": "lead", "reviews": ()}, [("Approval missing", "deputy"), ("Code owner", "deputy")]),
    ("changes", {"reviews": review("deputy", "CHANGES_REQUESTED") + review("lead")}, [("Changes requested", "deputy")]),
    ("talk", {"unresolved_threads": 2}, [("Open discussion", "scientist or the reviewer")]),
    ("mystery", {"merge_state": "BLOCKED"}, [("Blocked by GitHub", "a repository administrator")]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_blocks_a_merge(changes, expected):
    assert [(found.what, found.who) for found in blockers(pull(**changes), RULES, OWNERS)] == expected


def test_a_reason_names_both_commits_of_a_stale_approval():
    found = blockers(pull(reviews=review("lead", commit=OLD)), RULES, OWNERS)[0]
    assert found.why == f"0 of 1 approvals on {HEAD[:7]}; lead approved {OLD[:7]}, which is no longer the head"


def test_the_newest_run_of_a_check_decides():
    rerun = check(CheckState.FAILED, id_=2) + check(CheckState.PASSED, id_=3)
    assert blockers(pull(checks=rerun), RULES, OWNERS) == ()


NODE = {
    "number": 7, "title": "<b>*x*</b>", "url": "https://x/7", "isDraft": False, "state": "OPEN",
    "createdAt": "2026-11-23T10:00:00Z", "updatedAt": "2026-11-23T11:00:00Z", "author": None,
    "baseRefName": "main", "baseRefOid": "b" * 40, "headRefName": "better", "headRefOid": HEAD,
    "mergeable": "UNKNOWN", "mergeStateStatus": "UNKNOWN", "additions": 3, "deletions": 1, "changedFiles": 2,
    "latestOpinionatedReviews": {"nodes": [
        {"author": {"login": "lead"}, "state": "APPROVED", "submittedAt": "2026-11-23T10:30:00Z", "body": "ok",
         "commit": {"oid": HEAD}}]},
    "reviewThreads": {"nodes": [{"isResolved": True}, {"isResolved": False}]},
    "statusCheckRollup": {"contexts": {"nodes": [
        {"__typename": "CheckRun", "databaseId": 5, "name": "quality-gate", "status": "COMPLETED",
         "conclusion": "TIMED_OUT", "startedAt": "2026-11-23T10:01:00Z", "completedAt": None, "detailsUrl": None,
         "title": None, "summary": None},
        {"__typename": "StatusContext", "context": "old/ci", "state": "SUCCESS", "description": None,
         "targetUrl": None, "createdAt": "2026-11-23T10:01:00Z"}]}},
}  # fmt: skip


def test_a_row_of_the_list():
    row = as_pull(NODE, BranchRules(checks=("quality-gate",)))
    assert (row.author, row.title, row.mergeability) == ("ghost", "<b>*x*</b>", Mergeability.CHECKING)
    assert [(c.name, c.state, c.required) for c in row.checks] == [
        ("quality-gate", CheckState.FAILED, True),
        ("old/ci", CheckState.PASSED, False),
    ]
    assert row.check_state is CheckState.FAILED
    assert (row.unresolved_threads, row.reviews[0].commit) == (1, HEAD)


def test_a_row_without_checks():
    assert as_pull({**NODE, "statusCheckRollup": None}, BranchRules()).checks == ()


STATES = [
    ("QUEUED", None, CheckState.QUEUED),
    ("in_progress", None, CheckState.RUNNING),
    ("WAITING", None, CheckState.QUEUED),
    ("completed", "success", CheckState.PASSED),
    ("COMPLETED", "NEUTRAL", CheckState.PASSED),
    ("COMPLETED", "SKIPPED", CheckState.SKIPPED),
    ("COMPLETED", "STALE", CheckState.CANCELLED),
    ("COMPLETED", "STARTUP_FAILURE", CheckState.FAILED),
    ("COMPLETED", "ACTION_REQUIRED", CheckState.FAILED),
]


@pytest.mark.parametrize(("status", "conclusion", "state"), STATES)
def test_check_states_of_both_apis(status, conclusion, state):
    assert check_state(status, conclusion) is state


def test_the_effective_rules_are_the_sum_of_rulesets_and_of_the_older_protection():
    review = {"requiredApprovingReviewCount": 1, "requireCodeOwnerReview": True, "requireLastPushApproval": True,
              "requiredReviewThreadResolution": False}  # fmt: skip
    checked = {"strictRequiredStatusChecksPolicy": True, "requiredStatusChecks": [{"context": "quality-gate"}]}
    nodes = [
        {"type": "PULL_REQUEST", "parameters": review},
        {"type": "PULL_REQUEST", "parameters": {**review, "requiredApprovingReviewCount": 2}},
        {"type": "REQUIRED_STATUS_CHECKS", "parameters": checked},
        {"type": "DELETION", "parameters": None},
    ]  # fmt: skip
    old = {"requiresApprovingReviews": True, "requiredApprovingReviewCount": 1, "requiresConversationResolution": True,
           "requiresStatusChecks": True, "requiredStatusCheckContexts": ["legacy"]}  # fmt: skip
    of_rulesets = BranchRules(2, code_owners=True, last_push=True, up_to_date=True, checks=("quality-gate",))
    assert rules_of({"rules": {"nodes": nodes}, "branchProtectionRule": None}) == of_rulesets
    both = BranchRules(2, True, True, True, True, ("quality-gate", "legacy"))
    assert rules_of({"rules": {"nodes": nodes}, "branchProtectionRule": old}) == both
    assert rules_of(None) == BranchRules()


def test_code_owners_come_from_the_first_place_that_has_them():
    answer = {"owners1": None, "owners2": {"text": "* @lead\n"}, "owners3": {"text": "* @other\n"}}
    assert codeowners.owners_of(owner_rules(answer), ["a.py"]) == (("lead",),)
    assert owner_rules({"owners1": None, "owners2": None, "owners3": None}) == ()


def test_only_opinions_of_people_who_may_write_count():
    stranger = (Review(author="passer-by", state="CHANGES_REQUESTED", commit=HEAD, submitted_at=NOW, counts=False),)
    assert blockers(pull(reviews=pull().reviews + stranger), RULES, OWNERS) == ()
    approving = pull(reviews=(stranger[0].model_copy(update={"state": "APPROVED"}),))
    assert [b.what for b in blockers(approving, RULES, OWNERS)] == ["Approval missing", "Code owner"]


def test_who_pushed_last_cannot_be_the_only_one_who_approves():
    rules = BranchRules(approvals=1, last_push=True)
    (found,) = blockers(pull(), rules, (), pusher="lead")
    assert (found.what, found.who) == (
        "Approval by somebody else",
        "someone with write access other than the author or lead",
    )
    assert blockers(pull(reviews=review("lead") + review("deputy")), rules, (), pusher="lead") == ()
    assert blockers(pull(), rules, (), pusher="scientist") == ()


def test_an_approval_that_new_commits_dismissed_is_named():
    dismissed = (Review(author="lead", state="DISMISSED", commit=OLD, submitted_at=NOW),)
    found = blockers(pull(reviews=dismissed), RULES, OWNERS)[0]
    assert found.why.endswith(f"lead approved {OLD[:7]}, which is no longer the head")


def test_what_is_worth_clearing_first_comes_first_and_names_people():
    found = blockers(pull(draft=True, checks=check(CheckState.FAILED), reviews=()), RULES, OWNERS)
    assert [b.kind for b in found] == [
        BlockerKind.DRAFT, BlockerKind.CHECK_FAILED, BlockerKind.APPROVAL, BlockerKind.APPROVAL,
    ]  # fmt: skip
    assert [b.people for b in found[:3]] == [("scientist",), ("scientist",), ("lead", "deputy")]


def test_a_row_says_where_it_comes_from_what_it_touches_and_how_its_model_compares():
    compared = Difference(metric="auc", champion=0.848, challenger=0.988, difference=0.14, low=0.1310004, high=0.149,
                          verdict=Verdict.BETTER)  # fmt: skip
    told = {"__typename": "CheckRun", "databaseId": 6, "name": "model comparison", "status": "COMPLETED",
            "conclusion": "SUCCESS", "externalId": change_id(compared),
            "checkSuite": {"workflowRun": {"databaseId": 9}}}  # fmt: skip
    node = {
        **NODE,
        "isCrossRepository": True,
        "headRepositoryOwner": {"login": "stranger"},
        "files": {"nodes": [{"path": "training/gates.toml"}]},
        "commits": {"nodes": [{"commit": {"committedDate": "2026-11-23T09:00:00Z", "author": {"user": None}}}]},
        "statusCheckRollup": {"contexts": {"nodes": [told]}},
    }
    row = as_pull(node, BranchRules())
    assert (row.fork, row.trains, row.changes_rules) == ("stranger", True, True)
    assert row.pushed_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert row.checks[0].workflow_run == 9
    assert row.change == compared.model_copy(update={"low": 0.131})
    assert len(change_id(compared)) < 255
    gone = as_pull({**node, "headRepositoryOwner": None}, BranchRules())
    assert gone.fork == "ghost"
    assert as_pull(NODE, BranchRules()).fork == ""
    assert read_change("an id of another app") is None


FILES = [
    ("text", {"filename": "a.py", "additions": 1, "deletions": 0, "patch": "@@ -0,0 +1 @@\n+x"}, FileKind.TEXT),
    ("notebook", {"filename": "a.ipynb", "additions": 9, "deletions": 0, "patch": "+{}"}, FileKind.NOTEBOOK),
    ("binary", {"filename": "a.png", "additions": 0, "deletions": 0}, FileKind.BINARY),
    ("no patch", {"filename": "a.csv", "additions": 90_000, "deletions": 0}, FileKind.TOO_LARGE),
    ("long patch", {"filename": "a.csv", "additions": 9, "deletions": 0, "patch": "+" * 400_001}, FileKind.TOO_LARGE),
    ("moved", {"filename": "b.py", "additions": 0, "deletions": 0, "status": "renamed", "previous_filename": "a.py"},
     FileKind.UNCHANGED),
]  # fmt: skip


@pytest.mark.parametrize(("item", "kind"), [case[1:] for case in FILES], ids=[case[0] for case in FILES])
def test_what_a_changed_file_is(item, kind):
    file = as_file({"status": "modified", **item})
    assert file.kind is kind
    assert bool(file.patch) is (kind is FileKind.TEXT)


def test_a_diff_of_five_megabytes_keeps_its_names_and_its_first_patches():
    files = tuple(
        as_file({"filename": f"{n}.csv", "status": "added", "additions": 9, "deletions": 0, "patch": "+" * 390_000})
        for n in range(14)
    )
    shown = within(files, 2_000_000)
    assert [file.path for file in shown] == [file.path for file in files]
    assert sum(len(file.patch) for file in shown) <= 2_000_000
    assert [file.kind for file in shown] == [FileKind.TEXT] * 5 + [FileKind.TOO_LARGE] * 9


def test_a_pending_status_is_running():
    node = {"__typename": "StatusContext", "context": "x", "state": "PENDING"}
    assert as_check(node, ()).state is CheckState.RUNNING


@pytest.mark.parametrize(
    ("paths", "groups"),
    [
        (["README.md"], (("lead",),)),
        (["training/train.py"], (("lead", "deputy"),)),
        (["training/gates.toml", "training/train.py"], (("board",), ("lead", "deputy"))),
        (["docs/a/b.md"], ()),
        (["deep/er/x.sql"], (("dba",),)),
        ([".github/workflows/x.yml"], (("admin",),)),
    ],
)
def test_code_owners(paths, groups):
    text = """
    # owners
    *                    @lead
    training/            @lead @deputy   # both
    /training/gates.toml @board
    docs/**
    *.sql                @dba
    /.github/            @admin
    """
    assert codeowners.owners_of(codeowners.parse(text), paths) == groups


def test_a_ruleset_reads_back_as_it_was_sent():
    declared = Ruleset(name="main", checks=("quality-gate",))
    assert as_ruleset(as_payload(declared)) == declared
    assert as_payload(declared)["rules"][3]["parameters"]["required_status_checks"] == [
        {"context": "quality-gate", "integration_id": 15368}
    ]


def test_a_ruleset_of_tags_reads_back_and_asks_for_no_review():
    declared = tags_for_ever("ledger: anchors stay", "ledger/**")
    sent = as_payload(declared)
    assert as_ruleset(sent) == declared
    assert sent["target"] == "tag"
    assert sent["conditions"]["ref_name"]["include"] == ["refs/tags/ledger/**"]
    assert {rule["type"] for rule in sent["rules"]} == {"deletion", "non_fast_forward", "update"}


def test_drift_of_a_ruleset_is_told_line_by_line():
    declared = Ruleset(name="main", checks=("quality-gate",))
    sent = as_payload(declared)
    sent["enforcement"] = "disabled"
    sent["bypass_actors"] = [{"actor_type": "Team", "actor_id": 9, "bypass_mode": "always"}]
    sent["rules"] = sent["rules"][1:]
    assert differences(as_ruleset(sent), declared) == (
        "active: no -> yes",
        "bypass: Team 9 -> none",
        "no deletion: no -> yes",
    )


@pytest.mark.parametrize("text", ["", "no data", "```json\n{}\n```", "```json\nnot json\n```"])
def test_a_check_without_a_comparison(text):
    assert read_comparison(text) is None
