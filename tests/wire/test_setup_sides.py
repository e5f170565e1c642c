"""Both sides as declared, through the real SDKs: made once, told field by field, put right, never taken away."""

from __future__ import annotations

import base64
from datetime import timedelta

import httpx
import pytest
from azureml_lab import NOISE
from gateways_world import PROJECT, settings_of

from backend.bootstrap import build_setup, connect, setup_sides
from backend.bootstrap_checkup import build_assessing, build_doctor
from backend.domain.checkup import Outcome
from backend.domain.clock import utc_now
from backend.domain.people import Actor, Role
from backend.domain.setup import Change
from backend.gateways.credentials import tls_context
from backend.setup.resource import apply, plan
from backend.setup.whole import declared_resources
from sandbox.accounts import SUBSCRIPTION, TENANT
from tests.journal import requests_of
from training.cohort import write

pytestmark = [*(pytest.mark.filterwarnings(line) for line in NOISE), pytest.mark.timeout(600), pytest.mark.recovery]
LEAD = Actor(name="lead", roles=frozenset({Role.LEAD}))
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{PROJECT.resource_group}"
WORKSPACES = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces"
IDENTITIES = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
CODEOWNERS = b"* @lead @deputy\n/.github/ @lead  @deputy # both\n/training/ @lead @deputy\n"


