"""Azure Monitor's rules fire and are resolved by what is measured, and our gateway tells which of them fire."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta

import httpx
import pytest
from azureml_lab import NOISE
from endpoints_lab import GROUP, credential, lab, wait_for
from fired_lab import ENDPOINT_ID, GROUP_ID, MINUTE, of_class
from gateways_world import PROJECT, settings_of

from backend.bootstrap import build, connect
from backend.domain.azure_alerts import AzureAlerts
from backend.errors import CredentialsRejected, NotFound
from backend.gateways.azureml.arm import ArmResources
from backend.gateways.credentials import tls_context
from backend.gateways.monitor.alerts import AlertInstances
from sandbox.accounts import SUBSCRIPTION
from sandbox.monitor.alert_rules import CRITERIA
from tests.conftest import ROOT, interpreter
from tests.journal import requests_of

pytestmark = [pytest.mark.filterwarnings(line) for line in NOISE]
LIST = "providers/Microsoft.AlertsManagement/alerts"


class Past:
    """A world with five hours behind it; `until` is the minute they lead up to."""

    def __init__(self, sandbox, until, folder):
        self.sandbox, self.until, self.folder = sandbox, until, folder
        self.http = httpx.Client(verify=tls_context(self.settings().cloud), timeout=30)

    def settings(self, program="mlops-console", **changed):
        project = PROJECT.model_copy(update={"resource_group": "fired", "prod_workspace": "fired-prod", **changed})
        return settings_of(self.sandbox, self.folder, project, program)

    def ask(self, scope=GROUP_ID, program="mlops-console", **query):
        token = credential(self.sandbox, program).get_token(f"{self.sandbox.url}/.default").token
        asked = {"api-version": "2019-03-01", **query}
        headers = {"Authorization": f"Bearer {token}"}
        return self.http.get(f"{self.sandbox.url}{scope}/{LIST}", params=asked, headers=headers)

    def told(self, **query):
        """Rule, condition, and how many minutes before `until` it fired and was resolved; the last changed first."""
        found = [one["properties"]["essentials"] for one in self.ask(**query).raise_for_status().json()["value"]]
        times = ("startDateTime", "monitorConditionResolvedDateTime")
        return [
            (
                one["alertRule"].rpartition("/")[2],
                one["monitorCondition"],
                *(self._before(one[name]) for name in times if name in one),
            )
            for one in found
        ]

    def _before(self, text):
        return (self.until - datetime.fromisoformat(text)) / MINUTE


@pytest.fixture(scope="module")
def past(make_sandbox, tmp_path_factory):
    home = tmp_path_factory.mktemp("past")
    command = [str(interpreter("MLOPS_SANDBOX_PYTHON", "sandbox")), "-m", "tests.wire.fired_lab", str(home)]
    until = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    world = make_sandbox("--services", "identity,arm,monitor,control", home=home)
    made = Past(world, datetime.fromisoformat(until), tmp_path_factory.mktemp("ours"))
    yield made
    made.http.close()


@pytest.fixture
def alerts(past):
    def as_program(program="mlops-console", **changed):
        prod = connect(past.settings(program, **changed)).prod
        return AlertInstances(ArmResources(prod), prod.project.group_id)

    return as_program


def test_a_rule_fires_since_its_first_look_above_and_is_resolved_after_three_calm_ones(past):
    # 503s began 20 minutes before, slow answers 100 to 91; a window of five minutes sees a minute for five looks.
    assert past.told(alertRule=f"{GROUP_ID}/providers/Microsoft.Insights/metricAlerts/server-errors".lower()) == [
        ("Server-Errors", "Fired", 19.0)
    ]
    assert past.told(alertRule=f"{GROUP_ID}/providers/microsoft.insights/metricalerts/slow-answers") == [
        ("slow-answers", "Resolved", 99.0, 83.0)
    ]


def test_an_alert_is_told_as_azure_tells_it(past):
    (alert,) = past.ask(severity="Sev1").json()["value"]
    assert alert["type"] == "Microsoft.AlertsManagement/alerts"
    assert alert["id"].startswith(f"{ENDPOINT_ID.lower()}/providers/Microsoft.AlertsManagement/alerts/")
    told = alert["properties"]["essentials"]
    assert {name: told[name] for name in ("signalType", "alertState", "monitorService", "lastModifiedUserName")} == {
        "signalType": "Metric",
        "alertState": "New",
        "monitorService": "Platform",
        "lastModifiedUserName": "System",
    }
    assert (told["targetResource"], told["targetResourceName"]) == (ENDPOINT_ID.lower(), "diabetes-endpoint")
    assert past.ask(severity="Sev1").json()["value"] == [alert]


def test_alerts_are_filtered_by_when_they_fired_by_condition_and_by_what_they_watch(past):
    assert past.told(timeRange="1d", monitorCondition="resolved") == [("slow-answers", "Resolved", 99.0, 83.0)]
    assert past.told(timeRange="1h", monitorCondition="Resolved") == []
    assert {name for name, *_ in past.told(pageCount="250", targetResource=ENDPOINT_ID)} == {
        "Server-Errors",
        "slow-answers",
        "each-time",
    }
    assert past.told(targetResource=f"{ENDPOINT_ID}-other") == []
    assert past.told(targetResourceGroup="FIRED", severity="Sev1", scope=f"/subscriptions/{SUBSCRIPTION}") != []
    assert past.told(targetResourceGroup="other") == []
    assert past.told(scope=f"/subscriptions/{SUBSCRIPTION}/resourceGroups/fire") == []


def test_what_is_not_understood_is_refused(past):
    assert past.ask(timeRange="2d").status_code == 400
    assert past.ask(pageCount="251").status_code == 400
    assert past.ask(pageCount="many").status_code == 400
    assert past.ask(sortBy="severity").status_code == 501


def test_pages_follow_one_another_and_hold_each_alert_once(past):
    answer, found = past.ask(pageCount="100", timeRange="30d").json(), []
    headers = {"Authorization": past.ask().request.headers["Authorization"]}
    while True:
        found += [one["id"] for one in answer["value"]]
        if "nextLink" not in answer:
            break
        answer = past.http.get(answer["nextLink"], headers=headers).json()
    assert len(found) == len(set(found)) == 60 * 5 - 10 + 2


def test_the_gateway_tells_which_rules_fire_since_when_and_reads_all_pages(past, alerts):
    before = len(requests_of(past.sandbox, contains=LIST))
    told = {one.name: one for one in alerts().firing()}
    assert {name: (past.until - one.since) / MINUTE for name, one in told.items()} == {
        "server-errors": 19.0,
        "each-time": 289.0,
    }
    assert told["server-errors"].severity == 1
    assert told["server-errors"].rule.endswith("/metricAlerts/Server-Errors")
    assert len(requests_of(past.sandbox, contains=LIST)) == before + 2
    known = AzureAlerts(firing=alerts(resource_group="FIRED").firing())
    assert known.of("SERVER-errors") == told["server-errors"]
    assert known.of("slow-answers") is None


def test_who_may_not_read_alerts_is_told_so(past, alerts):
    assert past.ask(program="mlops-ci-dev").status_code == 403
    with pytest.raises(CredentialsRejected) as raised:
        alerts("mlops-ci-dev").firing()
    assert raised.value.status == 403
    told = build(past.settings("mlops-ci-dev")).telemetry.azure_alerts()
    assert "does not have authorization to perform action 'microsoft.alertsmanagement/alerts/read'" in told.refused
    assert told.firing == ()


def test_where_the_list_is_not_known_nothing_is_quiet(past, alerts):
    fault = {"path": "AlertsManagement/alerts", "status": 404, "requests": 1}
    httpx.post(f"{past.sandbox.browser_url}/control/faults", json=fault).raise_for_status()
    with pytest.raises(NotFound):
        alerts().firing()


@pytest.mark.recovery
@pytest.mark.timeout(600)
def test_real_calls_make_a_rule_fire_and_their_end_resolves_it(sandbox, tmp_path):
    tiny = lab(sandbox)
    settings = settings_of(sandbox, tmp_path, PROJECT.model_copy(update={"resource_group": GROUP}), "mlops-setup")
    prod = connect(settings).prod
    arm, name = ArmResources(prod), "refused-calls"
    body = {
        "location": "global",
        "properties": {
            "enabled": True,
            "severity": 3,
            "scopes": [tiny.endpoint_id],
            "windowSize": "PT1M",
            "evaluationFrequency": "PT1M",
            "criteria": {"odata.type": CRITERIA, "allOf": [of_class("4xx", 2.0)]},
        },
    }
    arm.put(f"{prod.project.group_id}/providers/Microsoft.Insights/metricAlerts/{name}", "2018-03-01", body)
    alerts = AlertInstances(arm, prod.project.group_id)
    assert alerts.firing() == ()

    def fires():
        for _ in range(3):
            assert tiny.score({"field": "BMI"}).status_code == 424
        return alerts.firing()

    (found,) = wait_for(fires, 150, "the rule to fire")
    assert (found.name, found.severity, found.since.second) == (name, 3, 0)
    wait_for(lambda: not alerts.firing(), 330, "the rule to be resolved")
    listed = arm.chosen(f"{prod.project.group_id}/{LIST}", "2019-03-01", {"monitorCondition": "Resolved"})
    (ended,) = [one["properties"]["essentials"] for one in listed]
    since, resolved = (
        datetime.fromisoformat(ended[when]) for when in ("startDateTime", "monitorConditionResolvedDateTime")
    )
    assert since == found.since
    assert resolved - since >= timedelta(minutes=3)
