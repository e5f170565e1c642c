"""How Azure's SDKs fail. Azure ML and Monitor share azure-core and so share this reader."""

from __future__ import annotations

import re
import sys

import httpx

from backend.errors import CredentialsRejected, RemoteUnavailable
from backend.gateways.failures import NO_ANSWER, Failure, Row, no_answer, one_line

FAILED_SIGN_IN = re.compile(r"HTTP Error: (?:429|5\d\d)")
"""MSAL's whole sentence for an answer that was no judgement of the credential."""
MISSING_ARTEFACT = re.compile(r"File with path (\S+) was not found")

ROWS = (
    Row(RemoteUnavailable, code=NO_ANSWER, advice="Try again when it can be reached."),
    Row(CredentialsRejected, status=401, advice="Check identity.* in the settings; the secret may have expired."),
    Row(CredentialsRejected, status=403, advice="Our identity lacks the role this needs; ask the administrator."),
    Row(RemoteUnavailable, status=429, advice="It asks us to slow down."),
)


def read_azure(error: Exception, service: str, operation: str) -> Failure | None:
    """What an SDK's exception says, or None if it is no SDK's."""
    from azure.core import exceptions as core

    if isinstance(error, core.ClientAuthenticationError) and error.response is None:
        return _from_sign_in(error, service, operation)
    if isinstance(error, core.HttpResponseError):
        return _from_response(error, service, operation)
    # azure-ai-ml's own errors are AzureErrors too, so they are looked at before "no answer".
    known = _from_sdk_check(error, service, operation) or _from_tracking(error, service, operation)
    if known is not None:
        return known
    if isinstance(error, core.AzureError | httpx.TransportError | ConnectionError | TimeoutError):
        return no_answer(service, operation, error)
    return None


def _from_sign_in(error: Exception, service: str, operation: str) -> Failure:
    """azure-identity says "Authentication failed" of an Entra that is away, too; what lies below tells them apart.

    A token is renewed in the middle of a process's life: an outage of minutes must not read as a wrong secret.
    """
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    if isinstance(error.__cause__, ServiceRequestError | ServiceResponseError):
        return no_answer(service, operation, error.__cause__)
    if FAILED_SIGN_IN.search(str(error)):
        return Failure(service, operation, None, NO_ANSWER, one_line(str(error)))
    return Failure(service, operation, 401, "SignIn", one_line(str(error)))


def _from_response(error: object, service: str, operation: str) -> Failure:
    detail = getattr(error, "error", None)
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    pause = headers.get("Retry-After", "")
    return Failure(
        service=service,
        operation=operation,
        status=getattr(error, "status_code", None),
        code=str(getattr(detail, "code", "") or ""),
        message=one_line(str(getattr(detail, "message", "") or getattr(error, "message", "") or error)),
        request_id=headers.get("x-ms-request-id", ""),
        retry_after=float(pause) if pause.isdigit() else None,
    )


def _from_tracking(error: Exception, service: str, operation: str) -> Failure | None:
    """MLflow's exceptions; one without an answer says so only in its text."""
    if "mlflow" not in sys.modules:
        return None
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return None
    text = str(error.message)
    if "failed with exception" in text or "Max retries exceeded" in text:
        return Failure(service, operation, None, NO_ANSWER, "the tracking service did not answer")
    # azureml-mlflow turns the 404 of an artefact into a bare Exception, and MLflow that into an internal error.
    missing = MISSING_ARTEFACT.search(text)
    if missing is not None:
        return Failure(service, operation, 404, "ResourceNotFound", f"there is no {missing.group(1)}")
    status = int(error.get_http_status_code())  # type: ignore[no-untyped-call]  # mlflow-skinny is half typed
    return Failure(service, operation, status, str(error.error_code), one_line(text))


def _from_sdk_check(error: Exception, service: str, operation: str) -> Failure | None:
    """azure-ai-ml's own checks. It raises text styled for its command line; what was wrong is the error before it."""
    if "azure.ai.ml" not in sys.modules:
        return None
    from azure.ai.ml.exceptions import MlException, ValidationErrorType, ValidationException

    if not isinstance(error, MlException):
        return None
    if "Unknown cloud environment" in str(error):
        # It asks a private cloud for its addresses before each operation, and says this when nobody answers.
        return Failure(service, operation, None, NO_ANSWER, "the cloud does not answer")
    first: BaseException = error
    while not isinstance(first, ValidationException) and first.__context__ is not None:
        first = first.__context__
    missing = getattr(first, "error_type", None) == ValidationErrorType.RESOURCE_NOT_FOUND
    told = first if isinstance(first, MlException) else error
    return Failure(service, operation, 404 if missing else 400, "RefusedByTheSdk", one_line(str(told)))
