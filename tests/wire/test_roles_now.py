"""A role that is taken away counts at once: the directory is asked when somebody acts, over the real sockets."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from backend.bootstrap import build
from backend.errors import CredentialsRejected, NotPermitted, RemoteUnavailable
from backend.gateways.credentials import ProgramIdentity
from backend.gateways.directory import Directory
from backend.settings import load
from sandbox.demo.settings_file import Ports, write_settings
from sandbox.identity.tokens import object_id


@pytest.fixture(scope="module")
def world(make_sandbox, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    sandbox = make_sandbox(home=home / "sandbox")
    write_settings(home, Ports(console=1, sandbox=sandbox.port, browser=sandbox.browser_port))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_HOME", str(home))
        settings = load()
    return sandbox, settings, build(settings)


def assign(sandbox, account, roles):
    answer = httpx.post(
        f"{sandbox.browser_url}/control/roles",
        json={"account": account, "roles": roles},
        headers={"Origin": sandbox.browser_url},
    )
    assert answer.status_code == 200, answer.text


def claims(account, *roles):
    return {
        "preferred_username": account,
        "roles": list(roles),
        "auth_time": time.time() - 5,
        "oid": object_id(account),
    }


def test_the_roles_of_a_sign_in_hold_while_the_directory_says_the_same(world):
    _, _, backend = world
    assert backend.people.acting(claims("operator", "operator"), "console").roles == {"operator"}


def test_a_role_that_was_taken_away_counts_no_more_and_one_that_was_given_not_yet(world):
    sandbox, _, backend = world
    signed_in = claims("deputy", "lead")
    assign(sandbox, "deputy", "lead,operator")
    assert backend.people.acting(signed_in, "console").roles == {"lead"}
    assign(sandbox, "deputy", "operator")
    with pytest.raises(NotPermitted, match="deputy no longer has a role in this console"):
        backend.people.acting(signed_in, "console")
    assert backend.people.acting(claims("deputy", "lead", "operator"), "console").roles == {"operator"}
    assign(sandbox, "deputy", "lead")
    assert backend.people.acting(signed_in, "console").roles == {"lead"}


def test_the_next_sign_in_brings_the_new_roles(world):
    sandbox, settings, _ = world
    assign(sandbox, "viewer", "auditor")
    directory = Directory(settings.signin, ProgramIdentity(settings.identity, settings.cloud), settings.cloud)
    assert directory.roles(object_id("viewer")) == {"auditor"}
    assert directory.roles(object_id("stranger")) == frozenset()
    assign(sandbox, "viewer", "")
    assert directory.roles(object_id("viewer")) == frozenset()
    assign(sandbox, "viewer", "viewer")


def test_an_account_that_the_directory_does_not_know_may_do_nothing(world):
    _, _, backend = world
    for oid in ("", object_id("stranger"), "../servicePrincipals", "x/../../me"):
        with pytest.raises(NotPermitted, match="no longer has a role"):
            backend.people.acting(claims("lead", "lead") | {"oid": oid}, "console")


def test_a_program_that_may_not_ask_says_so_and_nobody_acts_meanwhile(world):
    sandbox, settings, _ = world
    other = settings.identity.model_copy(
        update={
            "client_id": sandbox.secrets["mlops-ci-dev"]["client_id"],
            "client_secret": type(settings.identity.client_secret)(sandbox.secrets["mlops-ci-dev"]["secret"]),
        }
    )
    backend = build(settings.model_copy(update={"identity": other}))
    with pytest.raises(CredentialsRejected, match=r"Directory\.Read\.All"):
        backend.people.acting(claims("lead", "lead"), "console")


def test_a_directory_that_does_not_answer_keeps_nobody_from_rolling_back_and_is_not_waited_for_twice(world):
    _, settings, _ = world
    away = settings.signin.model_copy(update={"directory_url": "https://localhost:9/v1.0"})
    moved = settings.model_copy(update={"signin": away})
    directory = Directory(away, ProgramIdentity(settings.identity, settings.cloud), settings.cloud)
    with pytest.raises(RemoteUnavailable, match="The directory does not answer"):
        directory.roles(object_id("operator"))
    with pytest.raises(RemoteUnavailable, match="a moment ago"):
        directory.roles(object_id("operator"))
    assert build(moved).people.acting(claims("operator", "operator"), "console").roles == {"operator"}


def test_where_no_directory_is_named_the_sign_in_is_believed(world):
    sandbox, settings, _ = world
    alone = settings.model_copy(update={"signin": settings.signin.model_copy(update={"directory_url": ""})})
    assign(sandbox, "scientist", "")
    people = build(alone).people
    assert people.acting(claims("scientist", "scientist"), "console").roles == {"scientist"}
    assign(sandbox, "scientist", "scientist")
    assert Path(settings.home).is_dir()
