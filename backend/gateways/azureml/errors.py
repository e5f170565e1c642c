"""Azure ML's odd answers, each with its why."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.errors import RemoteUnavailable
from backend.gateways import azure_errors
from backend.gateways.failures import Failure, Row, translating

SERVICE = "Azure ML"

ROWS = (
    # "Another operation is in progress": an endpoint takes one change at a time, so waiting is all there is to do.
    Row(RemoteUnavailable, "set traffic", 409, retry_after=3.0),
    Row(RemoteUnavailable, "create a deployment", 409, retry_after=3.0),
    Row(RemoteUnavailable, "delete a deployment", 409, retry_after=3.0),
    # A key that was regenerated since we read it; the caller drops its cached key, so the next try reads the new one.
    Row(RemoteUnavailable, "score", 401, retry_after=1.0, advice="The endpoint's key has changed; it is read again."),
    *azure_errors.ROWS,
)


def azureml(operation: str) -> AbstractContextManager[None]:
    """Translate what is raised inside; `operation` completes the sentence "Azure ML could not ..."."""
    return translating(_read, operation, ROWS)


def _read(error: Exception, operation: str) -> Failure | None:
    return azure_errors.read_azure(error, SERVICE, operation)
