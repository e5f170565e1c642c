"""What each service's failures become, from exceptions built as the SDKs build them."""

from __future__ import annotations

import json

import httpx
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from azure.core.pipeline.transport import HttpRequest, RequestsTransportResponse
from github.Requester import Requester

from backend.errors import CredentialsRejected, NotFound, RemoteRejected, RemoteUnavailable
from backend.gateways.azureml.errors import azureml
from backend.gateways.github.errors import github
from backend.gateways.monitor.errors import monitor


def azure_error(status: int, body: dict, headers: dict | None = None) -> HttpResponseError:
    answer = requests.Response()
    answer.status_code = status
    answer.reason = "reason"
    answer._content = json.dumps(body).encode()
    answer.headers.update({"Content-Type": "application/json", "x-ms-request-id": "request-7", **(headers or {})})
    return HttpResponseError(response=RequestsTransportResponse(HttpRequest("GET", "https://x"), answer))


def arm(code: str, message: str) -> dict:
    return {"error": {"code": code, "message": message, "details": [], "additionalInfo": []}}


def unreachable_sign_in() -> ClientAuthenticationError:
    """As azure-identity raises it where nobody listens."""
    error = ClientAuthenticationError(message="Authentication failed: Connection refused")
    error.__cause__ = ServiceRequestError(message="Connection refused")
    return error


AZURE_ML = [
    ("read an endpoint", azure_error(404, arm("ResourceNotFound", "endpoint e not found")), NotFound),
    ("read an endpoint", azure_error(403, arm("AuthorizationFailed", "client x lacks y")), CredentialsRejected),
    ("submit a job", azure_error(400, arm("UserError", "no such compute")), RemoteRejected),
    ("submit a job", azure_error(409, arm("UserError", "job name taken")), RemoteRejected),
    ("set traffic", azure_error(409, arm("UserError", "another operation is in progress")), RemoteUnavailable),
    ("create a deployment", azure_error(409, arm("UserError", "updating")), RemoteUnavailable),
    ("read a job", azure_error(503, arm("ServiceUnavailable", "later")), RemoteUnavailable),
    ("read a job", azure_error(501, arm("NotImplemented", "no such operation")), RemoteRejected),
    ("connect", ServiceRequestError(message="connection refused"), RemoteUnavailable),
    ("connect", ClientAuthenticationError(message="AADSTS7000215: invalid client secret"), CredentialsRejected),
    ("connect", ClientAuthenticationError(message="Authentication failed: HTTP Error: 503"), RemoteUnavailable),
    ("connect", ClientAuthenticationError(message="Authentication failed: HTTP Error: 429"), RemoteUnavailable),
    ("connect", unreachable_sign_in(), RemoteUnavailable),
    ("score", httpx.ConnectTimeout("timed out"), RemoteUnavailable),
]


@pytest.mark.parametrize(("operation", "raised", "expected"), AZURE_ML)
def test_azure_ml(operation, raised, expected):
    with pytest.raises(expected) as caught, azureml(operation):
        raise raised
    assert type(caught.value) is expected
    assert caught.value.__cause__ is raised
    assert f"Azure ML could not {operation}" in str(caught.value)


def test_the_services_words_and_request_id_survive():
    with pytest.raises(RemoteRejected) as caught, azureml("submit a job"):
        raise azure_error(400, arm("UserError", "\x1b[31mcompute\x1b[0m cpu-cluster   does not exist"))
    assert "compute cpu-cluster does not exist" in str(caught.value)
    assert caught.value.request_id == "request-7"
    assert caught.value.status == 400


def test_a_pause_the_service_asks_for_is_handed_on():
    with pytest.raises(RemoteUnavailable) as caught, azureml("read a job"):
        raise azure_error(429, arm("TooManyRequests", "slow down"), {"Retry-After": "17"})
    assert caught.value.retry_after == 17.0


def test_a_defect_of_ours_stays_one():
    with pytest.raises(KeyError), azureml("read a job"):
        raise KeyError("name")


