"""GitHub in each of its ways to be unwell: what is said, that nothing is asked meanwhile, and that it comes back."""

from __future__ import annotations

import time

import httpx
import pytest
from gateways_world import settings_of
from github_lab import close_lab, open_lab
from test_gateways_github import person, reader, requests_of

from backend.errors import CredentialsRejected, NotFound, RemoteUnavailable
from backend.gateways.github.actions import Actions
from backend.gateways.github.board import Board
from backend.gateways.github.pulls import Pulls
from sandbox.github import pulls, repositories

pytestmark = pytest.mark.recovery


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = open_lab(sandbox, tmp_path)
    opened.start()
    yield opened
    clear(sandbox)
    close_lab(opened)


def fault(sandbox, **wanted):
    body = {"service": "github", **wanted}
    httpx.post(f"{sandbox.browser_url}/control/faults", json=body, timeout=20).raise_for_status()


def clear(sandbox):
    httpx.delete(f"{sandbox.browser_url}/control/faults", timeout=20).raise_for_status()


WAYS = [
    (
        "primary limit",
        {"kind": "primary_limit", "retry_after": 600},
        RemoteUnavailable,
        "takes requests again in 10 min",
    ),
    ("secondary limit", {"kind": "secondary_limit", "retry_after": 90}, RemoteUnavailable, "secondary rate limit"),
    ("5xx", {"status": 502}, RemoteUnavailable, "answers with errors of its own"),
    ("token revoked", {"kind": "revoked"}, CredentialsRejected, "expired or was revoked"),
    ("half an answer", {"kind": "half"}, RemoteUnavailable, "answered only in part"),
]


@pytest.mark.parametrize(("wanted", "error", "said"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])
def test_the_board_and_a_page_say_what_is_wrong_and_come_back_by_themselves(
    lab, sandbox, tmp_path, wanted, error, said
):
    settings = settings_of(sandbox, tmp_path)
    _, opened = lab.feature("unwell")
    board, page = Board(reader(lab, settings)), Pulls(reader(lab, settings))
    before = board.look()
    fault(sandbox, path="/api/graphql", **wanted)
    began = time.monotonic()
    with pytest.raises(error, match=said):
        board.look()
    with pytest.raises(error, match=said):
        page.detail(opened.number)
    assert time.monotonic() - began < 20, "no wait inside: who reads decides when to come back"
    clear(sandbox)
    assert board.look() == before
    assert page.detail(opened.number).summary.number == opened.number


@pytest.mark.parametrize(
    ("wanted", "pause"),
    [
        ({"kind": "primary_limit", "retry_after": 600}, 600),
        ({"kind": "secondary_limit", "retry_after": 90}, 90),
        ({"kind": "secondary_limit"}, 60),
    ],
)
@pytest.mark.parametrize("graphql", [True, False], ids=["graphql", "rest"])
def test_a_limit_tells_when_to_come_back_and_is_not_tried_again_before(lab, sandbox, tmp_path, wanted, pause, graphql):
    connection = reader(lab, settings_of(sandbox, tmp_path))
    fault(sandbox, **wanted)
    mark = requests_of(sandbox, 0)[-1][0]
    with pytest.raises(RemoteUnavailable) as caught:
        Board(connection).look() if graphql else connection.get("{repo}", "read the repository")
    assert caught.value.retry_after == pytest.approx(pause, abs=3)
    asked = [path for _, path, _ in requests_of(sandbox, mark) if path.startswith("/api/")]
    assert len(asked) == 1


def test_a_slow_github_is_given_up_and_said_to_be_slow(lab, sandbox, tmp_path):
    connection = person(lab, settings_of(sandbox, tmp_path), "lead")
    fault(sandbox, delay_ms=16_000, requests=1)
    with pytest.raises(RemoteUnavailable, match="did not answer in time"):
        connection.get("{repo}", "read the repository")
    assert connection.get("{repo}", "read the repository")["full_name"] == lab.full_name


def test_a_log_that_is_away_or_gone(lab, sandbox, tmp_path):
    actions = Actions(reader(lab, settings_of(sandbox, tmp_path)))
    with pytest.raises(NotFound, match="read a job's log"):
        actions.log(987_654)
    fault(sandbox, service="actions", status=503)
    with pytest.raises(RemoteUnavailable):
        actions.log(987_654)


def test_what_is_too_much_at_once_is_asked_for_in_smaller_pages(lab, sandbox, tmp_path):
    """GitHub answers a query that is too much with an error each time; waiting would not help."""
    bare = repositories.bare_path(lab.world, lab.full_name)
    clone = lab.clone("lead")
    lab.git(clone, "commit", "--allow-empty", "--quiet", "--message", "More")
    lab.git(clone, "push", "--quiet", "origin", "HEAD:refs/heads/more")
    repository = repositories.get(lab.world, lab.full_name)
    for number in range(13):
        lab.git(bare, "branch", f"b{number}", "more")
        body = {"title": f"b{number}", "head": f"b{number}", "base": "main"}
        pulls.create(lab.world, repository, "scientist", body, {})
    board = Board(reader(lab, settings_of(sandbox, tmp_path)))
    fault(sandbox, kind="half", requests=2)
    for _ in range(2):
        with pytest.raises(RemoteUnavailable, match="only in part"):
            board.look()
    mark = requests_of(sandbox, 0)[-1][0]
    assert len(board.look()) == 13
    assert [path for _, path, _ in requests_of(sandbox, mark)] == ["/api/graphql"] * 2
