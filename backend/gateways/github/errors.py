"""GitHub's odd answers, each with its why and GitHub's words."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from email.utils import parsedate_to_datetime

import httpx

from backend.errors import BackendError, CredentialsRejected, RemoteRejected, RemoteUnavailable
from backend.gateways.failures import NO_ANSWER, Failure, Row, judged, no_answer, one_line, translating

SERVICE = "GitHub"
AS_APP = "sign in as the GitHub App"
HALF = "HALF"
"""The code of an answer that has data and errors."""
LONGEST_PAUSE = 3600.0
"""GitHub's limits are hourly."""

ROWS = (
    Row(RemoteUnavailable, code=NO_ANSWER, advice="Try again when it can be reached."),
    # The app's JWT: not signed with the app's key, or by a clock that is minutes off.
    Row(
        CredentialsRejected,
        AS_APP,
        401,
        advice="Check github.app_id, the app's private key, and this machine's clock.",
    ),
    # Not NotFound: what is asked for next would look as if it did not exist, and setup would create it.
    Row(CredentialsRejected, AS_APP, 404, advice="Check github.app_id and github.installation_id."),
    # Expired and revoked tokens are told apart by nobody: both are 401 "Bad credentials".
    Row(CredentialsRejected, status=401, advice="The GitHub sign-in has expired or was revoked; connect GitHub again."),
    # Primary and secondary limits are 403 as often as 429, and only the words tell them from a missing right.
    Row(RemoteUnavailable, status=403, words="rate limit", retry_after=60.0),
    Row(RemoteRejected, status=403, words="already running"),
    Row(CredentialsRejected, status=403, advice="The GitHub account or app lacks the permission this needs."),
    # 405 is GitHub's answer to every unmergeable state; only this one passes by itself.
    Row(RemoteUnavailable, "merge", 405, words="base branch was modified", retry_after=1.0),
    Row(RemoteRejected, "merge", 409, advice="New commits have arrived; look at them and decide again."),
    # GraphQL answers 200 with errors, which PyGithub hands on as 400; a limit is one of them, a defect of GitHub's and
    # a query that took it too long are others. A list with holes would mislead, so half of it counts as none.
    Row(RemoteUnavailable, status=400, code="RATE_LIMITED", retry_after=60.0),
    Row(RemoteUnavailable, status=400, code=HALF, advice="It answered only in part, which is not shown."),
    Row(RemoteUnavailable, status=400, words="something went wrong"),
    Row(RemoteUnavailable, status=400, words="resource limits"),
)


def github(operation: str) -> AbstractContextManager[None]:
    """Translate what is raised inside; `operation` completes the sentence "GitHub could not ..."."""
    return translating(read_github, operation, ROWS)


def refused(operation: str, status: int, words: str) -> BackendError:
    """The error of an answer that came by another way than the SDK."""
    return judged(Failure(SERVICE, operation, status, "", words), ROWS)


def read_github(error: Exception, operation: str) -> Failure | None:
    """What PyGithub's, requests' or httpx's exception says, or None if it is none of theirs."""
    from github.GithubException import GithubException
    from requests.exceptions import RequestException

    if isinstance(error, GithubException):
        headers = error.headers or {}
        pause = _pause(headers)
        return Failure(
            service=SERVICE,
            operation=operation,
            status=error.status,
            code=_code(error.data),
            message=one_line((_words(error.data) or str(error.message or "")).rstrip(".") + _until(pause)),
            request_id=str(headers.get("x-github-request-id", "")),
            retry_after=pause,
        )
    if isinstance(error, RequestException | httpx.TransportError | ConnectionError | TimeoutError):
        return no_answer(SERVICE, operation, error)
    return None


def _pause(headers: Mapping[str, str]) -> float | None:
    """Seconds until GitHub takes requests again, where it says so, or until the limit ends by its own clock."""
    pause = str(headers.get("retry-after") or "")
    if pause.isdigit():
        return min(float(pause), LONGEST_PAUSE)
    reset, now = str(headers.get("x-ratelimit-reset") or ""), str(headers.get("date") or "")
    if str(headers.get("x-ratelimit-remaining")) != "0" or not reset.isdigit() or not now:
        return None
    left = float(reset) - parsedate_to_datetime(now).timestamp()
    return min(max(left, 0.0) + 1.0, LONGEST_PAUSE)


def _until(pause: float | None) -> str:
    """In the sentence that people read, where it is worth a word."""
    return f". It takes requests again in {pause / 60:.0f} min" if pause is not None and pause >= 60 else ""


def _words(data: object) -> str:
    """GitHub's sentence: `message`, and `errors` as a list of strings (422 of a review) or of objects."""
    if not isinstance(data, dict):
        return str(data or "")
    errors = [_error_words(item) for item in data.get("errors") or ()]
    message = str(data.get("message") or "")
    if errors and message in {"", "Unprocessable Entity", "Validation Failed"}:
        return "; ".join(errors)
    return message


def _error_words(item: object) -> str:
    if isinstance(item, dict):
        return str(item.get("message") or f"{item.get('field', '')} {item.get('code', '')}".strip())
    return str(item)


def _code(data: object) -> str:
    """The type of the first GraphQL error, HALF where there is data beside it; "" for REST."""
    if not isinstance(data, dict) or not data.get("errors"):
        return ""
    first, answered = data["errors"][0], data.get("data")
    if isinstance(answered, dict) and any(value is not None for value in answered.values()):
        return HALF
    return str(first.get("type", "")) if isinstance(first, dict) else ""
