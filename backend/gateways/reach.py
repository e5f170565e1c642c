"""Whether an address answers at all, how soon, and what time it believes it is."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from backend.errors import RemoteUnavailable

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answered:
    """`says` is the `Date` of the answer, None where it has none."""

    status: int
    seconds: float
    says: datetime | None


def answered(url: str, tls: ssl.SSLContext) -> Answered:
    """Any answer counts, a refusal too. Raises RemoteUnavailable, with why, where there is none."""
    begun = time.monotonic()
    try:
        answer = httpx.get(url, verify=tls, timeout=SECONDS, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise RemoteUnavailable(
            f"{url} does not answer: {error}. Check the address, the network and its proxy.",
            service=httpx.URL(url).host if "://" in url else url,
            operation="reach",
        ) from error
    return Answered(answer.status_code, time.monotonic() - begun, _date(answer.headers.get("date", "")))


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
