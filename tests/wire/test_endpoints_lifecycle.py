"""Endpoints and deployments in ARM through the unmodified azure-ai-ml: statuses say what really happened."""

from __future__ import annotations

import contextlib

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.wire.endpoints_lab import ENDPOINT, client, lab, wait_for


@pytest.fixture(scope="module")
def tiny(sandbox):
    return lab(sandbox)


@pytest.fixture
def scrap(tiny):
    """Names of deployments that the test makes and that are deleted after it."""
    names = []
    yield names
    for name in names:
        with contextlib.suppress(ResourceNotFoundError):
            tiny.ml.online_deployments.begin_delete(name, ENDPOINT).result(30)


def _state(tiny, name):
    return tiny.ml.online_deployments.get(name, ENDPOINT).provisioning_state


def _refusal(call, *arguments, **named):
    with pytest.raises(HttpResponseError) as raised:
        call(*arguments, **named)
    return raised.value


def test_deployment_is_creating_until_its_server_answers(tiny, scrap):
    from azure.ai.ml.entities import OnlineRequestSettings

    scrap.append("slow")
    quick_to_give_up = OnlineRequestSettings(request_timeout_ms=500)
    entity = tiny.deployment("slow", {"LAB_SLEEP": "2"}, request_settings=quick_to_give_up)
    poller = tiny.ml.online_deployments.begin_create_or_update(entity)
    assert _state(tiny, "slow") == "Creating"
    assert tiny.score({"x": 1}, deployment="slow").status_code == 503
    refused = _refusal(tiny.set_traffic, {"blue": 90, "slow": 10})
    assert "slow is Creating; only a deployment that has succeeded can receive traffic" in refused.message
    again = tiny.ml.online_deployments.begin_create_or_update(entity)
    assert poller.result(60).provisioning_state == again.result(60).provisioning_state == "Succeeded"
    assert len({process.ppid() for process in tiny.servers("slow")} - {tiny.sandbox.pid}) == 2, "one server only"
    late = tiny.score({"sleep": 3}, deployment="slow")
    assert late.status_code == 408
    assert "0.5 s" in late.text


def test_same_put_again_changes_nothing_that_runs(tiny):
    before = {process.pid for process in tiny.servers("blue")}
    assert tiny.deploy("blue", {"LAB_COLOUR": "blue"}).provisioning_state == "Succeeded"
    assert {process.pid for process in tiny.servers("blue")} == before


def test_crash_at_the_start_is_failed_with_the_reason(tiny, scrap):
    scrap.append("broken")
    error = _refusal(tiny.deploy, "broken", {"LAB_CRASH": "on purpose"})
    assert "ResourceNotReady" in str(error)
    assert "User container has crashed or terminated" in str(error)
    assert "RuntimeError: the model file is broken: on purpose" in str(error)
    assert _state(tiny, "broken") == "Failed"
    assert "RuntimeError: the model file is broken" in tiny.ml.online_deployments.get_logs("broken", ENDPOINT, 50)
    assert not tiny.servers("broken")
    refused = _refusal(tiny.set_traffic, {"blue": 50, "broken": 50})
    assert "broken is Failed" in refused.message
    assert tiny.deploy("broken", {"LAB_COLOUR": "mended"}).provisioning_state == "Succeeded"
    assert tiny.score({"x": 1}, deployment="broken").json()["variables"] == {"LAB_COLOUR": "mended"}


def test_server_that_never_answers_fails_its_liveness_probe(tiny, scrap):
    from azure.ai.ml.entities import ProbeSettings

    scrap.append("mute")
    probe = ProbeSettings(initial_delay=1, period=1, failure_threshold=1)
    error = _refusal(tiny.deploy, "mute", {"LAB_SLEEP": "60"}, liveness_probe=probe)
    assert "Liveness probe failed for 2 s" in str(error)
    assert _state(tiny, "mute") == "Failed"
    wait_for(lambda: not tiny.servers("mute"), 5, "the end of the mute server")


def test_missing_scoring_script_is_said(tiny, scrap):
    scrap.append("scriptless")
    begin = tiny.ml.online_deployments.begin_create_or_update
    entity = tiny.deployment("scriptless", script="other.py")
    error = _refusal(lambda: begin(entity, skip_script_validation=True).result(30))
    assert "The scoring script other.py is not in the code asset" in str(error)


