"""What a service's failure becomes. Each gateway reads its SDK's exceptions and has a table of odd answers.

A table keys on operation, status, the service's own code or words; the first row that fits wins, and what no row
names is judged by its status alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from backend.errors import BackendError, CredentialsRejected, NotFound, RemoteError, RemoteRejected, RemoteUnavailable

TERMINAL_CODES = re.compile(r"\x1b?\[\d+m")

NO_ANSWER = "NoAnswer"
"""The code of a failure without any answer: refused, timed out, unknown host, untrusted certificate."""


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


@dataclass(frozen=True, slots=True)
class Row:
    """An odd answer; None fits any. `words` is part of the service's message, `advice` follows it."""

    raises: type[BackendError]
    operation: str | None = None
    status: int | None = None
    code: str | None = None
    words: str = ""
    advice: str = ""
    retry_after: float | None = None

    def fits(self, failure: Failure) -> bool:
        return (
            self.operation in {None, failure.operation}
            and self.status in {None, failure.status}
            and self.code in {None, failure.code}
            and self.words.lower() in failure.message.lower()
        )


BY_STATUS = (
    Row(RemoteUnavailable, code=NO_ANSWER),
    Row(CredentialsRejected, status=401),
    Row(CredentialsRejected, status=403),
    Row(NotFound, status=404),
    Row(RemoteUnavailable, status=408),
    Row(RemoteUnavailable, status=429),
    Row(RemoteRejected, status=501),
)


@contextmanager
def translating(
    read: Callable[[Exception, str], Failure | None], operation: str, rows: Sequence[Row] = ()
) -> Iterator[None]:
    """Turn any SDK exception raised inside into one of ours, `from` the original.

    `read` answers None for an exception that is no SDK's: a defect of ours must stay visible as one.
    """
    try:
        yield
    except BackendError:
        raise
    except Exception as error:
        failure = read(error, operation)
        if failure is None:
            raise
        raise judged(failure, rows) from error


def judged(failure: Failure, rows: Sequence[Row]) -> BackendError:
    """The error a failure becomes."""
    row = next((row for row in (*rows, *BY_STATUS) if row.fits(failure)), None)
    if row is None:
        server = failure.status is not None and failure.status >= 500
        row = Row(RemoteUnavailable if server else RemoteRejected)
    said = f"{failure.service} could not {failure.operation}: {failure.message}".rstrip(": .")
    sentence = f"{said}. {row.advice}".strip()
    if issubclass(row.raises, RemoteUnavailable):
        return RemoteUnavailable(
            sentence,
            service=failure.service,
            operation=failure.operation,
            status=failure.status,
            request_id=failure.request_id,
            retry_after=failure.retry_after if failure.retry_after is not None else row.retry_after,
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


SILENCES = (
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted (cloud.ca_bundle)"),
    ("Connection refused", "it refuses connections"),
    ("Name or service not known", "its name is unknown"),
    ("Temporary failure in name resolution", "its name cannot be resolved"),
    ("too many 50", "it answers with errors of its own"),
    ("timed out", "it did not answer in time"),
    ("Connection reset", "it closed the connection"),
    ("Remote end closed", "it closed the connection"),
)
"""What lies below the layers of a transport library's message."""


def no_answer(service: str, operation: str, error: Exception) -> Failure:
    """A failure without any answer, in plain words where the cause is a known one."""
    text = str(error)
    words = next((plain for sign, plain in SILENCES if sign.lower() in text.lower()), one_line(text))
    return Failure(service, operation, None, NO_ANSWER, words)


def one_line(text: str, limit: int = 400) -> str:
    """A service's message on one line, without terminal codes, and short enough for a page."""
    line = " ".join(TERMINAL_CODES.sub("", text).split()).removeprefix("() ")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
