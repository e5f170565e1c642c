"""Errors in the envelopes of the Log Analytics API and of Azure Monitor metrics."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.responses import JSONResponse

from sandbox.monitor.store import BrokenError, ClosedError, RefusedError

log = logging.getLogger(__name__)


class QueryError(Exception):
    """A query that is not answered: HTTP status, the service's code, and up to two inner codes.

    Shape: `{"error": {"code", "message", "innererror": {"code", "innererror": {"code", "message"}}}}`.
    """

    def __init__(self, status: int, code: str, message: str, *, inner: str = "", innermost: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.innermost = innermost

    def body(self) -> dict[str, Any]:
        if not self.inner:
            return {"error": {"code": self.code, "message": self.message}}
        inner: dict[str, Any] = {"code": self.inner, "message": self.message}
        if self.innermost:
            inner = {
                "code": self.inner,
                "message": "A semantic error occurred."
                if self.inner == "SemanticError"
                else "A syntax error occurred.",
                "innererror": {"code": self.innermost, "message": self.message},
            }
        summary = "The request had some invalid properties"
        return {"error": {"code": self.code, "message": summary, "innererror": inner}}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status)


class MetricsError(Exception):
    """A metrics request that is not answered: `{"error": {"code", "message"}}`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> JSONResponse:
        return JSONResponse({"error": {"code": self.code, "message": self.message}}, self.status)


@contextmanager
def store_failures(service: type[QueryError] | type[MetricsError]) -> Iterator[None]:
    """What the log store could not do, as a 5xx of `service`; the cause is in the log. RefusedError counts as ours."""
    try:
        yield
    except TimeoutError as error:
        log.warning("The log store did not answer in time: %s", error)
        raise service(504, "GatewayTimeout", "The query took too long; ask for a shorter window") from error
    except ClosedError as error:
        log.warning("The log store is not there: %s", error)
        raise service(503, "ServiceUnavailable", str(error)) from error
    except (BrokenError, RefusedError) as error:
        log.exception("The log store failed")
        raise service(500, "InternalServerError", "The log tables could not be read; the log says why") from error


def bad_argument(message: str) -> QueryError:
    return QueryError(400, "BadArgumentError", message)


def invalid_token() -> QueryError:
    return QueryError(401, "InvalidTokenError", "The provided authentication is not valid for this resource")


def insufficient_access() -> QueryError:
    return QueryError(
        403, "InsufficientAccessError", "The provided credentials have insufficient access to this resource"
    )


def workspace_not_found() -> QueryError:
    return QueryError(404, "WorkspaceNotFoundError", "The workspace could not be found")


def refused(words: str) -> QueryError:
    """The service's error for chDB's refusal of a query, naming what could not be resolved or parsed."""
    unknown = re.search(r"Unknown (table expression|expression)[^'`]*['`]([^'`]+)['`]", words)
    if unknown:
        what = "table or column" if unknown[1] == "table expression" else "column or scalar"
        message = f"Failed to resolve {what} expression named '{unknown[2]}'"
        return QueryError(400, "BadArgumentError", message, inner="SemanticError", innermost="SEM0100")
    said = re.sub(r"^Code: \d+\. DB::Exception: ", "", words.strip()).split(" In scope SELECT")[0].rstrip(": ")
    if "SYNTAX_ERROR" in words:
        return QueryError(400, "BadArgumentError", said, inner="SyntaxError", innermost="SYN0002")
    return QueryError(400, "BadArgumentError", said, inner="SemanticError", innermost="SEM0001")
