"""Lending the console one's GitHub account and taking it back, over the real sockets."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from backend.bootstrap import build, github_oauth, open_store
from backend.domain.people import Actor, Role
from backend.errors import Conflict, CredentialsRejected, RemoteUnavailable, SignInEnded
from backend.settings import load
from sandbox.demo.settings_file import Ports, write_settings


def person(name, role=Role.LEAD):
    return Actor(name=name, roles=frozenset({role}))


class Lending:
    def __init__(self, sandbox, settings):
        self.sandbox, self.settings = sandbox, settings
        self.people, self.store, self.oauth = build(settings).people, open_store(settings), github_oauth(settings)

    def connect(self, account, at_github=""):
        """What the browser does between our link and the callback."""
        consent = self.people.begin_github(account)
        with httpx.Client(base_url=self.sandbox.browser_url) as browser:
            page = browser.get(consent.url)
            action = re.search(r'action="([^"]+)"', page.text).group(1).replace("&amp;", "&")
            answer = browser.post(
                action, data={"account": at_github or account}, headers={"Origin": self.sandbox.browser_url}
            )
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        assert query["state"] == [consent.state]
        return self.people.finish_github(account, query["code"][0], consent.verifier)


@pytest.fixture(scope="module")
def lending(make_sandbox, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    sandbox = make_sandbox(home=home / "sandbox")
    write_settings(home, Ports(console=1, sandbox=sandbox.port, browser=sandbox.browser_port))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_HOME", str(home))
        return Lending(sandbox, load())


def test_what_was_lent_is_taken_back_here_and_at_github(lending):
    assert lending.connect("lead") == "lead"
    held = lending.store.tokens.held("lead").grant
    assert lending.oauth.login(held.access) == "lead"
    lending.people.disconnect_github(person("lead"))
    assert lending.people.github_login("lead") is None
    with pytest.raises(CredentialsRejected):
        lending.oauth.login(held.access)
    with pytest.raises(SignInEnded):
        lending.oauth.refresh(held.refresh)
    newest = lending.store.audit.entries(limit=1, subject="person/lead")[0]
    assert (newest.action, newest.actor, newest.before) == ("github.disconnected", "lead", "lead")
    lending.people.disconnect_github(person("lead"))
    assert lending.store.audit.entries(limit=1, subject="person/lead")[0] == newest
    assert lending.connect("lead") == "lead"


def test_one_person_takes_back_nothing_of_anothers(lending):
    lending.connect("deputy")
    lending.connect("operator")
    lending.people.disconnect_github(person("operator", Role.OPERATOR))
    assert lending.oauth.login(lending.store.tokens.held("deputy").grant.access) == "deputy"


def test_a_token_that_github_has_ended_already_is_forgotten_without_a_word(lending):
    lending.connect("lead")
    lending.oauth.give_back(lending.store.tokens.held("lead").grant.access)
    lending.people.disconnect_github(person("lead"))
    assert lending.people.github_login("lead") is None


def test_a_github_that_does_not_answer_leaves_no_token_behind(lending):
    lending.connect("lead")
    github = lending.settings.github.model_copy(update={"api_url": "https://localhost:9/api/v3"})
    cut_off = build(lending.settings.model_copy(update={"github": github})).people
    with pytest.raises(RemoteUnavailable, match="has forgotten your GitHub token, but GitHub could not be told"):
        cut_off.disconnect_github(person("lead"))
    assert lending.people.github_login("lead") is None


def test_the_account_that_the_settings_give_to_somebody_else_cannot_be_connected(lending):
    with pytest.raises(Conflict, match="The GitHub account deputy is deputy's by the settings"):
        lending.connect("operator", at_github="deputy")
    assert lending.people.github_login("operator") is None


def test_one_github_account_is_one_person(lending):
    approval = lending.settings.project.approval.model_copy(update={"people": {}})
    project = lending.settings.project.model_copy(update={"approval": approval})
    undeclared = Lending(lending.sandbox, lending.settings.model_copy(update={"projects": {"diabetes": project}}))
    undeclared.connect("deputy")
    with pytest.raises(Conflict, match="deputy has connected the GitHub account deputy"):
        undeclared.connect("deputys-other-account", at_github="deputy")
    assert undeclared.people.github_login("deputys-other-account") is None


def test_nobody_without_the_apps_secret_ends_a_grant(lending):
    lending.connect("lead")
    token = lending.store.tokens.held("lead").grant.access
    wrong = lending.settings.github.model_copy(update={"client_secret": SecretStr("another")})
    with pytest.raises(RemoteUnavailable):
        github_oauth(lending.settings.model_copy(update={"github": wrong})).give_back(token)
    assert lending.oauth.login(token) == "lead"
