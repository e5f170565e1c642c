"""The private certificate authority of one world, for `localhost` only.

The authority's own key is thrown away once the server's certificate is signed, so nothing else can ever be
signed by it; when a file is missing, a new authority replaces the old one.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

SYSTEM_ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Certificates:
    """`ca` is what clients trust, `chain` and `key` the server's own.

    `bundle` has the system's roots too, for steps that reach further: 20 ms of a core for each connection.
    """

    ca: Path
    bundle: Path
    chain: Path
    key: Path


def ensure_certificates(folder: Path) -> Certificates:
    """The certificates below `folder` (0700), made when they are not all there. The bundle is refreshed each time."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    files = Certificates(
        ca=folder / "ca.pem", bundle=folder / "bundle.pem", chain=folder / "server.pem", key=folder / "server-key.pem"
    )
    if not (files.ca.exists() and files.chain.exists() and files.key.exists()):
        authority = trustme.CA(organization_name="MLOps sandbox (this machine only)")
        leaf = authority.issue_cert("localhost", "127.0.0.1", common_name="localhost")
        _write(files.key, leaf.private_key_pem.bytes())
        _write(files.chain, b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        _write(files.ca, authority.cert_pem.bytes())
    _write(files.bundle, files.ca.read_bytes() + _system_roots())
    return files


def _system_roots() -> bytes:
    """PEM of the roots this system trusts; empty when it has none."""
    compiled_in = ssl.get_default_verify_paths().openssl_cafile
    for candidate in (*SYSTEM_ROOTS, compiled_in):
        path = Path(candidate)
        if path.is_file():
            return b"\n" + path.read_bytes()
    return b""


def _write(path: Path, content: bytes) -> None:
    """Replace the file whole, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.replace(path)
