"""Numbers, moments and digests in words: one way to write each, on every page."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from backend.domain.comparison import MINUS
from backend.domain.value import Reading, T


def duration(seconds: float) -> str:
    """`4 s`, `18 min`, `24 h`, `31 days`: one unit, the largest that leaves a whole number above one."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def ago(at: datetime | None, now: datetime) -> str:
    return "never" if at is None else f"{duration(max(0.0, (now - at).total_seconds()))} ago"


def clock(at: datetime | None, now: datetime) -> str:
    """`13:41` today, `23 Oct 13:41` otherwise; UTC."""
    if at is None:
        return "–"
    at = at.astimezone(UTC)
    return f"{at:%H:%M}" if at.date() == now.astimezone(UTC).date() else f"{at.day} {at:%b %H:%M}"


def stamp(at: datetime | None) -> str:
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def age(reading: Reading[T], now: datetime) -> str:
    """`read 4 s ago`, or that nothing is known yet."""
    return "not read yet" if reading.at is None else f"read {ago(reading.at, now)}"


def count(number: float) -> str:
    return f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: float, whole: float, digits: int = 2) -> str:
    """A percentage, `–` of nothing."""
    return f"{100 * part / whole:.{digits}f}" if whole else "–"


def metric(value: float | None, digits: int = 3) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float, digits: int = 3) -> str:
    """With its sign and a true minus; a value that rounds to nothing has none."""
    text = f"{value:+.{digits}f}"
    if float(text) == 0:
        return text.lstrip("+-")
    return text.replace("-", MINUS)


def interval(low: float, high: float, digits: int = 3) -> str:
    return f"[{metric(low, digits)}, {metric(high, digits)}]"


def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def short_digest(digest: str) -> str:
    """`51d0…a7c4` of `sha256:51d0...a7c4`."""
    bare = digest.removeprefix("sha256:")
    return f"{bare[:4]}…{bare[-4:]}" if len(bare) > 12 else bare or "–"


def short_commit(commit: str) -> str:
    return commit[:7] or "–"


def asset(name: str) -> str:
    """`diabetes-env:9` of an ARM id or an `azureml:` reference."""
    bare = name.removeprefix("azureml:")
    parts = bare.strip("/").split("/")
    if len(parts) >= 4 and parts[-2].lower() == "versions":
        return f"{parts[-3]}:{parts[-1]}"
    return parts[-1] or "–"
