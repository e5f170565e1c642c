"""Shared access signatures: who may touch a storage account without a token.

`listSecrets` hands out one of our account-wide signatures. azure-ai-ml also uses that text *as if* it were an account
key, to sign a single log file for reading; such a signature is recomputed here and accepted for that blob only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from sandbox.blob.errors import BlobError
from sandbox.world import World

KIND = "storage_key"
VERSION = "2024-11-04"
VALID_DAYS = 2
WRITES = {"PUT", "DELETE"}
SIGNED_FIELDS = (
    "sp",
    "st",
    "se",
    "",
    "si",
    "sip",
    "spr",
    "sv",
    "sr",
    "snapshot",
    "ses",
    "rscc",
    "rscd",
    "rsce",
    "rscl",
    "rsct",
)


def account_signature(world: World, account: str, permissions: str = "rwdlac") -> str:
    """A query string that opens one account until the end of tomorrow (UTC), the same all day long.

    The account stands in `si`, since every parameter must be one that the client knows from Azure, and the text is
    padded to a length that decodes as base64, because the SDK treats it as a key.
    """
    day = (world.now().astimezone(UTC) + timedelta(days=VALID_DAYS)).date().isoformat()
    return _signature(world, account, permissions, f"{day}T00:00:00Z")


def account_of(world: World, request: Request) -> str:
    """The account a request is signed for; BlobError 403 without a valid signature or with too small a one."""
    query = request.query_params
    if "sig" in query:
        for account in [query["si"]] if "ss" in query and "si" in query else _accounts(world, request):
            if _valid(world, account, query, request):
                return account
    raise BlobError(
        403, "AuthenticationFailed", "The shared access signature is missing, expired, or not of this storage account."
    )


def _valid(world: World, account: str, query: Mapping[str, str], request: Request) -> bool:
    if _expired(world, query.get("se", "")):
        return False
    if "ss" in query:
        expected = _sign(_secret(world, account), account, query.get("sp", ""), query["se"])
        allowed = "w" in query.get("sp", "") or request.method not in WRITES
        return allowed and hmac.compare_digest(expected, query["sig"])
    if request.method in WRITES or query.get("sr") != "b":
        return False
    return any(
        hmac.compare_digest(_blob_signature(key, account, query, request), query["sig"])
        for key in _keys(world, account)
    )


def _keys(world: World, account: str) -> list[str]:
    """The account signatures that may still be in a client's hands."""
    today = world.now().astimezone(UTC)
    days = [(today + timedelta(days=ahead)).date().isoformat() for ahead in range(1, VALID_DAYS + 1)]
    return [_signature(world, account, "rwdlac", f"{day}T00:00:00Z") for day in days]


def _blob_signature(key: str, account: str, query: Mapping[str, str], request: Request) -> str:
    """The signature azure-storage-blob computes for one blob. Source: Storage REST, "Create a service SAS"."""
    values = {field: query.get(field, "") for field in SIGNED_FIELDS if field}
    values["snapshot"] = ""
    resource = f"/blob/{account}{request.url.path}"
    text = "\n".join(values[field] if field else resource for field in SIGNED_FIELDS)
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _signature(world: World, account: str, permissions: str, expiry: str) -> str:
    signature = _sign(_secret(world, account), account, permissions, expiry)
    text = f"sv={VERSION}&ss=b&srt=sco&sp={permissions}&se={expiry}&spr=https&si={account}&sig={signature}"
    for padding in ("", "&scid=A", "&scid=AB", "&scid=ABC"):
        if _decodes(text + padding):
            return text + padding
    raise ValueError(f"No padding makes {text!r} decode as base64")


def _decodes(text: str) -> bool:
    try:
        base64.b64decode(text)
    except binascii.Error:
        return False
    return True


def _sign(secret: str, account: str, permissions: str, expiry: str) -> str:
    return hmac.new(secret.encode(), f"{account}\n{permissions}\n{expiry}".encode(), hashlib.sha256).hexdigest()


def _secret(world: World, account: str) -> str:
    world.documents.create(KIND, account, {"secret": secrets.token_hex(32)})
    document = world.documents.get(KIND, account)
    assert document is not None
    return str(document["secret"])


def _accounts(world: World, request: Request) -> list[str]:
    """Whose signature this may be, when the request does not say it: a streaming log reader drops the user."""
    named = _user_of(request)
    return [named] if named else [account for account, _ in world.documents.list(KIND)]


def _user_of(request: Request) -> str:
    """The account in `https://ACCOUNT.blob.x@localhost/...`, which the client's HTTP library sends as a Basic user."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[0].partition(".")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _expired(world: World, expiry: str) -> bool:
    try:
        moment = datetime.fromisoformat(expiry)
    except ValueError:
        return True
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) <= world.now()
