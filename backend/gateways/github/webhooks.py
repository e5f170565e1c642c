"""The repository's webhooks: find ours, make it as it is wanted. https://docs.github.com/rest/repos/webhooks"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from backend.gateways.github.client import GitHubConnection


@dataclass(frozen=True, slots=True)
class Webhook:
    """`signed`: GitHub has a secret for it, which it never shows. `answered` is the last status, None if none."""

    id: int
    url: str
    events: tuple[str, ...]
    active: bool
    json: bool
    verified: bool
    signed: bool
    answered: int | None


class Webhooks:
    """Needs the app's permission on webhooks."""

    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection

    def find(self, url: str) -> Webhook | None:
        """The webhook that tells this address."""
        found = self._connection.pages("{repo}/hooks", "read webhooks")
        return next((_webhook(item) for item in found if item["config"].get("url") == url), None)

    def ensure(self, url: str, events: tuple[str, ...], secret: SecretStr) -> None:
        """Make it so. The secret goes along each time: a configuration without one would take it away."""
        config = {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret.get_secret_value()}
        wanted: dict[str, Any] = {"active": True, "events": list(events), "config": config}
        now = self.find(url)
        if now is None:
            self._connection.send("POST", "{repo}/hooks", "create a webhook", {"name": "web", **wanted})
        else:
            self._connection.send("PATCH", f"{{repo}}/hooks/{now.id}", "change a webhook", wanted)


def _webhook(item: dict[str, Any]) -> Webhook:
    config = item["config"]
    answered = (item.get("last_response") or {}).get("code")
    return Webhook(
        id=int(item["id"]),
        url=str(config["url"]),
        events=tuple(sorted(map(str, item["events"]))),
        active=bool(item["active"]),
        json=config.get("content_type") == "json",
        verified=str(config.get("insecure_ssl", "0")) == "0",
        signed=bool(config.get("secret")),
        answered=int(answered) if answered else None,
    )