def test_mlflow_without_an_answer_is_unavailable():
    from mlflow.exceptions import MlflowException

    raised = MlflowException("API request to https://x/api/2.0/mlflow/runs/search failed with exception refused")
    with pytest.raises(RemoteUnavailable), azureml("list runs"):
        raise raised


def test_mlflow_hides_a_missing_artefact_in_an_internal_error():
    from mlflow.exceptions import MlflowException

    text = (
        "The following failures occurred while downloading one or more artifacts from azureml://" + "x" * 500 + ":\n"
        "##### File evidence/a.json #####\nFile with path evidence/a.json was not found,\navailable files include: b."
    )
    with pytest.raises(NotFound, match=r"there is no evidence/a\.json"), azureml("read a run's artefact"):
        raise MlflowException(text)


def test_mlflow_run_that_is_not_there():
    from mlflow.exceptions import RestException

    raised = RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run 'x' not found"})
    with pytest.raises(NotFound, match="Run 'x' not found"), azureml("read a run"):
        raise raised


def github_error(status: int, body: dict, headers: dict | None = None) -> Exception:
    """As PyGithub makes it from an answer."""
    return Requester.createException(status, headers or {}, body)


EXPECTED = 'Required status check "quality-gate" is expected.'

GITHUB = [
    ("approve", 422, {"message": "Unprocessable Entity", "errors": ["Can not approve your own pull request"]},
     RemoteRejected, "Can not approve your own pull request"),
    ("approve", 422, {"message": "Validation Failed", "errors": [{"resource": "X", "code": "invalid", "field": "f"}]},
     RemoteRejected, "f invalid"),
    ("merge", 405, {"message": f"Repository rule violations found\n\n{EXPECTED}\n"}, RemoteRejected, EXPECTED[:-1]),
    ("merge", 405, {"message": "Base branch was modified. Review and try the merge again."},
     RemoteUnavailable, "Base branch was modified"),
    ("merge", 409, {"message": "Head branch was modified. Review and try the merge again."},
     RemoteRejected, "decide again"),
    ("merge", 401, {"message": "Bad credentials"}, CredentialsRejected, "connect GitHub again"),
    ("merge", 403, {"message": "Resource not accessible by integration"}, CredentialsRejected, "permission"),
    ("list pull requests", 403, {"message": "API rate limit exceeded for user"}, RemoteUnavailable, "rate limit"),
    ("read a file", 404, {"message": "Not Found"}, NotFound, "read a file"),
    ("list pull requests", 502, {"message": "Bad gateway"}, RemoteUnavailable, "Bad gateway"),
    ("list pull requests", 400, {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]},
     RemoteUnavailable, "rate limit"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "status", "body", "expected", "words"), GITHUB)
def test_github(operation, status, body, expected, words):
    with pytest.raises(expected) as caught, github(operation):
        raise github_error(status, body)
    assert type(caught.value) is expected
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "HTTPSConnection(host='x', port=9): [Errno 111] Connection refused",
            "refuses connections",
        ),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] ...", "certificate is not trusted"),
        ("HTTPSConnectionPool(host='x', port=9): Read timed out. (read timeout=15)", "did not answer in time"),
        ("something new", "something new"),
    ],
)
def test_no_answer_is_told_in_plain_words(text, words):
    for gateway, raised in (
        (github, requests.exceptions.ConnectionError(text)),
        (azureml, ServiceRequestError(message=text)),
        (monitor, ServiceRequestError(message=text)),
    ):
        with pytest.raises(RemoteUnavailable, match=words), gateway("read it"):
            raise raised


def test_monitor_names_the_missing_diagnostic_setting():
    body = {
        "error": {
            "code": "BadArgumentError",
            "message": "The request had some invalid properties",
            "innererror": {
                "code": "SemanticError",
                "message": "A semantic error occurred.",
                "innererror": {"code": "SEM0100", "message": "Failed to resolve table AmlOnlineEndpointTrafficLog"},
            },
        }
    }
    with pytest.raises(RemoteRejected, match="diagnostic setting") as caught, monitor("read the endpoint's traffic"):
        raise azure_error(400, body)
    assert "Failed to resolve table AmlOnlineEndpointTrafficLog" in str(caught.value)
