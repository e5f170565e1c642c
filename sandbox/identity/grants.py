"""What a person has granted and a client has not yet fetched: codes, device requests and refresh tokens.

All are kept by digest, so that the store holds nothing that could be presented.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Literal

from sandbox.identity.tokens import GITHUB_TOKENS, digest
from sandbox.state.documents import Document
from sandbox.world import World

Provider = Literal["entra", "github"]

CODES = "authorization_code"
DEVICES = "device_code"
REFRESHES = "refresh_token"

CODE_LIFETIME = timedelta(minutes=10)
DEVICE_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(seconds=15_811_200)
DEVICE_INTERVAL = 1
SLOW_DOWN_SECONDS = 5
EARLY = 0.3
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One person's consent to one client; `challenge` is PKCE's (S256), "" when none was sent."""

    provider: Provider
    client_id: str
    login: str
    scope: str = ""
    redirect_uri: str = ""
    nonce: str = ""
    challenge: str = ""
    auth_time: int = 0

    def verifier_matches(self, verifier: str) -> bool:
        hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return secrets.compare_digest(hashed, self.challenge)


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What a device shows its user: the code to type, and what it polls with."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


@dataclass(frozen=True, slots=True)
class Poll:
    """What a poll finds: `granted`, or the OAuth error word, with the interval to keep from now on."""

    grant: Grant | None
    error: str = ""
    interval: int = DEVICE_INTERVAL


def issue_code(world: World, grant: Grant) -> str:
    code = secrets.token_urlsafe(32)
    world.documents.put(CODES, digest(code), _document(world, grant, CODE_LIFETIME))
    return code


def redeem_code(world: World, code: str) -> Grant | None:
    """The grant behind a code, once; None if unknown, used or expired."""
    return _take(world, CODES, code)


def issue_refresh_token(world: World, grant: Grant, access_token: str = "") -> str:
    """`access_token` is the GitHub token that ends when this one is spent."""
    token = ("ghr_" if grant.provider == "github" else "1.") + secrets.token_urlsafe(36)
    ends = {"ends": digest(access_token)} if access_token else {}
    world.documents.put(REFRESHES, digest(token), _document(world, grant, REFRESH_LIFETIME) | ends)
    return token


def redeem_refresh_token(world: World, token: str) -> Grant | None:
    """The grant behind a refresh token; both services hand out a new one, and the old one is spent.

    GitHub's docs ("Refreshing user access tokens"): the old access token ends with it.
    """
    document = world.documents.get(REFRESHES, digest(token))
    grant = _take(world, REFRESHES, token)
    if grant is not None and document is not None and document.get("ends"):
        world.documents.delete(GITHUB_TOKENS, document["ends"])
    return grant


def end_github_grant(world: World, login: str) -> None:
    """All that a person has let the GitHub App do."""
    for key, document in world.documents.list(GITHUB_TOKENS):
        if document["kind"] == "person" and document["name"] == login:
            world.documents.delete(GITHUB_TOKENS, key)
    for key, document in world.documents.list(REFRESHES):
        if document["provider"] == "github" and document["login"] == login:
            world.documents.delete(REFRESHES, key)


def begin_device(world: World, provider: Provider, client_id: str, scope: str) -> DeviceRequest:
    device_code, user_code = secrets.token_hex(20), _user_code()
    document: Document = {
        **asdict(Grant(provider=provider, client_id=client_id, login="", scope=scope)),
        "user_code": user_code,
        "denied": False,
        "interval": DEVICE_INTERVAL,
        "polled_at": 0.0,
        "expires_at": world.now().timestamp() + DEVICE_LIFETIME.total_seconds(),
    }
    world.documents.put(DEVICES, digest(device_code), document)
    return DeviceRequest(device_code, user_code, int(DEVICE_LIFETIME.total_seconds()), DEVICE_INTERVAL)


def waiting_device(world: World, user_code: str) -> tuple[str, Document] | None:
    """The key and document of the request a person is about to answer; None if unknown, answered or expired."""
    wanted = _plain(user_code)
    for key, document in world.documents.list(DEVICES):
        open_still = not document["login"] and not document["denied"]
        if wanted and _plain(document["user_code"]) == wanted and open_still:
            return (key, document) if document["expires_at"] > world.now().timestamp() else None
    return None


def answer_device(world: World, user_code: str, login: str) -> bool:
    """Grant a waiting request to `login`, or deny it with ""; False if no request waits under the code."""
    found = waiting_device(world, user_code)
    if found is None:
        return False
    answer: Document = {"login": login, "auth_time": int(world.now().timestamp()), "denied": not login}
    return world.documents.update(DEVICES, found[0], lambda document: document | answer) is not None


def poll_device(world: World, provider: Provider, device_code: str, client_id: str) -> Poll:
    """One poll of a device: OAuth's `authorization_pending`, `slow_down`, `expired_token`, ... or the grant, once."""
    key, now = digest(device_code), world.now().timestamp()
    document = world.documents.get(DEVICES, key)
    if document is None or document["provider"] != provider or document["client_id"] != client_id:
        return Poll(None, "incorrect_device_code")
    if document["expires_at"] <= now:
        return Poll(None, "expired_token")
    if document["denied"]:
        return Poll(None, "access_denied")
    interval = int(document["interval"])
    too_early = now - document["polled_at"] < interval - EARLY
    interval += SLOW_DOWN_SECONDS if too_early else 0
    world.documents.update(DEVICES, key, lambda found: found | {"polled_at": now, "interval": interval})
    if too_early:
        return Poll(None, "slow_down", interval)
    if not document["login"]:
        return Poll(None, "authorization_pending", interval)
    return Poll(_grant(document)) if world.documents.delete(DEVICES, key) else Poll(None, "incorrect_device_code")


def forget_expired(world: World) -> int:
    """Drop what can no longer be used, GitHub tokens included; how many."""
    now, dropped = world.now().timestamp(), 0
    for kind in (CODES, DEVICES, REFRESHES, GITHUB_TOKENS):
        for key, document in world.documents.list(kind):
            if document["expires_at"] <= now and world.documents.delete(kind, key):
                dropped += 1
    return dropped


def _document(world: World, grant: Grant, lifetime: timedelta) -> Document:
    return {**asdict(grant), "expires_at": world.now().timestamp() + lifetime.total_seconds()}


def _take(world: World, kind: str, secret: str) -> Grant | None:
    document = world.documents.get(kind, digest(secret))
    # Of two redeemers at once, the one whose delete finds the document wins.
    if document is None or not world.documents.delete(kind, digest(secret)):
        return None
    return _grant(document) if document["expires_at"] > world.now().timestamp() else None


def _grant(document: Document) -> Grant:
    return Grant(**{name: document[name] for name in Grant.__slots__})


def _user_code() -> str:
    letters = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _plain(user_code: str) -> str:
    return "".join(letter for letter in user_code.upper() if letter.isalnum())
