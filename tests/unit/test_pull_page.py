"""A pull request's page: buttons and their reasons, what is void, how changed files are drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.people import Actor, Role
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.domain.registry import Lineage, ModelVersion
from backend.domain.reviews import (
    BlockerKind,
    ChangedFile,
    CheckRun,
    CheckState,
    FileKind,
    Mergeability,
    MergeBlocker,
    PullCommit,
    PullRequest,
    PullRequestDetail,
    Review,
)
from backend.domain.value import Reading
from console.components.diff import MAX_TOTAL, diff
from console.components.markup import outside_link
from console.components.syntax import coloured
from console.viewmodels.board import Person
from console.viewmodels.pull_page import (
    approve_and_merge_refusal,
    away,
    descendants,
    merge_refusal,
    rerun_refusal,
    void_words,
    voided,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HEAD, OLD = "d" * 40, "a" * 40
LEAD = Person.of(Actor(name="lead", roles=frozenset({Role.LEAD})), None)


def blocker(kind, *people, who="somebody"):
    return MergeBlocker(what=kind.value.capitalize(), why="why", who=who, kind=kind, people=people)


def page(*blockers, checks=(), **changes):
    pull = PullRequest(
        number=7, title="Better", author="scientist", head_ref="better", head_sha=HEAD, base_ref="main",
        base_sha="b" * 40, draft=False, created_at=NOW, updated_at=NOW, additions=1, deletions=1, changed_files=1,
        mergeability=Mergeability.MERGEABLE, merge_state="BLOCKED", checks=checks, required_checks=(),
        reviews=(Review(author="deputy", state="CHANGES_REQUESTED", commit=HEAD, submitted_at=NOW),),
    )  # fmt: skip
    return PullRequestDetail(
        summary=pull, body="", files=(), comparison=None, blockers=blockers, state="open"
    ).model_copy(update=changes)


GATES = [
    ((), "", ""),
    ((blocker(BlockerKind.APPROVAL, "lead", "deputy"),), "Approval: why", ""),
    ((blocker(BlockerKind.APPROVAL),), "Approval: why", ""),
    ((blocker(BlockerKind.APPROVAL, "deputy"),), "Approval: why", "Approval: why"),
    ((blocker(BlockerKind.CHECK_FAILED, "scientist"),), "Check failed: why", "Check failed: why"),
    ((blocker(BlockerKind.CHANGES, who="deputy"),), "Changes requested: why", "Changes requested: why"),
    ((blocker(BlockerKind.COMPUTING),), "", ""),
    ((blocker(BlockerKind.OTHER),), "", ""),
    ((blocker(BlockerKind.COMPUTING), blocker(BlockerKind.THREADS)), "Open discussion: why", "Open discussion: why"),
]


@pytest.mark.parametrize(("blockers", "merging", "both"), GATES)
def test_a_merge_is_refused_for_what_is_known_and_left_to_github_otherwise(blockers, merging, both):
    detail = page(*blockers)
    assert merge_refusal(detail).startswith(merging)
    assert approve_and_merge_refusal(detail, LEAD).startswith(both)
    assert bool(merge_refusal(detail)) is bool(merging)
    assert bool(approve_and_merge_refusal(detail, LEAD)) is bool(both)


def test_who_asked_for_changes_may_take_it_back_by_approving():
    deputy = Person.of(Actor(name="deputy", roles=frozenset({Role.LEAD})), None)
    detail = page(blocker(BlockerKind.CHANGES, "scientist", "deputy", who="deputy"))
    assert approve_and_merge_refusal(detail, deputy) == ""
    assert approve_and_merge_refusal(detail, LEAD)


FAILED = CheckRun(id=1, name="unit", state=CheckState.FAILED, workflow_run=5)


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ((FAILED,), ""),
        ((FAILED.model_copy(update={"state": CheckState.CANCELLED}),), ""),
        ((FAILED.model_copy(update={"workflow_run": 0}),), "of other apps"),
        ((FAILED.model_copy(update={"state": CheckState.PASSED}),), "No check has failed"),
    ],
)
def test_failed_checks_of_workflows_can_run_again(checks, said):
    found = rerun_refusal(page(checks=checks))
    assert said in found
    assert bool(found) is bool(said)


def test_nothing_is_decided_on_what_is_old():
    fresh = Reading(value=1, at=NOW - timedelta(seconds=20), source="GitHub")
    assert away(fresh, NOW) == ""
    assert away(fresh.model_copy(update={"problem": "It refuses."}), NOW) == (
        "GitHub does not answer: what is shown is of 20 s ago. It refuses."
    )
    slow = Reading(value=1, at=NOW - timedelta(minutes=5), source="GitHub")
    assert away(slow, NOW) == "GitHub answers slowly: what is shown is of 5 min ago."


def commit(sha):
    return PullCommit(sha=sha, title="x", author="scientist", at=NOW)


def given(author, state, sha, minutes=0):
    return Review(author=author, state=state, commit=sha, submitted_at=NOW - timedelta(minutes=minutes))


def test_new_commits_make_what_was_said_before_void():
    wish = Intent(
        id="1", kind=IntentKind.APPROVE, pull_request=7, head_sha=OLD, actor="deputy", reason="Read",
        state=IntentState.FAILED, outcome="new commits", created_at=NOW,
    )  # fmt: skip
    detail = page(
        commits=(commit(OLD), commit("c" * 40), commit(HEAD)),
        given=(
            given("lead", "APPROVED", OLD, 9),
            given("lead", "APPROVED", HEAD),
            given("deputy", "DISMISSED", "e" * 40),
            given("viewer", "COMMENTED", OLD),
        ),
    )
    assert [void_words(found) for found in voided(detail, (wish,))] == [
        "deputy approved eeeeeee; the branch was rewritten, so it no longer counts",
        "lead approved aaaaaaa; 2 commits came since, so it no longer counts",
        "deputy approved here aaaaaaa; 2 commits came since, so it no longer counts",
    ]
    assert voided(page(given=(given("lead", "APPROVED", HEAD),)), ()) == ()


def version(number, **lineage):
    return ModelVersion(
        name="m", version=number, digest="sha256:1", created_at=NOW + timedelta(minutes=int(number)), threshold=0.5,
        lineage=Lineage(**lineage), metrics={},
    )  # fmt: skip


def test_versions_that_a_merge_made_are_found_by_number_and_by_commit():
    versions = (version("1", pull_request="7"), version("2", commit="f" * 40), version("3", pull_request="8"))
    assert [v.version for v in descendants(page(merged_sha="f" * 40), versions)] == ["2", "1"]
    assert [v.version for v in descendants(page(), versions)] == ["1"]


def changed(path="a.py", patch="", kind=FileKind.TEXT, **rest):
    return ChangedFile(path=path, status="modified", additions=1, deletions=1, patch=patch, kind=kind, **rest)


PATCH = """@@ -1,3 +1,4 @@ def f():
 import os
