"""Faults count down and say what is wrong with them; paths belong to services."""

from __future__ import annotations

import json

import pytest

from sandbox.accounts import SUBSCRIPTION, TENANT
from sandbox.envelopes import error_response, service_of
from sandbox.faults import Faults
from sandbox.github_faults import halved, refusal

PROVIDER = "Microsoft.MachineLearningServices"
WORKSPACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/{PROVIDER}/workspaces/diabetes-dev"


def test_fault_hits_as_many_requests_as_it_was_set_for():
    faults = Faults()
    faults.add({"service": "github", "status": 503, "requests": 2})
    hits = [faults.take("github", "GET", "/api/v3/user") for _ in range(3)]
    assert [fault and fault.status for fault in hits] == [503, 503, None]
    assert not faults.all()


def test_fault_without_a_count_lasts_until_it_is_cleared():
    faults = Faults()
    number = faults.add({"service": "arm", "delay_ms": 10}).number
    assert all(faults.take("arm", "GET", "/subscriptions") for _ in range(5))
    assert faults.clear(number) == 1
    assert faults.take("arm", "GET", "/subscriptions") is None


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        ({"service": ""}, True),
        ({"service": "github"}, False),
        ({"method": "put"}, True),
        ({"method": "get"}, False),
        ({"path": r"/onlineEndpoints/[^/]+$"}, True),
        ({"path": r"/jobs/"}, False),
    ],
)
def test_fault_matches_by_service_method_and_path(fault, hit):
    faults = Faults()
    faults.add({"status": 500} | fault)
    taken = faults.take("endpoints", "PUT", f"{WORKSPACE}/onlineendpoints/e")
    assert (taken is not None) == hit


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({}, "needs a status, a kind or a delay_ms"),
        ({"service": "github", "kind": "tired"}, "no kind 'tired'"),
        ({"service": "arm", "kind": "half"}, "of the services github or actions"),
        ({"service": "github", "kind": "half", "status": 500}, "stands for a status"),
        ({"delay_ms": 5, "after": True}, "needs a status to answer"),
        ({"status": 200}, "status 200 is not an error"),
        ({"status": "many"}, "whole numbers"),
        ({"status": 500, "requests": 0}, "at least 1"),
        ({"delay_ms": 10_000_000}, "outside 0 to"),
        ({"status": 500, "path": "("}, "pattern"),
        ({"status": 500, "colour": "red"}, "Unknown field 'colour'"),
    ],
)
def test_impossible_fault_is_refused(fault, problem):
    with pytest.raises(ValueError, match=problem):
        Faults().add(fault)


@pytest.mark.parametrize(
    ("path", "headers", "service"),
    [
        (f"/{TENANT}/oauth2/v2.0/token", {}, "identity"),
        ("/metadata/endpoints", {}, "identity"),
        ("/login/oauth/access_token", {}, "identity"),
        ("/actions/oidc/token", {}, "identity"),
        ("/oidc/userinfo", {}, "identity"),
        (WORKSPACE, {}, "arm"),
        (f"{WORKSPACE}/onlineEndpoints/e/deployments/d", {}, "endpoints"),
        (f"/subscriptions/{SUBSCRIPTION}/metrics:getBatch", {}, "monitor"),
        ("/v1/workspaces/w/query", {}, "monitor"),
        ("/v1/$batch", {}, "monitor"),
        (f"/mlflow/v2.0{WORKSPACE}/api/2.0/mlflow/runs/get", {}, "tracking"),
        ("/scoring/diabetes-prod/diabetes-endpoint/score", {}, "endpoints"),
        ("/api/v3/repos/hospital/diabetes/pulls", {}, "github"),
        ("/api/v3/repos/hospital/diabetes/actions/runs", {}, "actions"),
        ("/api/graphql", {}, "github"),
        ("/hospital/diabetes.git/info/refs", {}, "github"),
        ("/azureml-blobstore/data/cohort.csv", {"x-ms-version": "2024-11-04"}, "blob"),
        ("/control/journal", {}, "control"),
        ("/", {}, "control"),
    ],
)
def test_path_belongs_to_a_service(path, headers, service):
    assert service_of(path, headers) == service


@pytest.mark.parametrize(
    ("service", "inside"),
    [
        ("arm", b'"error": {"code": "NotImplemented"'),
        ("github", b'"message": "no <op>"'),
        ("identity", b'"error": "NotImplemented"'),
        ("tracking", b'"error_code": "NotImplemented"'),
        ("blob", b"<Code>NotImplemented</Code><Message>no &lt;op&gt;</Message>"),
    ],
)
def test_refusal_is_worded_as_the_service_would(service, inside):
    answer = error_response(service, 501, "NotImplemented", "no <op>")
    assert answer.status_code == 501
    assert inside in answer.body


def test_half_an_answer_has_holes_and_an_error():
    whole = {"data": {"nodes": [{"checks": {"nodes": [1, 2]}}, {"id": 2}], "name": "x"}}
    found = json.loads(halved(json.dumps(whole).encode()))
    assert found["data"] == {"nodes": [{"checks": {"nodes": [1, None]}}, None], "name": "x"}
    assert found["errors"][0]["type"] == "RESOURCE_LIMITS_EXCEEDED"


@pytest.mark.parametrize(
    ("kind", "path", "status", "header", "words"),
    [
        ("primary_limit", "/api/v3/user", 403, "X-RateLimit-Reset", b"API rate limit exceeded"),
        ("primary_limit", "/api/graphql", 200, "X-RateLimit-Reset", b"RATE_LIMITED"),
        ("secondary_limit", "/api/v3/user", 403, "Retry-After", b"secondary rate limit"),
        ("revoked", "/api/v3/user", 401, "Content-Type", b"Bad credentials"),
    ],
)
def test_github_refuses_in_its_own_ways(kind, path, status, header, words):
    answer = refusal(kind, path, 90)
    assert answer.status_code == status
    assert header in answer.headers
    assert words in answer.body
