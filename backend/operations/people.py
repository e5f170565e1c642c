"""Who is acting, and the GitHub account they have lent us."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from backend.domain.clock import Clock
from backend.domain.people import FIRST_LOOK, Actor, GitHubConsent, GitHubGrant, Role
from backend.errors import Conflict, CredentialsRejected, NotPermitted, RemoteError, RemoteUnavailable
from backend.gateways.github.oauth import OAuth
from backend.policy import identity
from backend.store import Store
from backend.store.audit import Note

log = logging.getLogger("backend.people")

CLOCK_SKEW = 300.0
"""Seconds that the identity provider's clock may be ahead of ours."""


class People:
    """`known` says by account who is called what elsewhere; a sign-in ends `max_age` seconds after it.

    `roles_now` asks the directory for a person's roles by their object id; without it the sign-in's word is all.
    """

    def __init__(
        self,
        oauth: OAuth,
        store: Store,
        clock: Clock,
        max_age: float,
        known: identity.People,
        roles_now: Callable[[str], frozenset[str]] | None = None,
    ) -> None:
        self._oauth = oauth
        self._store = store
        self._clock = clock
        self._max_age = max_age
        self._known = known
        self._roles_now = roles_now

    def actor(self, claims: Mapping[str, object], channel: str) -> Actor:
        """The person of a verified id token.

        Raises NotPermitted without an account name or a known role, after signing out, or when the sign-in is older
        than `signin.max_age` seconds: a stolen laptop's open tab must not approve for ever. A provider may write the
        name in any case; it is one account.
        """
        name = str(claims.get("preferred_username") or "").partition("@")[0].lower()
        if not name:
            raise NotPermitted("The identity provider sent no account name; ask the administrator for that claim.")
        roles = frozenset(role for role in Role if role.value in _texts(claims.get("roles")))
        if not roles:
            known = ", ".join(role.value for role in Role)
            raise NotPermitted(f"{name} has no role in this console. Ask the administrator for one of: {known}.")
        since, sign_in = self._recent(claims, channel), _sign_in(claims)
        if sign_in and self._store.audit.entries(limit=1, subject=_ending(name, sign_in)):
            raise NotPermitted("You have signed out. Sign in again.")
        return Actor(name=name, roles=roles, channel=channel, authenticated_at=since, sign_in=sign_in)

    def acting(self, claims: Mapping[str, object], channel: str) -> Actor:
        """As `actor`, for whoever is about to change something: without the roles that were taken away since.

        While the directory does not answer, those of the sign-in hold, which ends by itself: nobody is kept from
        rolling back by it. A role that was given since takes a new sign-in.
        """
        actor = self.actor(claims, channel)
        if self._roles_now is None:
            return actor
        try:
            held = self._roles_now(str(claims.get("oid") or ""))
        except RemoteUnavailable as error:
            log.warning("the roles of %s are those of their sign-in: %s", actor.name, error)
            return actor
        roles = frozenset(role for role in actor.roles if role.value in held)
        if not roles:
            raise NotPermitted(f"{actor.name} no longer has a role in this console. Ask the administrator.")
        return actor.model_copy(update={"roles": roles})

    def signed_in(self, claims: Mapping[str, object], channel: str) -> Actor:
        """As `actor`, and the ledger notes the sign-in."""
        actor = self.actor(claims, channel)
        roles = ", ".join(sorted(actor.roles))
        self._store.audit.append(
            Note(
                actor=actor.name,
                channel=channel,
                action="person.signed_in",
                subject=f"person/{actor.name}",
                after=roles,
            )
        )
        return actor

    def signed_out(self, actor: Actor) -> None:
        """End this sign-in wherever it is open: its cookie stays valid by itself, in other tabs and in a copy."""
        if not actor.sign_in:
            return
        self._store.audit.append_once(
            Note(
                actor=actor.name,
                channel=actor.channel,
                action="person.signed_out",
                subject=_ending(actor.name, actor.sign_in),
            )
        )

    def github_login(self, actor_name: str) -> str | None:
        """The GitHub login the person has connected. Reads the database."""
        return self._store.tokens.login(actor_name)

    def begin_github(self, actor_name: str) -> GitHubConsent:  # noqa: ARG002 -- the caller binds it to the person
        """Where to send the browser; nothing is stored before the person comes back."""
        return self._oauth.consent()

    def finish_github(self, actor_name: str, code: str, verifier: str) -> str:
        """Exchange the code and keep the person's token, sealed; answers their GitHub login."""
        return self.store_github_token(actor_name, self._oauth.exchange(code, verifier))

    def connect_github_device(self, actor: Actor, show: Callable[[str, str], None]) -> str:
        """The same from a terminal: `show(user_code, address)` once, then wait until the person has decided."""
        device = self._oauth.begin_device()
        show(device.user_code, device.url)
        grant = self._wait(lambda: self._oauth.poll_device(device), device.interval, device.expires_in)
        return self.store_github_token(actor.name, grant, actor.channel)

    def store_github_token(self, actor_name: str, grant: GitHubGrant, channel: str = "console") -> str:
        """Ask GitHub whose token it is and keep it for that person.

        Raises Conflict where that GitHub account is, or by the settings should be, somebody else's.
        """
        login = self._oauth.login(grant.access)
        problem = identity.connected_login_problem(self._known, actor_name, login) or self._taken(actor_name, login)
        if problem:
            raise Conflict(problem, expected=actor_name, actual=login)
        known = self._store.tokens.login(actor_name)
        if known is not None and known != login:
            raise Conflict(
                f"{actor_name} has connected the GitHub account {known}; sign in to GitHub as {known}, not as {login}.",
                expected=known,
                actual=login,
            )
        self._store.tokens.put(actor_name, login, grant, channel)
        return login

    def disconnect_github(self, actor: Actor) -> None:
        """Forget the person's token, and have GitHub end what they lent. Once is enough.

        Raises a RemoteError where GitHub could not be told: the token is forgotten all the same.
        """
        held = self._store.tokens.withdraw(actor.name, actor.channel)
        if held is None:
            return
        try:
            self._oauth.give_back(held.grant.access)
        except RemoteError as error:
            raise RemoteUnavailable(
                f"The console has forgotten your GitHub token, but GitHub could not be told: {error} "
                "Remove the app under Settings, Applications on GitHub.",
                service=error.service,
                operation=error.operation,
            ) from error

    def _taken(self, actor_name: str, login: str) -> str:
        """One GitHub account is one person: two accounts that act as it would count as two."""
        other = next((who for who in self._store.tokens.accounts(login) if who != actor_name), "")
        if not other:
            return ""
        return f"{other} has connected the GitHub account {login}; one of the two has to disconnect it."

    def _recent(self, claims: Mapping[str, object], channel: str) -> datetime | None:
        moment = claims.get("auth_time")
        if not isinstance(moment, int | float):
            raise NotPermitted("The identity provider does not say when you signed in; it must send auth_time.")
        age = self._clock().timestamp() - moment
        if age > self._max_age or age < -CLOCK_SKEW:
            again = ": run `mlops login` again." if channel == "cli" else ". Sign in again."
            raise NotPermitted(f"Your sign-in is too old for this console{again}")
        return datetime.fromtimestamp(moment, UTC)

    def _wait(self, look: Callable[[], GitHubGrant | None], interval: float, seconds: float) -> GitHubGrant:
        """Look again at GitHub's pace, at most until the code expires."""
        pause = threading.Event()
        end = self._clock().timestamp() + seconds
        pause.wait(min(FIRST_LOOK, interval))
        while self._clock().timestamp() < end:
            grant = look()
            if grant is not None:
                return grant
            pause.wait(interval)
        raise CredentialsRejected(
            "The code was not entered in time; start again.", service="GitHub", operation="finish a device sign-in"
        )


def _sign_in(claims: Mapping[str, object]) -> str:
    """Which sign-in it was: by the nonce, which our browser's request made and no other token carries."""
    nonce = str(claims.get("nonce") or "")
    return hashlib.sha256(nonce.encode()).hexdigest()[:24] if nonce else ""


def _ending(name: str, sign_in: str) -> str:
    return f"person/{name}/sign-in/{sign_in}"


def _texts(value: object) -> set[str]:
    """The `roles` claim: a list, or one text where the provider has only one."""
    if isinstance(value, str):
        return {value}
    return {str(item) for item in value} if isinstance(value, list | tuple) else set()