-x = "old"
+x = "new"  # <b>why</b>
+y = 2
 z = 3"""


def test_a_diff_has_both_line_numbers_and_the_language_s_colours():
    shown = diff((changed(patch=PATCH),))
    assert '<span class="del"><u>    2       </u>-x' in shown
    assert '<span class="add"><u>          2 </u>+x' in shown
    assert '<span class=""><u>    3     4 </u> z' in shown
    assert '<i class="k">import</i>' in shown
    assert '<i class="s">' in shown
    assert "# &lt;b&gt;why&lt;/b&gt;" in shown
    assert "<b>why" not in shown


@pytest.mark.parametrize("path", ["a.py", "a.toml", "a.yml", "a.json", "Makefile", "a.sql", "a.unknown", "no-suffix"])
def test_colours_change_no_character_and_no_line(path):
    lines = [
        "",
        "  x = [1, '<&>\"', True]  # no",
        "",
        "def f():",
        "\tpass",
        "'''open",
        "still open'''",
        "key: value",
        "",
    ]
    rows = coloured(path, lines)
    assert len(rows) == len(lines)
    import html
    import re

    assert [html.unescape(re.sub("<[^>]+>", "", row)) for row in rows] == lines


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FileKind.NOTEBOOK, "a notebook"),
        (FileKind.BINARY, "a binary or empty file"),
        (FileKind.TOO_LARGE, "too large to show here"),
        (FileKind.UNCHANGED, "moved as it was"),
    ],
)
def test_what_has_no_lines_is_named_with_a_way_to_it(kind, said):
    shown = diff((changed("x", kind=kind, previous_path="w"),), "https://github.example/7/files")
    assert said in shown
    assert 'href="https://github.example/7/files"' in shown
    assert "<code><bdi>w</bdi></code> →" in shown


def test_large_files_are_folded_and_what_does_not_fit_is_named():
    small, large = changed("small.py", "@@ -1 +1 @@\n+x"), changed("large.py", "+x = 1\n" * 500)
    assert diff((small, large)).count('<details class="diff" open>') == 1
    many = tuple(changed(f"{n}.csv", "+1,2,3\n" * 599) for n in range(20))
    shown = diff(many)
    assert shown.count("<u>") <= MAX_TOTAL
    assert shown.count("below the lines that fit here") == 17
    assert all(f"{n}.csv" in shown for n in range(20))
    assert diff((many[19],), alone=True).count("<u>") == 599
    assert "… 4,401 more lines" in diff((changed("a.csv", "+1\n" * 5000),))


@pytest.mark.parametrize("address", ["javascript:alert(1)", "", "data:text/html,x", "//evil.example", "/local"])
def test_only_web_addresses_become_links(address):
    assert outside_link("x", address) == ""
    assert '"' not in outside_link("x", 'https://a/"onclick=').split('href="')[1].split('"')[0]
