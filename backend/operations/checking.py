"""How a question is asked: what a service refuses or leaves unanswered is an answer too."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import timedelta

from backend.domain.checkup import Checked, Outcome
from backend.domain.clock import Clock
from backend.errors import BackendError, CredentialsRejected, RemoteUnavailable
from backend.gateways.reach import answered

SKEW = timedelta(seconds=30)
"""GitHub refuses an app's token from a clock that is a minute off; Entra allows five."""
Answer = tuple[Outcome, str, str]
"""Outcome, answer, advice."""


def ask(area: str, question: str, proof: str, answer: Callable[[], Answer]) -> Checked:
    """The answer, or that we may not know it, or that nobody answered. Never raises what a service did."""
    try:
        outcome, said, advice = answer()
    except CredentialsRejected as error:
        outcome, said, advice = Outcome.UNKNOWN, str(error), "Ask again with an identity that may read it."
    except RemoteUnavailable as error:
        outcome, said, advice = Outcome.UNKNOWN, str(error), "Ask again when it answers."
    except BackendError as error:
        outcome, said, advice = Outcome.WRONG, str(error), ""
    return Checked(area=area, question=question, outcome=outcome, answer=said, proof=proof, advice=advice)


def clock_agrees(url: str, tls: ssl.SSLContext, clock: Clock) -> Answer:
    """Whether this machine's clock and the service's are near enough for tokens."""
    told = answered(url, tls)
    if told.says is None:
        return Outcome.UNKNOWN, "It tells no time.", ""
    apart = abs(clock() - told.says)
    said = f"{apart.total_seconds():.0f} s apart"
    return judged(apart <= SKEW, said, "Set this machine's clock (NTP): tokens are refused by a wrong one.")


def judged(fine: bool | None, said: str, advice: str) -> Answer:
    """`None` is not to be known."""
    if fine is None:
        return Outcome.UNKNOWN, said, advice
    return (Outcome.FINE, said, "") if fine else (Outcome.WRONG, said, advice)
