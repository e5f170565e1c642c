"""A worker's hands with people's tokens, and a repository under the ruleset to use them on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from pydantic import SecretStr

from backend.domain.clock import utc_now
from backend.domain.people import GitHubGrant
from backend.domain.promotions import Intent, IntentKind, IntentState
from backend.errors import CredentialsRejected
from backend.gateways.github.client import GitHubWriter
from backend.gateways.github.oauth import OAuth
from backend.operations.council import rules_of
from backend.operations.lent_tokens import LentTokens
from backend.operations.performing import Performing
from backend.settings import GitHub
from backend.store import Store
from tests.databases import FILES, Databases
from tests.journal import requests_of
from tests.recovery.cloud import Clock
from tests.wire.gateways_world import settings_of
from tests.wire.github_lab import Lab, close_lab, open_lab

LEASE = 30.0
KEY = SecretStr(Fernet.generate_key().decode())
NOWHERE = "https://localhost:1"


class Desk:
    """A store in which lead and scientist have connected GitHub with tokens that do not expire.

    `clock` is the worker's, a hand-driven one; `real_time=True` gives it the world's.
    """

    def __init__(self, sandbox: Any, lab: Lab, folder: Path, databases: Databases, *, real_time: bool = False) -> None:
        self.sandbox, self.lab, self.folder = sandbox, lab, folder
        self.settings = settings_of(sandbox, folder)
        self.clock = Clock()
        self.now: Callable[[], datetime] = utc_now if real_time else self.clock
        self.address = databases.fresh(folder)
        self.store = self.another_store()
        for login in ("lead", "scientist"):
            self.store.tokens.put(login, login, GitHubGrant(access=SecretStr(lab.token(login))))
        self.performing = self.hands()

    def another_store(self) -> Store:
        """The same database as a second process opens it."""
        return Store(self.address, self.now, KEY)

    def oauth(self, **changes: Any) -> OAuth:
        github: GitHub = self.settings.github.model_copy(update=changes)
        return OAuth(github, self.settings.cloud, "http://127.0.0.1:8501/github/callback", self.now)

    def lent(self, store: Store | None = None, **changes: Any) -> LentTokens:
        return LentTokens((store or self.store).tokens, self.oauth(**changes), self.now)

    def connect(self, token: SecretStr, api_url: str = "") -> GitHubWriter:
        url = api_url or self.settings.github.api_url
        return GitHubWriter(url, self.lab.full_name, token, self.settings.cloud.ca_bundle)

    def hands(self, api_url: str = "", **changes: Any) -> Performing:
        """A worker; `changes` are those of its GitHub settings."""
        lent, rules = self.lent(**changes), rules_of(self.settings.project)
        return Performing(self.store, lent, lambda token: self.connect(token, api_url), rules, LEASE, self.now)

    def lend(self, login: str = "lead") -> GitHubGrant:
        """Connect by GitHub's device flow, with a token that expires as this world's do."""
        oauth = self.oauth()
        device = oauth.begin_device()
        answer = {"user_code": device.user_code, "account": login}
        httpx.post(f"{self.sandbox.browser_url}/control/device", json=answer, timeout=20).raise_for_status()
        grant = oauth.poll_device(device)
        assert grant is not None
        self.store.tokens.put(login, login, grant)
        return grant

    def exchanges(self) -> int:
        """How often GitHub's token endpoint was asked, in the whole life of this world."""
        return len(requests_of(self.sandbox, service="identity", contains="/login/oauth/access_token"))

    def accepts(self, token: SecretStr) -> bool:
        """Whether GitHub takes this token now."""
        try:
            self.oauth().login(token)
        except CredentialsRejected:
            return False
        return True

    def pull_request(self) -> Any:
        """By the scientist, its required check green."""
        _, pull = self.lab.feature("better-model", {"training/params.toml": "reg_rate = 0.1\n"})
        self.lab.check(pull.head.sha)
        return pull

    def wish(self, kind: IntentKind, number: int, sha: str, actor: str = "lead", key: str = "wish") -> Intent:
        intent = Intent(
            id=key,
            kind=kind,
            pull_request=number,
            head_sha=sha,
            actor=actor,
            reason="read and understood",
            state=IntentState.PENDING,
            outcome="",
            created_at=self.now(),
        )
        return self.store.intents.record(intent, "console")

    def done(self, key: str = "wish") -> tuple[IntentState, str]:
        assert self.performing.perform_next()
        found = self.store.intents.get(key)
        return found.state, found.outcome


@contextmanager
def opened_desk(sandbox: Any, folder: Path, databases: Databases = FILES, *, real_time: bool = False) -> Iterator[Desk]:
    """A desk whose ledger is whole at the end."""
    lab = open_lab(sandbox, folder)
    lab.start()
    lab.protect()
    made = Desk(sandbox, lab, folder, databases, real_time=real_time)
    yield made
    report = made.store.audit.verify()
    made.store.close()
    close_lab(lab)
    assert report.whole, report.problem