@pytest.mark.parametrize(
    ("traffic", "mirror", "said"),
    [
        ({"blue": 90, "green": 5}, {}, "must sum to 0 or 100; they sum to 95"),
        ({"blue": 90, "red": 10}, {}, "names the deployment red, which does not exist"),
        ({"blue": 100}, {"green": 60}, "At most 50 %"),
        ({"blue": 90, "green": 10}, {"green": 10}, "receives live traffic"),
        ({}, {"blue": 10, "green": 10}, "one deployment only"),
    ],
)
def test_traffic_rules(tiny, traffic, mirror, said):
    refused = _refusal(tiny.set_traffic, traffic, mirror)
    assert (refused.status_code, said in refused.message) == (400, True), refused.message
    assert tiny.ml.online_endpoints.get(ENDPOINT).traffic == {"blue": 90, "green": 10}


def test_replaced_deployment_answers_with_the_new_server_and_never_stops(tiny, scrap):
    scrap.append("changing")
    tiny.deploy("changing", {"LAB_COLOUR": "old"})
    poller = tiny.ml.online_deployments.begin_create_or_update(tiny.deployment("changing", {"LAB_COLOUR": "new"}))
    seen = set()
    while not poller.done():
        answer = tiny.score({"x": 1}, deployment="changing")
        assert answer.status_code == 200
        seen.add(answer.json()["variables"]["LAB_COLOUR"])
    assert tiny.score({"x": 1}, deployment="changing").json()["variables"] == {"LAB_COLOUR": "new"}
    assert "old" in seen


def test_deployment_with_traffic_is_not_deleted(tiny):
    error = _refusal(lambda: tiny.ml.online_deployments.begin_delete("green", ENDPOINT).result(30))
    assert error.status_code == 400
    assert "Cannot delete deployment green: it receives 10 % of the live traffic" in error.message
    assert _state(tiny, "green") == "Succeeded"


def test_deleted_deployment_ends_its_server_and_deleting_again_is_quiet(tiny):
    tiny.deploy("gone")
    assert tiny.servers("gone")
    tiny.ml.online_deployments.begin_delete("gone", ENDPOINT).result(30)
    assert not tiny.servers("gone")
    with pytest.raises(ResourceNotFoundError):
        tiny.ml.online_deployments.get("gone", ENDPOINT)
    assert tiny.rest("DELETE", f"/onlineEndpoints/{ENDPOINT}/deployments/gone").status_code == 204


def test_dead_server_is_started_again_while_arm_says_succeeded(tiny, scrap):
    scrap.append("mortal")
    tiny.deploy("mortal")
    assert tiny.score({"kill": 1}, deployment="mortal").status_code == 502
    assert _state(tiny, "mortal") == "Succeeded"
    codes = []

    def answers():
        codes.append(tiny.score({"x": 1}, deployment="mortal").status_code)
        return codes[-1] == 200

    wait_for(answers, 20, "the restart of a dead server")
    assert set(codes) <= {200, 502, 503}


def test_only_who_may_write_endpoints_writes_them(tiny):
    body = {"location": "westeurope", "properties": {"authMode": "Key", "traffic": {"green": 100}}}
    for program in ("mlops-console", "mlops-ci-dev"):
        answer = tiny.rest("PUT", f"/onlineEndpoints/{ENDPOINT}", program, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert tiny.rest("DELETE", f"/onlineEndpoints/{ENDPOINT}/deployments/blue", "mlops-console").status_code == 403
    assert client(tiny.sandbox, "mlops-console").online_endpoints.get(ENDPOINT).traffic == {"blue": 90, "green": 10}


def test_endpoint_name_with_a_space_is_refused(tiny):
    answer = tiny.rest("PUT", "/onlineEndpoints/my%20endpoint", json={"properties": {"authMode": "Key"}})
    assert answer.status_code == 400
    assert "'my endpoint' is not valid: 3 to 32 letters, digits and '-'" in answer.json()["error"]["message"]


def test_regenerated_key_replaces_the_old_one(tiny):
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    ml, name = tiny.ml, "key-lab"
    ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="key")).result(30)
    address, old = ml.online_endpoints.get(name).scoring_uri, ml.online_endpoints.get_keys(name)
    ml.online_endpoints.begin_regenerate_keys(name, key_type="primary").result(30)
    new = ml.online_endpoints.get_keys(name)
    assert new.primary_key != old.primary_key
    assert new.secondary_key == old.secondary_key
    codes = [
        tiny.http.post(address, json={}, headers={"Authorization": f"Bearer {key}"}).status_code
        for key in (old.primary_key, old.secondary_key, new.primary_key)
    ]
    assert codes == [401, 404, 404], "404: nothing is deployed there"
    ml.online_endpoints.begin_delete(name).result(30)
    with pytest.raises(ResourceNotFoundError):
        ml.online_endpoints.get(name)
