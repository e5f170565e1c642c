"""A world that setup has made, whose controls can be taken away one by one, and drills against it."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from backend.bootstrap import as_app, connect, setup_sides
from backend.bootstrap_drills import drilling
from backend.bootstrap_worker import reach_of
from backend.domain.clock import utc_now
from backend.domain.people import Actor, GitHubGrant, Role
from backend.gateways.credentials import tls_context
from backend.gateways.github.stand_in import StandIn
from backend.operations.setup import Setup
from backend.settings import load
from backend.setup.whole import declared_resources
from backend.store import Store
from sandbox.accounts import SUBSCRIPTION, TENANT
from sandbox.demo.settings_file import Ports, service_environment, write_settings
from sandbox.identity.tokens import issue_github_token
from sandbox.world import Settings as WorldSettings
from sandbox.world import open_world
from training.cohort import write

ROOT = Path(__file__).resolve().parents[2]
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}), channel="cli")
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/diabetes"
RULESET = "main: reviewed and green"
OWNED = (".github/CODEOWNERS", ".github/workflows/pull-request.yml", ".github/workflows/retrain.yml")
DRILL_CODE = """
from backend.bootstrap import connect
from backend.bootstrap_drills import drilling
from backend.bootstrap_worker import reach_of
from backend.domain.clock import utc_now
from backend.settings import load
from backend.store import Store
settings = load()
store = Store(settings.database_url, utc_now, settings.token_key)
gateways = connect(settings)
print("begins", flush=True)
drilling(settings, store, gateways, reach_of(gateways), lease_seconds=5.0).perform_next()
"""


class Lab:
    """`url` is the database of the drills: of this process, and of those that it starts."""

    def __init__(self, sandbox, home, url):
        self.sandbox, self.home, self.url = sandbox, home, url
        self.told = write_settings(home, Ports(console=1, sandbox=sandbox.port, browser=sandbox.browser_port))
        with self.as_program("mlops-setup"):
            self.setup_settings = load()
        with self.as_program("mlops-worker"):
            self.settings = load()
        self.repository = f"/repos/{self.settings.project.repository}"
        self.http = httpx.Client(verify=tls_context(self.settings.cloud), timeout=30)
        made = WorldSettings(
            home=sandbox.home, port=sandbox.port, browser_port=sandbox.browser_port, runtime_python=None,
            runner_python=None,
        )  # fmt: skip
        self.world = open_world(made)
        self.person = issue_github_token(self.world, login="lead")
        self.store = Store(self.settings.database_url, utc_now, self.settings.token_key)
        self.store.migrate()
        self.store.tokens.put("lead", "lead", GitHubGrant(access=SecretStr(self.person)))
        self.stand_in = StandIn(as_app(self.settings, self.settings.project))
        self.gateways = connect(self.settings)

    @contextmanager
    def as_program(self, name):
        """The environment of one of our services, for this process too: what a drill starts inherits it."""
        given = {key: value for key, value in self.environment(name).items() if key.startswith("MLOPS_")}
        os.environ.update(given)
        try:
            yield
        finally:
            for key in given:
                del os.environ[key]

    def environment(self, program):
        return service_environment(self.home, self.told, program) | {"MLOPS_DATABASE_URL": self.url}

    def set_up(self):
        for seed, name in enumerate(("dev", "prod")):
            write(self.home / f"{name}.csv", 60, seed)
        self.apply()
        for path in OWNED:
            self.put_file(path, (ROOT / path).read_bytes())
        assert self.apply() == []

    def apply(self):
        """What setup leaves undone."""
        left = []
        files = (self.home / "dev.csv", self.home / "prod.csv")
        sides = setup_sides(self.setup_settings, connect(self.setup_settings), *files)
        operations = Setup(self.store, lambda: declared_resources(sides))
        operations.apply(LEAD, lambda told: left.append(told) if not told.done else None)
        return left

    def drill(self, by=LEAD, key="drill"):
        """Ask, perform, and answer the results by control."""
        begun = self.store.drills.ask(by, f"{key}-{utc_now().timestamp()}")
        with self.as_program("mlops-worker"):
            assert self.performer().perform_next()
        ended = self.store.drills.get(begun.id)
        return ended, {result.control: result for result in self.store.drills.of_drill(begun.id)}

    def performer(self, **options):
        return drilling(self.settings, self.store, self.gateways, reach_of(self.gateways), **options)

    def begin_elsewhere(self):
        """A process of its own that performs the drill that waits."""
        env = self.environment("mlops-worker")
        path = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))
        process = subprocess.Popen(
            [sys.executable, "-c", DRILL_CODE], cwd=ROOT, env={**env, "PYTHONPATH": path}, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert process.stdout.readline().strip() == "begins"
        return process

    def github(self, path, method="GET", body=None):
        headers = {"Authorization": f"token {self.person}"}
        url = f"{self.sandbox.url}/api/v3{self.repository}{path}"
        answer = self.http.request(method, url, headers=headers, json=body).raise_for_status()
        return answer.json() if answer.content else None

    def azure(self, path, method="GET", body=None):
        form = {
            "grant_type": "client_credentials",
            "client_id": self.told["mlops-setup"]["client_id"],
            "client_secret": self.told["mlops-setup"]["secret"],
            "scope": f"{self.sandbox.url}/.default",
        }
        token = self.http.post(f"{self.sandbox.url}/{TENANT}/oauth2/v2.0/token", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        url, asked = f"{self.sandbox.url}{GROUP}{path}", {"api-version": "2022-04-01"}
        return self.http.request(method, url, params=asked, headers=headers, json=body).raise_for_status()

    def put_file(self, path, content, sha=None):
        body = {"message": f"Put {path}", "content": base64.b64encode(content).decode(), "branch": "main"}
        self.github(f"/contents/{path}", "PUT", {**body, "sha": sha} if sha else body)

    @contextmanager
    def ruleset(self, **fields):
        """The ruleset otherwise for a while; `without` names rule types that are taken out."""
        (row,) = [one for one in self.github("/rulesets") if one["name"] == RULESET]
        place = f"/rulesets/{row['id']}"
        whole = self.github(place)
        kept = {name: whole[name] for name in ("name", "enforcement", "bypass_actors", "conditions", "rules")}
        without = fields.pop("without", ())
        changed = [rule for rule in kept["rules"] if rule["type"] not in without]
        self.github(place, "PUT", {**kept, "rules": changed, **fields})
        try:
            yield
        finally:
            self.github(place, "PUT", kept)

    def refs(self):
        return {one["ref"]: one["object"]["sha"] for one in self.github("/git/matching-refs/heads/")}

    def open_pulls(self):
        return [pull["title"] for pull in self.github("/pulls?state=open")]

    def end(self):
        self.store.close()
        self.http.close()
        self.world.documents.close()
        self.world.events.close()
