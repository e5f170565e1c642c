"""The applications that may ask for tokens, and where they may send a browser back to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.accounts import GITHUB_APP_CLIENT_ID, PROGRAMS, SIGN_IN_CLIENT_ID

AZURE_CLI_CLIENT_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Client:
    """`confidential` clients prove themselves to redeem a code; `signs_in_people` ones may use the people's flows."""

    client_id: str
    name: str
    confidential: bool
    signs_in_people: bool


CLIENTS = {
    client.client_id: client
    for client in (
        *(Client(program.client_id, program.name, confidential=True, signs_in_people=False) for program in PROGRAMS),
        Client(SIGN_IN_CLIENT_ID, "MLOps Console", confidential=True, signs_in_people=True),
        Client(AZURE_CLI_CLIENT_ID, "Microsoft Azure CLI", confidential=False, signs_in_people=True),
    )
}
"""Entra's applications. The second to last signs people in; the last is what azure-identity uses by default."""

GITHUB_APP = Client(GITHUB_APP_CLIENT_ID, "MLOps Console", confidential=True, signs_in_people=True)


def may_return_to(redirect_uri: str) -> bool:
    """Every sign-in client registered plain http on loopback, at any port and path, and nothing else."""
    try:
        parts = urlsplit(redirect_uri)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and host in LOOPBACK_HOSTS and not parts.fragment and "@" not in parts.netloc
