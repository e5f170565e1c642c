"""Encrypted, dated tokens that the console hands to a browser and takes back."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken


class BadSeal(Exception):
    """The token was not made by us for this purpose, or it is too old."""


class Seal:
    """Seals small texts under the cookie secret. `purpose` keeps a token of one kind from passing as another."""

    def __init__(self, secret: str) -> None:
        key = hashlib.sha256(b"mlops-console\0" + secret.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, purpose: str, content: Mapping[str, str]) -> str:
        body = json.dumps({"purpose": purpose, "content": dict(content)})
        return self._fernet.encrypt(body.encode()).decode()

    def open(self, purpose: str, token: str, max_age_seconds: int) -> dict[str, str]:
        try:
            body = json.loads(self._fernet.decrypt(token.encode(), ttl=max_age_seconds))
        except (InvalidToken, ValueError) as error:
            raise BadSeal("the link is no longer valid") from error
        if body["purpose"] != purpose:
            raise BadSeal("the link was made for something else")
        return dict(body["content"])
