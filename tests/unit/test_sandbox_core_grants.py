"""Codes, device requests and tokens against a clock of the test's own: nothing outlives its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.identity.grants import (
    Grant,
    answer_device,
    begin_device,
    forget_expired,
    issue_code,
    issue_refresh_token,
    poll_device,
    redeem_code,
    redeem_refresh_token,
    waiting_device,
)
from sandbox.identity.tokens import authenticate, issue_access_token, issue_github_token, issue_job_token
from sandbox.state.documents import Documents
from sandbox.state.events import Events
from sandbox.world import Settings, World

GRANT = Grant(provider="github", client_id="app", login="lead")


class Clock:
    def __init__(self):
        self.time = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __call__(self):
        return self.time

    def pass_(self, **span):
        self.time += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world(tmp_path, clock):
    documents, events = Documents(tmp_path / "sandbox.db"), Events()
    yield World(Settings(home=tmp_path, runtime_python=None, runner_python=None), documents, events, clock)
    documents.close()
    events.close()


def test_code_expires_after_ten_minutes(world, clock):
    kept, late = issue_code(world, GRANT), issue_code(world, GRANT)
    clock.pass_(minutes=9)
    assert redeem_code(world, kept) == GRANT
    assert redeem_code(world, kept) is None
    clock.pass_(minutes=1)
    assert redeem_code(world, late) is None


def test_refresh_token_lasts_half_a_year(world, clock):
    kept, late = issue_refresh_token(world, GRANT), issue_refresh_token(world, GRANT)
    clock.pass_(days=182)
    assert redeem_refresh_token(world, kept) == GRANT
    clock.pass_(days=2)
    assert redeem_refresh_token(world, late) is None


def test_device_keeping_the_interval_is_never_slowed_down(world, clock):
    request = begin_device(world, "entra", "app", "openid")
    for _ in range(5):
        assert poll_device(world, "entra", request.device_code, "app").error == "authorization_pending"
        clock.pass_(seconds=request.interval)
    assert answer_device(world, request.user_code, "lead")
    poll = poll_device(world, "entra", request.device_code, "app")
    assert (poll.grant.login, poll.grant.scope) == ("lead", "openid")


def test_device_polling_too_fast_waits_five_seconds_more_each_time(world, clock):
    request = begin_device(world, "github", "app", "")
    poll_device(world, "github", request.device_code, "app")
    assert answer_device(world, request.user_code, "lead")
    for extra in (5, 10):
        poll = poll_device(world, "github", request.device_code, "app")
        assert (poll.error, poll.interval) == ("slow_down", request.interval + extra)
    clock.pass_(seconds=request.interval + 10)
    assert poll_device(world, "github", request.device_code, "app").grant.login == "lead"


def test_device_request_expires_for_both_sides(world, clock):
    request = begin_device(world, "github", "app", "")
    clock.pass_(minutes=15)
    assert not answer_device(world, request.user_code, "lead")
    assert poll_device(world, "github", request.device_code, "app").error == "expired_token"


def test_device_code_is_bound_to_its_provider_and_client(world):
    request = begin_device(world, "github", "app", "")
    assert poll_device(world, "entra", request.device_code, "app").error == "incorrect_device_code"
    assert poll_device(world, "github", request.device_code, "other").error == "incorrect_device_code"


@pytest.mark.parametrize("typed", ["{code}", "  {lower} ", "{bare}"])
def test_user_code_is_read_however_it_is_typed(world, typed):
    code = begin_device(world, "github", "app", "").user_code
    found = waiting_device(world, typed.format(code=code, lower=code.lower(), bare=code.replace("-", "")))
    assert found[1]["user_code"] == code


def test_answered_request_cannot_be_answered_again(world):
    request = begin_device(world, "github", "app", "")
    assert answer_device(world, request.user_code, "lead")
    assert not answer_device(world, request.user_code, "viewer")
    assert poll_device(world, "github", request.device_code, "app").grant.login == "lead"


def test_only_the_expired_is_forgotten(world, clock):
    issue_code(world, GRANT)
    begin_device(world, "github", "app", "")
    issue_github_token(world, repository="hospital/diabetes", lifetime=60)
    kept = issue_refresh_token(world, GRANT)
    clock.pass_(hours=1)
    assert forget_expired(world) == 3
    assert redeem_refresh_token(world, kept) == GRANT


@pytest.mark.parametrize(
    ("issue", "seconds"),
    [
        (lambda world: issue_access_token(world, "mlops-worker", "https://ml.azure.com"), 3599),
        (lambda world: issue_github_token(world, login="lead"), 28_800),
        (lambda world: issue_github_token(world, repository="hospital/diabetes", lifetime=60), 60),
        (lambda world: issue_job_token(world, "job-1", "diabetes-dev"), 7 * 86_400),
    ],
)
def test_token_opens_until_it_expires(world, clock, issue, seconds):
    header = f"Bearer {issue(world)}"
    clock.pass_(seconds=seconds - 1)
    assert authenticate(world, header) is not None
    clock.pass_(seconds=1)
    assert authenticate(world, header) is None


def test_job_reaches_its_own_workspace_only(world):
    principal = authenticate(world, f"Bearer {issue_job_token(world, 'job-1', 'diabetes-dev')}")
    assert (principal.kind, principal.name, principal.workspaces) == ("job", "job-1", ("diabetes-dev",))
    assert not principal.may_write_endpoints


def test_workflow_token_carries_its_repository_and_permissions(world):
    token = issue_github_token(world, repository="hospital/diabetes", permissions={"contents": "read"})
    assert token.startswith("ghs_")
    principal = authenticate(world, f"token {token}")
    assert (principal.kind, principal.name) == ("workflow", "github-actions[bot]")
    assert (principal.repository, dict(principal.permissions)) == ("hospital/diabetes", {"contents": "read"})


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer a.b.c", "Digest x", "Basic ???", "token ghu_invented"])
def test_anything_else_is_nobody(world, header):
    assert authenticate(world, header) is None


def test_token_of_another_world_is_nobody_here(world, tmp_path, clock):
    home = tmp_path / "other"
    home.mkdir()
    documents, events = Documents(home / "sandbox.db"), Events()
    other = World(Settings(home=home, runtime_python=None, runner_python=None), documents, events, clock)
    token = issue_access_token(other, "mlops-worker", "x")
    assert authenticate(other, f"Bearer {token}") is not None
    assert authenticate(world, f"Bearer {token}") is None
    documents.close()
    events.close()


def test_unknown_account_gets_no_token(world):
    with pytest.raises(LookupError, match="No account is called 'root'"):
        issue_github_token(world, login="root")
    with pytest.raises(LookupError, match="No account is called 'root'"):
        issue_access_token(world, "root", "x")
