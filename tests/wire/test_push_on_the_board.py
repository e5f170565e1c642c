"""From a git push to the console's board: GitHub rings, the console reads. Real sockets all the way, no polling."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import uvicorn
from actions_lab import until
from gateways_world import PROJECT, settings_of
from github_lab import close_lab, open_lab
from pydantic import SecretStr
from starlette.applications import Starlette

from backend.bootstrap import connect, setup_sides
from backend.domain.setup import Change
from backend.gateways.github.client import GitHubWriter
from backend.gateways.github.webhooks import Webhooks
from backend.setup.declaration import read_declaration
from backend.setup.resource import look_at
from backend.setup.webhook import REFUSED, webhook_resource, webhook_resources
from console import launch, topics, webhook, wiring

SECRET = "what GitHub signs with"
FAR_BELOW_A_POLL = 12.0
"""The board is polled every 25 s; on an idle machine a push shows within one second."""


class Desk:
    """The console's webhook route and its pollers, beside a repository of the test's own."""

    def __init__(self, sandbox, lab, home):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        base = settings_of(sandbox, home, PROJECT.model_copy(update={"repository": lab.full_name}))
        github = base.github.model_copy(update={"webhook_secret": SecretStr(SECRET)})
        console = base.console.model_copy(update={"public_url": f"http://127.0.0.1:{port}"})
        signin = base.signin.model_copy(update={"cookie_secret": SecretStr("c" * 32)})
        self.settings = base.model_copy(update={"github": github, "console": console, "signin": signin})
        self.wired = launch.wire(self.settings)
        wiring.install(self.wired)
        app = Starlette(routes=webhook.ROUTES)
        self.server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.wired.snapshots.start()
        self.wired.wakes.start()
        until(lambda: self.server.started, bool)

    @property
    def resource(self):
        github = GitHubWriter(
            self.settings.github.api_url,
            self.settings.project.repository,
            self.settings.github.installation_token,
            self.settings.cloud.ca_bundle,
        )
        repositories = setup_sides(self.settings, connect(self.settings)).github.repositories
        return webhook_resource(self.settings, read_declaration(), Webhooks(github), repositories)

    def heads(self):
        reading = self.wired.snapshots.watch(topics.pulls())
        return {pull.number: pull.head_sha for pull in reading.value or ()}

    def close(self):
        self.server.should_exit = True
        self.wired.wakes.stop()
        self.wired.snapshots.stop()
        self.thread.join(10)


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    opened = open_lab(sandbox, tmp_path_factory.mktemp("board"))
    opened.start()
    yield opened
    close_lab(opened)


@pytest.fixture(scope="module")
def desk(sandbox, lab, tmp_path_factory):
    made = Desk(sandbox, lab, tmp_path_factory.mktemp("desk"))
    yield made
    made.close()


def test_setup_declares_the_webhook_and_a_push_shows_without_a_poll(lab, desk):
    clone, pull = lab.feature("seen", {"training/params.toml": "# seen\n"})
    missing = look_at(desk.resource)
    assert missing.change is Change.CREATE
    desk.resource.make()
    assert look_at(desk.resource).change is Change.NONE
    until(desk.heads, lambda heads: heads.get(pull.number) == pull.head.sha)
    time.sleep(4)  # the rings of the beginning are followed; what comes now is the push alone
    sha = lab.commit(clone, {"training/params.toml": "# a push\n"}, "A push")
    lab.git(clone, "push", "--quiet", "origin", "seen")
    began = time.monotonic()
    until(desk.heads, lambda heads: heads.get(pull.number) == sha, seconds=60)
    took = time.monotonic() - began
    print(f"a push was on the board after {took:.2f} s")
    assert took < FAR_BELOW_A_POLL


def test_drift_of_the_webhook_is_told_field_by_field_and_put_right(lab, desk):
    desk.resource.make()
    (hook,) = lab.repo("lead").get_hooks()
    hook.edit("web", {"url": hook.config["url"], "content_type": "form"}, events=["push"], active=False)
    told = {field.name: (field.now, field.declared) for field in look_at(desk.resource).differing}
    assert told["events"][0] == "push"
    assert told["active"] == ("no", "yes")
    assert told["as JSON"] == ("no", "yes")
    assert told["secret"] == ("none", "as in the settings")
    desk.resource.make()
    assert look_at(desk.resource).change is Change.NONE
    assert [one.id for one in lab.repo("lead").get_hooks()] == [hook.id], "changed, not made a second time"


def test_a_secret_that_github_has_otherwise_shows_after_the_first_refusal(lab, desk):
    desk.resource.make()
    (hook,) = lab.repo("lead").get_hooks()
    config = {"url": hook.config["url"], "content_type": "json", "secret": "another one", "insecure_ssl": "0"}
    hook.edit("web", config, events=list(hook.events))
    hook.ping()
    until(lambda: look_at(desk.resource).change, lambda change: change is Change.UPDATE)
    (field,) = look_at(desk.resource).differing
    assert (field.name, field.now) == ("secret", REFUSED)
    desk.resource.make()
    lab.repo("lead").get_hook(hook.id).ping()
    until(lambda: look_at(desk.resource).change, lambda change: change is Change.NONE)


@pytest.mark.parametrize(
    ("public_url", "secret", "api_url", "waits"),
    [
        ("https://console.hospital.example", "", "https://api.github.com", []),
        (
            "http://127.0.0.1:8501",
            "s",
            "https://api.github.com",
            ["waits for a console.public_url that GitHub can reach; until then the console polls"],
        ),
        ("https://console.hospital.example", "s", "https://api.github.com", [""]),
    ],
    ids=["not wanted", "out of reach", "in reach"],
)
def test_the_webhook_is_declared_where_there_is_a_secret_and_a_way(desk, public_url, secret, api_url, waits):
    github = desk.settings.github.model_copy(update={"webhook_secret": SecretStr(secret), "api_url": api_url})
    console = desk.settings.console.model_copy(update={"public_url": public_url})
    settings = desk.settings.model_copy(update={"github": github, "console": console})
    assert [one.waits_for() for one in webhook_resources(settings, read_declaration(), None, None)] == waits
