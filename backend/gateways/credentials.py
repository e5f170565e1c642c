"""How our services prove who they are to Azure, and whom they trust on the wire."""

from __future__ import annotations

import os
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from backend.errors import ConfigurationError, CredentialsRejected, RemoteUnavailable
from backend.settings import Cloud, Identity

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

FEDERATED_AUDIENCE = "api://AzureADTokenExchange"
"""What Entra expects in a workflow's OIDC token (GitHub's "configuring OpenID Connect in Azure" page)."""

IDENTITY_TIMEOUTS = {"connection_timeout": 5, "read_timeout": 15, "retry_total": 2}


def ca_bundle(cloud: Cloud) -> str:
    """The setting. Raises ConfigurationError where it names no file: the SDKs would each say so in another way."""
    if cloud.ca_bundle and not Path(cloud.ca_bundle).is_file():
        raise ConfigurationError("cloud.ca_bundle", f"there is no file {cloud.ca_bundle}")
    return cloud.ca_bundle


def tls_context(cloud: Cloud) -> ssl.SSLContext:
    """The roots our own HTTP calls trust: the private bundle alone where one is set, else the system's."""
    return ssl.create_default_context(cafile=ca_bundle(cloud) or None)


class ProgramIdentity:
    """Who our services are to Azure. azure-identity is imported by whoever needs a token first: half a second.

    Raises ConfigurationError at once where the chosen kind of credential lacks what it needs.
    """

    def __init__(self, identity: Identity, cloud: Cloud) -> None:
        _refuse_incomplete(identity)
        self._identity, self._cloud = identity, cloud
        self._lock = threading.Lock()
        self._credential: TokenCredential | None = None

    def credential(self) -> TokenCredential:
        """The same one for all threads; it needs no network yet, the first token request does."""
        with self._lock:
            self._credential = self._credential or _credential(self._identity, self._cloud)
            return self._credential


def _refuse_incomplete(identity: Identity) -> None:
    if identity.credential == "default":
        return
    if not identity.client_id:
        raise ConfigurationError("identity.client_id", f"needed by identity.credential = {identity.credential!r}")
    if identity.credential == "client_secret" and not identity.client_secret.get_secret_value():
        raise ConfigurationError("identity.client_secret", "needed by identity.credential = 'client_secret'")


def _credential(identity: Identity, cloud: Cloud) -> TokenCredential:
    from azure.identity import ClientAssertionCredential, ClientSecretCredential, DefaultAzureCredential

    common = {
        "authority": identity.authority,
        "disable_instance_discovery": not identity.instance_discovery,
        **IDENTITY_TIMEOUTS,
    }
    if identity.credential == "default":
        return DefaultAzureCredential(exclude_interactive_browser_credential=True, **common)
    if identity.credential == "github_oidc":
        return ClientAssertionCredential(
            identity.tenant_id, identity.client_id, lambda: workflow_token(cloud), **common
        )
    secret = identity.client_secret.get_secret_value()
    return ClientSecretCredential(identity.tenant_id, identity.client_id, secret, **common)


def workflow_token(cloud: Cloud) -> str:
    """The running workflow's own OIDC token, asked of the address GitHub gives each job with `id-token: write`."""
    url = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    bearer = os.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not bearer:
        raise ConfigurationError(
            "identity.credential",
            "github_oidc works only inside a GitHub Actions job with `permissions: id-token: write`",
        )
    try:
        answer = httpx.get(
            url,
            params={**httpx.URL(url).params, "audience": FEDERATED_AUDIENCE},
            headers={"Authorization": f"Bearer {bearer}"},
            verify=tls_context(cloud),
            timeout=15,
        )
    except httpx.TransportError as error:
        raise RemoteUnavailable(
            f"GitHub's token service did not answer: {error}. Re-run the job.",
            service="GitHub Actions",
            operation="request a workflow token",
        ) from error
    if answer.status_code != 200:
        raise CredentialsRejected(
            f"GitHub refused this job a token (HTTP {answer.status_code}). Give the job `id-token: write`.",
            service="GitHub Actions",
            operation="request a workflow token",
            status=answer.status_code,
        )
    return str(answer.json()["value"])
