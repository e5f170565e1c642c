"""Azure Monitor's odd answers, each with its why."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.errors import RemoteRejected
from backend.gateways import azure_errors
from backend.gateways.failures import Failure, Row, translating

SERVICE = "Azure Monitor"

NO_DIAGNOSTICS = (
    "The endpoint's logs are not connected: add a diagnostic setting with AmlOnlineEndpointTrafficLog, "
    "AmlOnlineEndpointConsoleLog and AmlOnlineEndpointEventLog to log_workspace_id (`mlops setup apply` does it)."
)

ROWS = (
    # SEM0100 is "failed to resolve table": the table appears with the first diagnostic setting that writes to it.
    Row(RemoteRejected, status=400, code="SEM0100", advice=NO_DIAGNOSTICS),
    *azure_errors.ROWS,
)


def monitor(operation: str) -> AbstractContextManager[None]:
    """Translate what is raised inside; `operation` completes the sentence "Azure Monitor could not ..."."""
    return translating(_read, operation, ROWS)


def _read(error: Exception, operation: str) -> Failure | None:
    failure = azure_errors.read_azure(error, SERVICE, operation)
    innermost = _innermost(getattr(error, "error", None))
    if failure is None or innermost is None:
        return failure
    return Failure(
        service=failure.service,
        operation=operation,
        status=failure.status,
        code=innermost[0] or failure.code,
        message=innermost[1] or failure.message,
        request_id=failure.request_id,
        retry_after=failure.retry_after,
    )


def _innermost(error: object) -> tuple[str, str] | None:
    """Code and message of the deepest `innererror`, where Log Analytics says what is really wrong."""
    inner = getattr(error, "innererror", None)
    found = None
    while isinstance(inner, dict):
        found = (str(inner.get("code", "")), str(inner.get("message", "")))
        inner = inner.get("innererror")
    return found
