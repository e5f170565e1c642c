"""Azure's ways of failing, as our errors. Azure ML and Monitor share azure-core and so share this table reader.

A gateway's `Row`s name the odd cases by operation, status and the service's own code; the first row that fits wins,
and what no row names is judged by its status alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from backend.errors import (
    BackendError,
    CredentialsRejected,
    NotFound,
    RemoteError,
    RemoteRejected,
    RemoteUnavailable,
)

TERMINAL_CODES = re.compile(r"\x1b?\[\d+m")


@dataclass(frozen=True, slots=True)
class Row:
    """An odd answer. `operation`, `status` and `code` of None fit any; `advice` is added to the service's words."""

    raises: type[BackendError]
    operation: str | None = None
    status: int | None = None
    code: str | None = None
    advice: str = ""
    retry_after: float | None = None

    def fits(self, failure: Failure) -> bool:
        return (
            self.operation in {None, failure.operation}
            and self.status in {None, failure.status}
            and self.code in {None, failure.code}
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """What could be read from an SDK's exception. `status` is None where no answer came."""

    service: str
    operation: str
    status: int | None
    code: str
    message: str
    request_id: str = ""
    retry_after: float | None = None


BY_STATUS = (
    Row(RemoteUnavailable, status=None, code="NoAnswer", advice="Try again when it can be reached."),
    Row(CredentialsRejected, status=401, advice="Check identity.* in the settings; the secret may have expired."),
    Row(CredentialsRejected, status=403, advice="Grant our identity the role this needs."),
    Row(NotFound, status=404),
    Row(RemoteUnavailable, status=408),
    Row(RemoteUnavailable, status=429, advice="It asks us to slow down."),
)


@contextmanager
def translated(service: str, operation: str, rows: Sequence[Row] = ()) -> Iterator[None]:
    """Turn any SDK exception raised inside into one of ours, `from` the original; other exceptions pass."""
    try:
        yield
    except BackendError:
        raise
    except Exception as error:
        failure = read(error, service, operation)
        if failure is None:
            raise
        raise judged(failure, rows) from error


def judged(failure: Failure, rows: Sequence[Row]) -> BackendError:
    """The error a failure becomes: the gateway's rows first, then the status."""
    row = next((row for row in (*rows, *BY_STATUS) if row.fits(failure)), None)
    if row is None:
        server = failure.status is not None and failure.status >= 500
        row = Row(RemoteUnavailable if server else RemoteRejected)
    sentence = " ".join(part for part in (f"{failure.service} could not {failure.operation}:", failure.message) if part)
    sentence = f"{sentence.rstrip('. ')}. {row.advice}".strip()
    if issubclass(row.raises, RemoteUnavailable):
        return RemoteUnavailable(
            sentence,
            service=failure.service,
            operation=failure.operation,
            status=failure.status,
            request_id=failure.request_id,
            retry_after=row.retry_after if row.retry_after is not None else failure.retry_after,
        )
    if issubclass(row.raises, RemoteError):
        return row.raises(
            sentence,
            service=failure.service,
            operation=failure.operation,
            status=failure.status,
            request_id=failure.request_id,
        )
    return row.raises(sentence)


def read(error: Exception, service: str, operation: str) -> Failure | None:
    """What an SDK's exception says, or None if it is no SDK's (a defect of ours must stay a defect)."""
    from azure.core import exceptions as core

    if isinstance(error, core.ClientAuthenticationError) and error.response is None:
        return Failure(service, operation, 401, "SignIn", first_sentence(str(error)))
    if isinstance(error, core.HttpResponseError):
        return _from_response(error, service, operation)
    if isinstance(error, core.AzureError | httpx.TransportError | ConnectionError | TimeoutError):
        return Failure(service, operation, None, "NoAnswer", first_sentence(str(error)))
    return _from_tracking(error, service, operation) or _from_sdk_check(error, service, operation)


def _from_response(error: object, service: str, operation: str) -> Failure:
    status = getattr(error, "status_code", None)
    detail = getattr(error, "error", None)
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    pause = headers.get("Retry-After", "")
    return Failure(
        service=service,
        operation=operation,
        status=status,
        code=str(getattr(detail, "code", "") or ""),
        message=first_sentence(str(getattr(detail, "message", "") or getattr(error, "message", "") or error)),
        request_id=headers.get("x-ms-request-id", ""),
        retry_after=float(pause) if pause.isdigit() else None,
    )


def _from_tracking(error: Exception, service: str, operation: str) -> Failure | None:
    """MLflow's exceptions; one without an answer says so only in its text."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return None
    text = str(error.message)
    if "failed with exception" in text or "Max retries exceeded" in text:
        return Failure(service, operation, None, "NoAnswer", "the tracking service did not answer")
    return Failure(service, operation, error.get_http_status_code(), str(error.error_code), first_sentence(text))


def _from_sdk_check(error: Exception, service: str, operation: str) -> Failure | None:
    """azure-ai-ml's own checks before a request: multi-line text styled for its command line."""
    from azure.ai.ml.exceptions import MlException

    if not isinstance(error, MlException):
        return None
    return Failure(service, operation, 400, "RefusedByTheSdk", first_sentence(str(error)))


def first_sentence(text: str, limit: int = 400) -> str:
    """A service's message on one line, without terminal codes, and short enough for a page."""
    line = " ".join(TERMINAL_CODES.sub("", text).split())
    line = line.removeprefix("() ")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