class Ground:
    """A world that setup has made, and ways to change it behind setup's back."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder
        self.http = httpx.Client(verify=tls_context(settings_of(sandbox, folder).cloud), timeout=30)
        self.tokens = {}
        for seed, name in enumerate(("dev", "prod")):
            write(folder / f"{name}.csv", 60, seed)

    def setup(self, dev="dev", prod="prod", program="mlops-setup", project=PROJECT):
        settings = settings_of(self.sandbox, self.folder, project, program)
        return build_setup(settings, self.folder / f"{dev}.csv", self.folder / f"{prod}.csv")

    def plan(self, **chosen):
        return {(found.kind, found.name): found for found in self.setup(**chosen).plan().resources}

    def apply(self, **chosen):
        told = []
        self.setup(**chosen).apply(LEAD, told.append)
        return {(one.resource.kind, one.resource.name): one for one in told}

    def differing(self, **chosen):
        return {
            (key[0], field.name): (field.now, field.declared)
            for key, resource in self.plan(**chosen).items()
            for field in resource.differing
        }

    def azure(self, path, method="GET", body=None, program="mlops-setup"):
        """ARM as one of the programs: the status, and the body."""
        headers = {"Authorization": f"Bearer {self.token(program)}"}
        url = f"{self.sandbox.url}{path}"
        answer = self.http.request(method, url, params={"api-version": "2022-04-01"}, headers=headers, json=body)
        return answer.status_code, answer.json() if answer.content else {}

    def token(self, program):
        if program not in self.tokens:
            told = self.sandbox.secrets[program]
            form = {"grant_type": "client_credentials", "client_id": told["client_id"], "client_secret": told["secret"]}
            form["scope"] = f"{self.sandbox.url}/.default"
            answer = self.http.post(f"{self.sandbox.url}/{TENANT}/oauth2/v2.0/token", data=form)
            self.tokens[program] = answer.json()["access_token"]
        return self.tokens[program]

    def github(self, path, method, body):
        headers = {"Authorization": f"token {self.sandbox.secrets['github']['installation_token']}"}
        url = f"{self.sandbox.url}/api/v3/repos/{PROJECT.repository}{path}"
        return self.http.request(method, url, headers=headers, json=body).raise_for_status()

    def writes(self):
        services = {"arm", "github", "endpoints", "blob"}
        return [
            (entry["method"], entry["path"])
            for entry in requests_of(self.sandbox)
            if entry["service"] in services
            and entry["method"] not in {"GET", "HEAD"}
            and not entry["path"].lower().endswith("listsecrets")
        ]


@pytest.fixture(scope="module")
def ground(sandbox, tmp_path_factory):
    made = Ground(sandbox, tmp_path_factory.mktemp("ground"))
    assert {found.change for found in made.plan().values()} == {Change.CREATE}
    first = made.apply()
    assert {key for key, one in first.items() if not one.done} == {
        ("code owners", ".github/CODEOWNERS"),
        ("stand-in branch", "mlops-drill/stand-in"),
        ("ruleset", "main: reviewed and green"),
    }
    assert first["ruleset", "main: reviewed and green"].message == "waits for the first push of main"
    content = {"message": "Begin", "content": base64.b64encode(CODEOWNERS).decode(), "branch": "main"}
    made.github("/contents/.github/CODEOWNERS", "PUT", content)
    made.apply()
    assert made.differing() == {}
    yield made
    made.http.close()


def test_repeated_it_writes_nothing(ground):
    before = ground.writes()
    assert {one.message for one in ground.apply().values()} == {"as declared"}
    assert ground.writes() == before


@pytest.mark.parametrize(
    ("program", "method", "path", "status"),
    [
        ("mlops-ci-prod", "PUT", "gateways-prod/onlineEndpoints/diabetes-endpoint", 403),
        ("mlops-ci-prod", "PUT", "gateways-prod/onlineEndpoints/diabetes-endpoint/deployments/mine", 403),
        ("mlops-ci-prod", "POST", "gateways-prod/onlineEndpoints/diabetes-endpoint/listKeys", 403),
        ("mlops-ci-prod", "PUT", "gateways-prod/computes/mine", 403),
        ("mlops-ci-prod", "GET", "gateways-prod/computes/cpu-cluster", 200),
        ("mlops-ci-prod", "GET", "gateways-dev/computes/cpu-cluster", 403),
        ("mlops-ci-dev", "GET", "gateways-dev/computes/cpu-cluster", 200),
        ("mlops-ci-dev", "GET", "gateways-prod/data/diabetes-prod", 403),
        ("mlops-console", "PUT", "gateways-prod/onlineEndpoints/diabetes-endpoint/deployments/mine", 403),
        ("mlops-console", "GET", "gateways-prod/onlineEndpoints/diabetes-endpoint", 200),
        ("mlops-worker", "PUT", "gateways-prod/computes/mine", 403),
        ("mlops-worker", "GET", "gateways-prod/onlineEndpoints/diabetes-endpoint", 200),
    ],
)
def test_the_declared_roles_are_all_that_is_allowed(ground, program, method, path, status):
    body = None if method == "GET" else {}
    assert ground.azure(f"{WORKSPACES}/{path}", method, body, program)[0] == status


@pytest.mark.parametrize(("program", "status"), [("mlops-console", 200), ("mlops-worker", 200), ("mlops-ci-prod", 403)])
def test_who_reads_the_group_may_know_which_alert_rules_fire_there(ground, program, status):
    found = ground.azure(f"{GROUP}/providers/Microsoft.AlertsManagement/alerts", program=program)
    assert (found[0], found[1].get("value")) == (status, [] if status == 200 else None)


def test_a_right_that_nobody_declared_is_told_and_left_to_a_person(ground):
    identity = ground.azure(f"{IDENTITIES}/mlops-ci-prod")[1]["properties"]
    given = f"{WORKSPACES}/gateways-dev/providers/Microsoft.Authorization/roleAssignments/{identity['clientId']}"
    reader = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    body = {"properties": {"roleDefinitionId": reader, "principalId": identity["principalId"]}}
    assert ground.azure(given, "PUT", body)[0] == 201
    assert ground.azure(f"{WORKSPACES}/gateways-dev/data/gateways-dev", program="mlops-ci-prod")[0] == 200
    assert ground.differing() == {("rights", "further roles"): ("Reader on gateways-dev", "none")}
    left = ground.apply()["rights", "mlops-ci-prod"]
    assert (left.done, left.resource.by_hand) == (False, True)
    assert ground.azure(given)[0] == 200
    ground.azure(given, "DELETE")
    assert ground.differing() == {}


def test_what_was_changed_by_hand_is_told_field_by_field_and_put_right(ground):
    storage = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/gatewaysprodstore"
    account = ground.azure(storage)[1]
    account["properties"] |= {"allowBlobPublicAccess": True, "isHnsEnabled": True}
    assert ground.azure(storage, "PUT", account)[0] == 200
    alert = f"{GROUP}/providers/Microsoft.Insights/metricAlerts/diabetes-endpoint-server-errors"
    rule = ground.azure(alert)[1]
    rule["properties"] |= {"enabled": False, "autoMitigate": False}
    rule["properties"]["criteria"]["allOf"][0]["threshold"] = 50.0
    assert ground.azure(alert, "PUT", rule)[0] == 200
    ground.github("/actions/permissions/workflow", "PUT", {"can_approve_pull_request_reviews": True})
    ground.github("", "PATCH", {"allow_merge_commit": True})
    ground.github("/environments/production", "PUT", {"deployment_branch_policy": None})

    fires = "Average RequestsPerMinute of statusCodeClass 5xx GreaterThan"
    assert ground.differing() == {
        ("storage account", "public blobs"): ("yes", "no"),
        ("alert rule", "enabled"): ("no", "yes"),
        ("alert rule", "resolves by itself"): ("no", "yes"),
        ("alert rule", "fires when"): (f"{fires} 50", f"{fires} 1"),
        ("Actions permissions", "may approve"): ("yes", "no"),
        ("repository", "allow merge commit"): ("yes", "no"),
        ("deployment environment", "reviewers"): ("none", "deputy, lead"),
        ("deployment environment", "branches"): ("none", "main"),
    }
    ground.apply()
    assert ground.differing() == {}
    # What is not declared is left alone.
    assert ground.azure(storage)[1]["properties"]["isHnsEnabled"] is True


def test_dev_and_prod_with_the_same_data_are_found_out_by_digest(ground):
    (wrong,) = [f for f in ground.plan()["separation", "dev and prod"].fields if f.name == "data"]
    assert (wrong.change, wrong.now.count("sha256:")) == (Change.NONE, 2)
    ground.apply(dev="prod")
    told = ground.plan(dev="prod")["separation", "dev and prod"]
    assert [(field.name, field.now[:16]) for field in told.differing] == [("data", "the same: sha256")]
    assert (told.by_hand, "share what they must not" in told.note) == (True, True)
    ground.apply()
    assert ground.differing() == {}


def test_what_may_not_be_seen_cannot_be_read_and_is_never_unchanged(ground):
    found = ground.setup(program="mlops-ci-prod").plan()
    unseen = {(one.kind, one.where) for one in found.unknown}
    assert {(kind, "gateways-dev") for kind in ("compute cluster", "data asset", "storage account")} <= unseen
    assert ("compute cluster", "gateways-prod") not in unseen
    assert not [one for one in found.resources if one.where == "gateways-dev" and one.change is Change.NONE]


def test_a_workflow_is_trusted_by_the_subject_that_setup_declared(ground):
    place = f"{IDENTITIES}/mlops-ci-prod/federatedIdentityCredentials/github-actions"
    trusted = ground.azure(place)[1]["properties"]
    assert trusted["issuer"] == f"{ground.sandbox.url}/actions/oidc"
    assert trusted["subject"].startswith("repo:hospital@")
    assert trusted["subject"].endswith(":ref:refs/heads/main")
    ground.azure(place, "PUT", {"properties": {**trusted, "subject": "repo:hospital/diabetes:pull_request"}})
    assert ground.differing() == {
        ("federated credential", "subject"): ("repo:hospital/diabetes:pull_request", trusted["subject"])
    }
    ground.apply()
    assert ground.differing() == {}


def test_the_cost_of_a_month_is_told_where_prices_are(ground):
    assert ground.setup().plan().cost is None
    priced = PROJECT.model_copy(update={"prices": {PROJECT.instance_type: 0.5}})
    cost = ground.setup(project=priced).plan().cost
    assert (cost.amount, cost.currency, cost.made_of) == (365.0, "USD", "1 x Standard_DS2_v2, always on")


def outcomes(found):
    return {one.question: one.outcome for one in found.checked}


def test_the_doctor_says_what_this_identity_may_do_and_what_answers(ground, monkeypatch):
    monkeypatch.setenv("MLOPS_SETTINGS", str(ground.folder / "mlops.toml"))
    settings = settings_of(ground.sandbox, ground.folder, PROJECT, "mlops-console")
    build_setup(settings, None, None)
    found = build_doctor(settings).examine()
    told = {one.question: one for one in found.checked}
    assert told["May this identity read what it shows?"].outcome is Outcome.FINE
    assert told["May this identity change production's endpoint?"].answer.startswith("It cannot")
    assert told["Does it agree with GitHub's?"].outcome is Outcome.FINE
    assert told["Is there room for a rollout of Standard_DS2_v2?"].outcome is Outcome.FINE
    assert "of 24 are in use" in told["Is there room for a rollout of Standard_DS2_v2?"].answer
    assert {one.question for one in found.wrong} == {"Are all keys set?", "Does a worker run?"}

    # An identity that holds nothing in dev is told so, and a clock that is off is found out.
    blind = build_doctor(
        settings_of(ground.sandbox, ground.folder, PROJECT, "mlops-ci-prod"), lambda: utc_now() - timedelta(minutes=5)
    ).examine()
    wrong = {one.question: one.answer for one in blind.wrong}
    assert wrong["May this identity read what it shows?"] == "It may read gateways-prod."
    assert wrong["Does it agree with Entra's?"].startswith("300 s") or "29" in wrong["Does it agree with Entra's?"]


def test_an_assessment_reads_only_and_tells_what_is_missing_with_proof(ground):
    settings = settings_of(ground.sandbox, ground.folder, PROJECT, "mlops-console")
    before = ground.writes()
    found = build_assessing(settings, PROJECT).assess()
    assert ground.writes() == before
    told = outcomes(found)
    assert told["Who can change main without a review?"] is Outcome.FINE
    assert told["Do the endpoint's calls reach Log Analytics?"] is Outcome.FINE
    assert told["Has the plan reviewers of environments?"] is Outcome.FINE
    assert told["What would setup change?"] is Outcome.FINE
    assert all(one.proof for one in found.checked)

    elsewhere = PROJECT.model_copy(update={"repository": "hospital/other", "endpoint": "not-there"})
    stranger = build_assessing(settings, elsewhere).assess()
    told = outcomes(stranger)
    assert told["Who can change main without a review?"] is Outcome.UNKNOWN
    assert told["What serves?"] is Outcome.WRONG
    assert told["Do the endpoint's calls reach Log Analytics?"] is Outcome.WRONG
    (setup,) = [one for one in stranger.checked if one.area == "setup"]
    assert "not-there" in setup.answer
    assert ground.writes() == before


def test_a_bypass_actor_is_named_by_the_assessment(ground):
    listed = ground.github("/rulesets", "GET", None).json()
    (number,) = [one["id"] for one in listed if one["name"].startswith("main")]
    place = f"/rulesets/{number}"
    whole = ground.github(place, "GET", None).json()
    actor = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ground.github(place, "PUT", {"bypass_actors": [actor]})
    found = build_assessing(settings_of(ground.sandbox, ground.folder, PROJECT, "mlops-console"), PROJECT).assess()
    (wrong,) = [one for one in found.checked if one.question == "Who can change main without a review?"]
    assert (wrong.outcome, "RepositoryRole 5" in wrong.answer) == (Outcome.WRONG, True)
    assert f"rulesets/{number}: bypass RepositoryRole 5" in wrong.proof
    ground.github(place, "PUT", {"bypass_actors": whole["bypass_actors"]})
    assert ground.differing() == {}


def test_a_plan_without_reviewers_has_their_stand_in(make_sandbox, tmp_path):
    poor = Ground(make_sandbox("--github-plan", "team", "--services", "identity,github"), tmp_path)
    settings = settings_of(poor.sandbox, tmp_path)
    kinds = {"repository", "deployment environment"}
    sides = setup_sides(settings, connect(settings))
    wanted = [one for one in declared_resources(sides) if one.kind in kinds]
    assert apply(wanted, lambda _one: None)
    (environment,) = [one for one in plan(wanted).resources if one.kind == "deployment environment"]
    assert environment.change is Change.NONE
    assert environment.fields[0].now.startswith("none: the plan has none; the ruleset")

    poor.http.close()
