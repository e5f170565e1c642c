"""A connection to one repository as one identity."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from backend.errors import CredentialsRejected, NotFound
from backend.gateways.github.app import Installation
from backend.gateways.github.errors import AS_APP, SERVICE, github, refused

if TYPE_CHECKING:
    from github import Github, GithubRetry
    from github.Auth import AppInstallationAuth, Token
    from github.Requester import Requester

API_VERSION = "2022-11-28"
TIMEOUT = 15
SERVER_ERRORS = list(range(500, 600))


@dataclass(frozen=True, slots=True)
class GitAccess:
    """The repository's address, the header that proves who asks, and the file of a private authority, "" without."""

    url: str
    header: SecretStr
    ca_bundle: str


class GitHubConnection:
    """Reads and writes as the holder of one token, or as the installed app, whose tokens are renewed here.

    A `Github` object hands one thread's answer to another under load (its connection keeps the request in shared
    attributes), so each thread has its own. Reads are tried three times more by the SDK after a 5xx, once more
    without an answer, and never wait for a rate limit: who reads decides when to come back. Writes are never retried,
    since a 502 may hide a review that was made; a 401 to the app hides none.
    """

    retries = 0

    def __init__(
        self, api_url: str, repository: str, credential: SecretStr | Installation, ca_bundle: str = ""
    ) -> None:
        self.repository = repository
        self._api_url = api_url
        self._credential = credential
        self._verify: bool | str = ca_bundle or True
        self._threads = threading.local()

    def client(self) -> Github:
        """The calling thread's PyGithub client. Raises CredentialsRejected where there is no token at all."""
        client: Github | None = getattr(self._threads, "client", None)
        if client is None:
            self._threads.auth = self._authentication()
            client = self._threads.client = self._connect(self._threads.auth)
        if isinstance(self._credential, Installation):
            # PyGithub fetches the app's token while it writes a request's headers, once the last one is about to end.
            # Here, so that a refusal of the app does not read as one of the thing asked for.
            with github(AS_APP):
                self._threads.auth.authentication({})
        return client

    def get(self, path: str, operation: str, **parameters: str | int) -> Any:
        """One JSON document; `path` starts with `/` and `{repo}` stands for `/repos/owner/name`."""
        return self._request("GET", path, operation, parameters=parameters)

    def pages(self, path: str, operation: str, key: str = "", **parameters: str | int) -> Iterator[dict[str, Any]]:
        """Every item of a paged list, 100 a page; `key` names the list inside the page where it is wrapped."""
        page = 1
        while True:
            answer = self.get(path, operation, per_page=100, page=page, **parameters)
            items = answer[key] if key else answer
            yield from items
            if len(items) < 100:
                return
            page += 1

    def send(self, verb: str, path: str, operation: str, body: Mapping[str, Any]) -> Any:
        """A write; answers the JSON GitHub sent back, None where it sent none."""
        return self._request(verb, path, operation, body=dict(body))

    def graphql(self, query: str, variables: Mapping[str, Any], operation: str) -> dict[str, Any]:
        """The `data` of a GraphQL answer. Partial data counts as a failure: a list with holes would mislead."""
        answer = self._asked(operation, lambda requester: requester.graphql_query(query, dict(variables)))
        return dict(answer["data"])

    def of_repository(self, query: str, operation: str, **variables: object) -> dict[str, Any]:
        """The `repository` of a query about ours. Raises NotFound where this token does not see it."""
        return dict(self.ask(query, operation, **variables)["repository"])

    def ask(self, query: str, operation: str, **variables: object) -> dict[str, Any]:
        """As `graphql`, with the variables `owner` and `name` of our repository, which has to be in the answer."""
        owner, name = self.repository.split("/")
        data = self.graphql(query, {"owner": owner, "name": name, **variables}, operation)
        if data.get("repository") is None:
            raise NotFound(f"GitHub shows no repository {self.repository} to this token")
        return data

    def git_access(self) -> GitAccess:
        """How the git program reaches the repository as the holder of this connection's token."""
        self.client()
        web = self._api_url.removesuffix("/api/v3").replace("https://api.github.com", "https://github.com")
        pair = base64.b64encode(f"x-access-token:{self._threads.auth.token}".encode()).decode()
        trusted = "" if self._verify is True else str(self._verify)
        return GitAccess(f"{web}/{self.repository}.git", SecretStr(f"Authorization: Basic {pair}"), trusted)

    def tail(self, path: str, operation: str, limit: int) -> str:
        """The last `limit` bytes of a text document as text, from wherever GitHub redirects to.

        Not through PyGithub, which follows GitHub's redirects to hosts of GitHub's own names only.
        """
        self.client()
        url = f"{self._api_url}{path.replace('{repo}', f'/repos/{self.repository}')}"
        trusted = ssl.create_default_context(cafile=None if self._verify is True else str(self._verify))
        headers = {"Authorization": f"Bearer {self._threads.auth.token}", "X-GitHub-Api-Version": API_VERSION}
        with (
            github(operation),
            httpx.Client(verify=trusted, timeout=TIMEOUT, follow_redirects=True, headers=headers) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.is_error:
                raise refused(operation, answer.status_code, answer.reason_phrase)
            kept = b""
            for chunk in answer.iter_bytes():
                kept = (kept + chunk)[-limit:]
            return kept.decode(errors="replace")

    def _request(
        self,
        verb: str,
        path: str,
        operation: str,
        *,
        parameters: Mapping[str, str | int] | None = None,
        body: dict[str, Any] | None = None,
    ) -> Any:
        url = path.replace("{repo}", f"/repos/{self.repository}")
        query = dict(parameters or {})
        return self._asked(
            operation, lambda requester: requester.requestJsonAndCheck(verb, url, parameters=query, input=body)
        )

    def _asked(self, operation: str, ask: Callable[[Requester], tuple[Any, Any]]) -> Any:
        """The body of an answer. A 401 says that nothing was done: as the app, it is asked again, newly signed in.

        GitHub may revoke a token within its hour, and PyGithub would show it until the hour has passed.
        """
        try:
            with github(operation):
                return ask(self.client().requester)[1]
        except CredentialsRejected as refusal:
            as_app = isinstance(self._credential, Installation)
            if not as_app or refusal.status != 401 or refusal.operation == AS_APP:
                raise
        self._threads.client = None
        with github(operation):
            return ask(self.client().requester)[1]

    def _authentication(self) -> AppInstallationAuth | Token:
        from github import Auth

        if isinstance(self._credential, Installation):
            app = Auth.AppAuth(self._credential.app_id, self._credential.private_key.get_secret_value())
            return app.get_installation_auth(self._credential.installation_id)
        token = self._credential.get_secret_value()
        if not token:
            raise CredentialsRejected(
                "No GitHub token is set. Set github.app_id, its private key and github.installation_id, or "
                "github.installation_token; or connect GitHub under your name.",
                service=SERVICE,
                operation="sign in",
                status=401,
            )
        return Auth.Token(token)

    def _connect(self, auth: AppInstallationAuth | Token) -> Github:
        from github import Github

        return Github(
            auth=auth,
            base_url=self._api_url,
            verify=self._verify,
            timeout=TIMEOUT,
            per_page=100,
            seconds_between_requests=0,
            seconds_between_writes=0,
            api_version=API_VERSION,
            lazy=True,
            retry=self._retry(),
        )

    def _retry(self) -> GithubRetry | None:
        """PyGithub's own, but for 403 and for waits: it would sleep as long as a rate limit asks for, up to an hour."""
        from github import GithubRetry

        if not self.retries:
            return None
        retry = GithubRetry(
            total=self.retries,
            connect=1,
            read=1,
            backoff_factor=0.2,
            respect_retry_after_header=False,
            max_rate_limit_wait=1,
        )
        retry.status_forcelist = SERVER_ERRORS
        return retry


class GitHubReader(GitHubConnection):
    """Background reads as the installed app."""

    retries = 3


class GitHubWriter(GitHubConnection):
    """Writes as a signed-in person or as a workflow; nothing is sent twice."""
