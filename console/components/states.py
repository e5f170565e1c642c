"""Nothing there, not known yet, and failed: three different things, said in words."""

from __future__ import annotations

from datetime import datetime

from backend.domain.value import Reading, T
from console.components.markup import Content, Html, draw, fill, icon
from console.viewmodels.figures import ago
from console.viewmodels.text import Untrusted


def empty(title: str, would_be: Content, symbol: str = "inbox") -> Html:
    """What would be here, and why it is not."""
    return fill(
        '<div class="nothing">{icon}<div><b>{title}</b><p>{would_be}</p></div></div>',
        icon=icon(symbol, "quiet"),
        title=title,
        would_be=would_be,
    )


def not_compared(never: str, would_be: str, symbol: str) -> Html:
    """A comparison that is still to come, or `never` comes, which is why: then nothing of it `would_be` here."""
    return empty("Nothing to compare with", never, symbol) if never else empty("Not compared yet", would_be, symbol)


def error_state(title: str, problem: str, reference: str = "") -> None:
    draw(
        fill(
            '<div class="notice bad" role="alert">{icon}<div><b>{title}</b><p>{problem}</p>{reference}</div></div>',
            icon=icon("error", "bad"),
            title=title,
            problem=Untrusted(problem, 600),
            reference=fill("<p class=quiet>Reference <code>{r}</code></p>", r=reference) if reference else Html(""),
        )
    )


def notice(title: Content, text: Content, tone: str = "info", symbol: str = "info") -> Html:
    return fill(
        '<div class="notice {tone}">{icon}<div><b>{title}</b><p>{text}</p></div></div>',
        tone=tone,
        icon=icon(symbol, tone),
        title=title,
        text=text,
    )


def freshness(reading: Reading[T], now: datetime) -> Html:
    """A line when a source is down: what is shown is old, how old, and why. Empty while it answers."""
    if not reading.problem:
        return Html("")
    if reading.at is None:
        title = f"{reading.source} has not answered yet"
    else:
        title = f"{reading.source} does not answer: shown as it was {ago(reading.at, now)}"
    return fill(
        '<div class="notice warn" role="status">{icon}<div><b>{title}</b><p>{problem}</p></div></div>',
        icon=icon("cloud_off", "warn"),
        title=title,
        problem=Untrusted(reading.problem, 600),
    )


def waiting(reading: Reading[T], what: str) -> Html:
    """Before the first answer: nothing is known, which is not the same as nothing being there."""
    if reading.problem:
        return Html("")
    return empty(f"Reading {what} from {reading.source}…", "The first answer takes a few seconds.", "sync")
