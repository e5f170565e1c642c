"""The keys this world signs its tokens with: made once, kept in private files below the home, never printed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from sandbox.world import World

ENTRA = "entra"
ACTIONS = "actions"


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """An RSA key with the id (`kid`) under which its public half is published."""

    kid: str
    private: RSAPrivateKey

    @property
    def public(self) -> RSAPublicKey:
        return self.private.public_key()

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.private, algorithm="RS256", headers={"kid": self.kid})

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The key set document of OpenID Connect discovery (RFC 7517)."""
        public = RSAAlgorithm.to_jwk(self.public, as_dict=True)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}


def signing_key(world: World, name: str) -> SigningKey:
    """The world's key called `name` (`entra` signs access and id tokens, `actions` the workflows' tokens)."""
    return _load_or_make(world.folder("identity"), name)


@lru_cache(maxsize=64)
def _load_or_make(folder: Path, name: str) -> SigningKey:
    folder.chmod(0o700)
    path = folder / f"{name}-key.pem"
    if not path.exists():
        _write_new_key(path)
    private = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key; delete it and a new one is made")
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SigningKey(hashlib.sha256(public).hexdigest()[:32], private)


def _write_new_key(path: Path) -> None:
    """Write whole or not at all; when two threads race, the first file linked wins."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".key-", delete=False) as file:
        file.write(pem)
    try:
        os.link(file.name, path)
    except FileExistsError:
        return
    finally:
        Path(file.name).unlink()
