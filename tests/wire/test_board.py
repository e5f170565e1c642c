"""The board of open pull requests against GitHub's wire: what a look costs, and that none misses anything."""

from __future__ import annotations

import pytest
from gateways_world import settings_of
from github_lab import close_lab, open_lab
from test_gateways_github import GUARD, person, reader, requests_of

from backend.domain.reviews import BlockerKind, CheckState, FileKind, Mergeability
from backend.errors import NotFound
from backend.gateways.github.board import LOOKS, Board
from backend.gateways.github.pulls import Pulls
from backend.gateways.github.rulesets import Rulesets
from backend.gateways.github.verdicts import Verdicts
from sandbox.github import pulls, repositories

HOSTILE = "**bold** <img src=x onerror=alert(1)> [x](javascript:alert(1)) \u202ereversed " + "x" * 9_900


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = open_lab(sandbox, tmp_path)
    opened.start()
    yield opened
    close_lab(opened)


def test_a_look_sees_every_change_and_costs_a_point(lab, sandbox, tmp_path):
    settings = settings_of(sandbox, tmp_path)
    setup = person(lab, settings, "lead")
    Rulesets(setup).ensure(GUARD)
    clone, first = lab.feature("first", {"training/params.toml": "reg_rate = 0.1\n"})
    _, second = lab.feature("second", {"README.md": "Second\n"})
    board = Board(reader(lab, settings))

    def look():
        """Rows by number, what they cost, and the calls they took."""
        mark, points = requests_of(sandbox, 0)[-1][0], board.points
        rows = {row.number: row for row in board.look()}
        calls = [path for _, path, who in requests_of(sandbox, mark) if who == "mlops-console[bot]"]
        return rows, board.points - points, len(calls)

    rows, points, calls = look()
    assert (sorted(rows), points, calls) == ([first.number, second.number], 1, 1)
    row = rows[first.number]
    assert (row.trains, row.fork, row.changed_files) == (True, "", 1)
    assert rows[second.number].trains is False
    assert [b.kind for b in row.blockers] == [BlockerKind.CHECK_PENDING, BlockerKind.APPROVAL, BlockerKind.APPROVAL]
    assert row.blockers[1].people == ("lead", "deputy")

    assert look()[1:] == (1, 1), "nothing has changed: one glance"

    lab.check(first.head.sha, "failure")
    rows, points, calls = look()
    assert rows[first.number].check_state is CheckState.FAILED
    assert rows[first.number].blockers[0].kind is BlockerKind.CHECK_FAILED
    assert (points, calls) == (2, 2), "a glance, and the row that it found changed"

    Verdicts(setup).approve(second.number, second.head.sha, "Read")
    assert [r.author for r in look()[0][second.number].reviews] == ["lead"]

    moved = lab.commit(clone, {"training/params.toml": "reg_rate = 0.2\n"}, "Again")
    lab.git(clone, "push", "--quiet", "origin", "first")
    assert look()[0][first.number].head_sha == moved

    _, third = lab.feature("third", {"training/params.toml": "reg_rate = 0.3\n"})
    lab.check(second.head.sha)
    lab.repo("lead").get_pull(second.number).merge(merge_method="squash", sha=second.head.sha)
    rows = look()[0]
    assert sorted(rows) == [first.number, third.number]
    assert rows[third.number].merge_state == "BLOCKED"

    weaker = GUARD.__class__(name=GUARD.name, checks=("quality-gate",), approvals=0, code_owners=False)
    Rulesets(setup).ensure(weaker)
    assert {b.kind for b in look()[0][third.number].blockers} == {BlockerKind.CHECK_PENDING}, "rules are looked at too"


@pytest.mark.recovery
def test_every_row_is_read_again_now_and_then(lab, sandbox, tmp_path):
    _, opened = lab.feature("talk")
    board = Board(reader(lab, settings_of(sandbox, tmp_path)))
    board.look()
    for _ in range(LOOKS - 1):
        board.look()
    mark = requests_of(sandbox, 0)[-1][0]
    assert [row.number for row in board.look()] == [opened.number]
    assert len(requests_of(sandbox, mark)) == 1
    assert board.points == LOOKS + 1


