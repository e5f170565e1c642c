"""Microsoft Graph: which app roles the directory gives a person now, whatever their sign-in said hours ago."""

from __future__ import annotations

import ssl
import threading
import time
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from backend.errors import CredentialsRejected, NotFound, RemoteRejected, RemoteUnavailable
from backend.gateways.credentials import ProgramIdentity, tls_context
from backend.settings import Cloud, SignIn

SERVICE = "the directory"
OPERATION = "read a person's app roles"
TIMEOUT = 3.0
"""A person waits for it, once for each thing they do."""
PAUSE = 30.0


class Directory:
    """Reads. Needs the application permission `Directory.Read.All` of Microsoft Graph.

    Graph lists what a person was assigned, and what the groups were that they are a direct member of: the same
    assignments that a token's `roles` come from.
    """

    def __init__(self, settings: SignIn, identity: ProgramIdentity, cloud: Cloud) -> None:
        self._base = settings.directory_url.rstrip("/")
        self._application = settings.client_id
        self._identity = identity
        self._cloud = cloud
        self._tls: ssl.SSLContext | None = None
        self._declared: tuple[str, dict[str, str]] | None = None
        self._lock = threading.Lock()
        self._silent_until = 0.0

    def roles(self, person: str) -> frozenset[str]:
        """The values of the person's roles by their object id; none where the directory does not know them.

        Raises RemoteUnavailable where it does not answer in time, CredentialsRejected where we may not ask.
        """
        try:
            UUID(person)
        except ValueError:
            return frozenset()  # what is no object id would make another address of it
        principal, names = self._application_roles()
        path = f"/users/{person}/appRoleAssignments"
        found = self._get(path, {"$filter": f"resourceId eq {principal}"}) or {"value": []}
        return frozenset(names[row["appRoleId"]] for row in found["value"] if row["appRoleId"] in names)

    def _application_roles(self) -> tuple[str, dict[str, str]]:
        """The application's id in this directory and its roles by theirs; read once in the life of a process."""
        with self._lock:
            if self._declared is None:
                found = self._get(f"/servicePrincipals(appId='{self._application}')", {"$select": "id,appRoles"})
                if found is None:
                    raise NotFound(f"The directory knows no application {self._application}; check signin.client_id.")
                enabled = {role["id"]: role["value"] for role in found["appRoles"] if role["isEnabled"]}
                self._declared = found["id"], enabled
            return self._declared

    def _get(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        """The answer, None for 404. After a silence nobody waits again for `PAUSE` seconds."""
        from azure.core.exceptions import AzureError

        if time.monotonic() < self._silent_until:
            raise _silent("it did not answer a moment ago")
        try:
            token = self._identity.credential().get_token(self._scope()).token
            self._tls = self._tls or tls_context(self._cloud)
            answer = httpx.get(
                f"{self._base}{path}",
                params=query,
                headers={"Authorization": f"Bearer {token}"},
                verify=self._tls,
                timeout=TIMEOUT,
            )
        except (httpx.HTTPError, AzureError) as error:
            self._silent_until = time.monotonic() + PAUSE
            raise _silent((str(error).splitlines() or [type(error).__name__])[0]) from error
        if answer.status_code == 404:
            return None
        if answer.status_code in {401, 403}:
            raise CredentialsRejected(
                "The directory does not let this console read app roles; it needs Directory.Read.All",
                service=SERVICE,
                operation=OPERATION,
                status=answer.status_code,
            )
        if answer.status_code == 429 or answer.status_code >= 500:
            self._silent_until = time.monotonic() + PAUSE
            raise _silent(f"it answered {answer.status_code}")
        if answer.status_code != 200:
            raise RemoteRejected(
                f"The directory does not understand the question ({answer.status_code}); check signin.directory_url",
                service=SERVICE,
                operation=OPERATION,
                status=answer.status_code,
            )
        return dict(answer.json())

    def _scope(self) -> str:
        host = urlsplit(self._base)
        return f"{host.scheme}://{host.netloc}/.default"


def _silent(why: str) -> RemoteUnavailable:
    return RemoteUnavailable(f"The directory does not answer: {why}", service=SERVICE, operation=OPERATION)
