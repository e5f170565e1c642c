"""People's GitHub tokens, alive: one that is about to end is renewed before it is used, by one process at a time.

```
two at once              one takes the renewal, the other hears BeingRenewed and comes back for the new token
died before GitHub's     the right to renew ends after RENEWAL_SECONDS; the next one tries the same refresh token,
answer was kept          which GitHub has either not seen yet or refuses as spent: then the person connects again
refused                  the token is forgotten, with an entry in the ledger
GitHub away              the right is given back, nothing else changes, the caller waits as for any outage
```
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import SecretStr

from backend.domain.clock import Clock
from backend.errors import BackendError, SignInEnded
from backend.gateways.github.errors import SERVICE
from backend.gateways.github.oauth import OAuth
from backend.store.tokens import HeldToken, Tokens

RENEW_BEFORE = timedelta(minutes=5)
"""So that a token outlives what is begun with it, and clocks may differ a little."""
RENEWAL_SECONDS = 60.0
"""Longer than the network timeouts of one renewal, each of which is `oauth.TIMEOUT`."""
OPERATION = "use a person's sign-in"


class BeingRenewed(Exception):
    """Another process is renewing, or has just renewed, this token; ask again in a second."""


class LentTokens:
    """The only reader of people's tokens."""

    def __init__(self, tokens: Tokens, oauth: OAuth, clock: Clock) -> None:
        self._tokens = tokens
        self._oauth = oauth
        self._clock = clock

    def live(self, actor: str) -> HeldToken | None:
        """A token that lasts for some minutes yet, None if the person has not connected GitHub.

        Raises SignInEnded if they must connect again, BeingRenewed to come back in a second, and what GitHub's
        sign-in raises when it is away or refuses us.
        """
        held = self._tokens.held(actor)
        if held is None or held.grant.expires_at is None:
            return held
        left = held.grant.expires_at - self._clock()
        if left > RENEW_BEFORE:
            return held
        if held.grant.refresh is not None:
            return self._renewed(held, held.grant.refresh)
        if left > timedelta():
            return held
        self._tokens.forget(held, "The token has ended.")
        raise _ended(f"{actor}'s GitHub sign-in has ended; connect GitHub again.")

    def refused(self, held: HeldToken) -> None:
        """GitHub answered 401 to this token: forget it, unless it was renewed meanwhile (BeingRenewed)."""
        if not self._tokens.forget(held, "GitHub no longer accepts the token."):
            raise BeingRenewed(_busy(held))

    def _renewed(self, held: HeldToken, refresh: SecretStr) -> HeldToken:
        until = self._tokens.begin_renewal(held, RENEWAL_SECONDS)
        if until is None:
            raise BeingRenewed(_busy(held))
        try:
            grant = self._oauth.refresh(refresh)
        except SignInEnded as error:
            if self._tokens.forget(held, "GitHub no longer renews the token.", until):
                raise
            raise BeingRenewed(_busy(held)) from error
        except BackendError:
            self._tokens.end_renewal(held, until)
            raise
        renewed = self._tokens.replace(held, grant)
        if renewed is None:
            raise BeingRenewed(_busy(held))
        return renewed


def _busy(held: HeldToken) -> str:
    return f"The GitHub sign-in of {held.actor} is being renewed."


def _ended(sentence: str) -> SignInEnded:
    return SignInEnded(sentence, service=SERVICE, operation=OPERATION)