def test_pull_requests_that_are_not_like_the_others(lab, sandbox, tmp_path):
    """A title of 10,000 characters, a deleted author, a fork, a draft and a conflict, on the board and their pages."""
    settings = settings_of(sandbox, tmp_path)
    made = {name: lab.feature(name, {"training/params.toml": f"{name} = 1\n"})[1] for name in ("odd", "torn", "open")}
    documents = lab.world
    odd, torn = (pulls.get(documents, lab.full_name, made[name].number) for name in ("odd", "torn"))
    pulls.change(documents, odd, title=HOSTILE, author="ghost", head_owner="stranger")
    pulls.change(documents, torn, draft=True)
    lab.repo("lead").get_pull(made["open"].number).merge(merge_method="squash")
    reading = Pulls(reader(lab, settings))
    rows = {row.number: row for row in Board(reader(lab, settings)).look()}
    row = rows[odd["number"]]
    assert (row.title, row.author, row.fork) == (HOSTILE, "ghost", "stranger")
    assert (rows[torn["number"]].draft, rows[torn["number"]].mergeability) == (True, Mergeability.CONFLICTING)
    kinds = [b.kind for b in rows[torn["number"]].blockers]
    assert kinds[:2] == [BlockerKind.DRAFT, BlockerKind.CONFLICT]
    for number, row in rows.items():
        assert reading.detail(number).summary.title == row.title
    assert repositories.get(documents, lab.full_name)["default_branch"] == "main"


@pytest.mark.recovery
def test_a_diff_of_five_megabytes_a_notebook_and_a_picture_are_named(lab, sandbox, tmp_path):
    clone = lab.clone("scientist")
    (clone / "data").mkdir()
    (clone / "data" / "rows.csv").write_text("1,2,3,4,5\n" * 520_000)
    (clone / "figure.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0binary")
    (clone / "explore.ipynb").write_text('{"cells": []}\n')
    lab.git(clone, "mv", "README.md", "READ.md")
    lab.git(clone, "switch", "--quiet", "--create", "huge")
    lab.commit(clone, {"training/params.toml": "reg_rate = 0.2\n"}, "All at once")
    lab.git(clone, "push", "--quiet", "origin", "huge")
    opened = lab.repo("scientist").create_pull(base="main", head="huge", title="Huge", body="")
    detail = Pulls(reader(lab, settings_of(sandbox, tmp_path))).detail(opened.number)
    assert {file.path: (file.kind, bool(file.patch)) for file in detail.files} == {
        "READ.md": (FileKind.UNCHANGED, False),
        "data/rows.csv": (FileKind.TOO_LARGE, False),
        "explore.ipynb": (FileKind.NOTEBOOK, False),
        "figure.png": (FileKind.BINARY, False),
        "training/params.toml": (FileKind.TEXT, True),
    }
    assert detail.files[0].previous_path == "README.md"
    assert detail.summary.additions > 520_000
    assert [commit.title for commit in detail.commits] == ["All at once"]


@pytest.mark.recovery
def test_discussions_and_reviews_come_with_the_page(lab, sandbox, tmp_path):
    clone, opened = lab.feature("discussed")
    pull = lab.repo("deputy").get_pull(opened.number)
    line = {"path": "training/params.toml", "line": 1, "side": "RIGHT", "body": "**Why** this?"}
    pull.create_review(commit=lab.repo("deputy").get_commit(opened.head.sha), event="REQUEST_CHANGES",
                       body="Please explain.", comments=[line])  # fmt: skip
    lab.commit(clone, {"training/params.toml": "reg_rate = 0.4\n"}, "Explain")
    lab.git(clone, "push", "--quiet", "origin", "discussed")
    detail = Pulls(reader(lab, settings_of(sandbox, tmp_path))).detail(opened.number)
    assert [(r.author, r.state, r.body, r.commit) for r in detail.given] == [
        ("deputy", "CHANGES_REQUESTED", "Please explain.", opened.head.sha)
    ]
    (thread,) = detail.threads
    assert (thread.path, thread.resolved, thread.comments[0].author) == ("training/params.toml", False, "deputy")
    assert thread.comments[0].body == "**Why** this?"
    assert thread.comments[0].url.startswith("http")
    assert [commit.title for commit in detail.commits] == ["Work on discussed", "Explain"]
    assert detail.summary.unresolved_threads == 1


@pytest.mark.recovery
def test_a_row_that_vanished_costs_one_look(lab, sandbox, tmp_path):
    """As when a pull request's repository was given to somebody else while its checks ran."""
    gone, stays = (lab.feature(name)[1] for name in ("gone", "stays"))
    for pull in (gone, stays):
        lab.actions().create_check_run("unit", pull.head.sha, status="in_progress")
    board = Board(reader(lab, settings_of(sandbox, tmp_path)))
    assert len(board.look()) == 2
    lab.world.documents.delete(pulls.PULL, pulls.key(lab.full_name, gone.number))
    with pytest.raises(NotFound):
        board.look()
    assert [row.number for row in board.look()] == [stays.number]
