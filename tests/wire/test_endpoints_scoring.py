"""Endpoints through the unmodified azure-ai-ml, and calls to them over real sockets."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.wire.endpoints_lab import ENDPOINT, lab


@pytest.fixture(scope="module")
def tiny(sandbox):
    return lab(sandbox)


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
