"""Calls to an endpoint over real sockets: who answers, who may ask, and what Azure makes of a model's error."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.wire.endpoints_lab import ENDPOINT, lab, wait_for


@pytest.fixture(scope="module")
def tiny(sandbox):
    return lab(sandbox)


@pytest.fixture
def split(tiny):
    """A traffic split of the test's own; afterwards 90/10 again."""
    yield tiny.set_traffic
    tiny.set_traffic({"blue": 90, "green": 10})


def test_deployments_succeed_once_their_servers_answer(tiny):
    states = {item.name: item.provisioning_state for item in tiny.ml.online_deployments.list(ENDPOINT)}
    assert states["blue"] == states["green"] == "Succeeded"
    assert tiny.ml.online_endpoints.get(ENDPOINT).provisioning_state == "Succeeded"


def test_model_answers_with_its_own_variables_and_none_of_ours(tiny):
    answer = tiny.score({"x": 14}, deployment="blue")
    assert answer.status_code == 200
    assert answer.json()["product"] == 42
    assert answer.json()["variables"] == {"LAB_COLOUR": "blue"}
    assert not [name for name in answer.json()["names"] if "SECRET" in name or "TOKEN" in name or name == "MLOPS_HOME"]


def test_calls_are_split_by_weight_and_say_who_answered(tiny):
    answers = Counter(tiny.score({"x": 1}).headers["azureml-model-deployment"] for _ in range(300))
    assert set(answers) == {"blue", "green"}
    assert 240 <= answers["blue"] <= 292, answers


def test_named_deployment_answers_at_zero_percent(tiny, split):
    split({"blue": 100})
    named = tiny.score({"x": 1}, deployment="green")
    assert (named.status_code, named.headers["azureml-model-deployment"]) == (200, "green")
    assert {tiny.score({"x": 1}).headers["azureml-model-deployment"] for _ in range(20)} == {"blue"}


def test_unknown_deployment_is_not_found(tiny):
    answer = tiny.score({"x": 1}, deployment="red")
    assert answer.status_code == 404
    assert "has no deployment red" in answer.text


def test_endpoint_without_traffic_is_not_found(tiny, split):
    split({})
    answer = tiny.score({"x": 1})
    assert answer.status_code == 404
    assert "no deployment with traffic" in answer.text


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Bearer not-the-key", "key_auth_access_denied"),
        ("Bearer", "key_auth_bad_header_missing"),
        ("Basic abc", "key_auth_bad_header_missing"),
    ],
)
def test_wrong_key_is_refused(tiny, header, said):
    answer = tiny.http.post(tiny.uri, json={"x": 1}, headers={"Authorization": header})
    assert (answer.status_code, answer.text) == (401, said)
    assert "azureml-model-deployment" not in answer.headers


def test_refusal_of_the_model_is_a_424_that_names_the_field(tiny):
    answer = tiny.score({"field": "BMI"}, deployment="blue")
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "400"
    assert answer.headers["ms-azureml-model-error-reason"] == "BMI: must be a number"
    assert answer.json()["error"]["field"] == "BMI"


def test_exception_in_the_model_is_a_424_of_status_500(tiny):
    answer = tiny.score({"raise": "broken"}, deployment="blue")
    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "500"


def test_large_request_gets_a_clear_answer(tiny):
    large = b'{"x": "' + b"1" * 10_000_000 + b'"}'
    assert tiny.score(large, deployment="blue", key="not-the-key").status_code == 401
    answer = tiny.score(large, deployment="blue")
    assert answer.status_code == 413
    assert "9.5 MB; an endpoint takes at most 1.5 MB" in answer.text


def test_large_answer_of_the_model_is_a_424(tiny):
    assert len(tiny.score({"big": 1_500_000}, deployment="blue").content) == 1_500_000
    answer = tiny.score({"big": 1_600_000}, deployment="blue")
    assert (answer.status_code, answer.text) == (424, "The model's answer is larger than 1.5 MB.")


def test_body_reaches_the_model_as_it_was_sent_and_the_key_does_not(tiny):
    answer = tiny.score(b'{"echo": [NaN, -Infinity, "\xc3\xa9"]}', deployment="blue")
    assert answer.json()["echo"] == "[nan, -inf, 'é']"
    assert "Authorization" not in answer.json()["headers"]


def test_request_ids_come_back(tiny):
    answer = tiny.score({"x": 1}, **{"x-request-id": "mine-1", "x-ms-client-request-id": "app-7"})
    assert (answer.headers["x-request-id"], answer.headers["x-ms-request-id"]) == ("mine-1", "mine-1")
    assert answer.headers["x-ms-client-request-id"] == "app-7"
    assert len(tiny.score({"x": 1}).headers["x-ms-request-id"]) == 36


def test_liveness_is_answered_to_whoever_has_the_key(tiny):
    address = tiny.uri.removesuffix("score")
    assert tiny.http.get(address, headers={"Authorization": f"Bearer {tiny.key}"}).text == "Healthy"
    assert tiny.http.get(address).status_code == 401


def test_mirror_gets_copies_that_no_client_sees(tiny, split):
    split({"blue": 100}, {"green": 50})
    served = [tiny.score({"field": "BMI"} if number % 2 else {"x": 1}) for number in range(60)]
    assert {answer.headers["azureml-model-deployment"] for answer in served} == {"blue"}
    assert Counter(answer.status_code for answer in served) == {200: 30, 424: 30}
    copies = wait_for(lambda: _scored(tiny, "green") or None, 5, "a mirrored copy in green's log")
    assert copies >= 1


def test_servers_listen_on_loopback_only(tiny):
    listening = [
        connection.laddr.ip
        for process in [*tiny.servers(), *_sandbox_processes(tiny)]
        for connection in process.net_connections("inet")
        if connection.status == "LISTEN"
    ]
    assert len(listening) >= 4
    assert set(listening) == {"127.0.0.1"}


def _scored(tiny, deployment):
    """How many requests the server itself wrote to its log as answered with 424's cause or 200."""
    text = tiny.ml.online_deployments.get_logs(deployment, ENDPOINT, 1000)
    return sum(" POST /score 400 " in line for line in text.splitlines())


def _sandbox_processes(tiny):
    import psutil

    return [psutil.Process(tiny.sandbox.pid)]
