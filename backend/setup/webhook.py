"""The webhook by which GitHub tells the console to look again. Without it the console polls."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from backend.gateways.github.repositories import Repositories
from backend.gateways.github.webhooks import Webhook, Webhooks
from backend.settings import LOOPBACK, Settings
from backend.setup.declaration import Declaration
from backend.setup.resource import Fields, Resource, words

WEBHOOK_PATH = "/github/webhook"
UNAUTHORISED = 401
SECRET, REFUSED = "as in the settings", "another than here: the console refused the last delivery"


def webhook_resources(
    settings: Settings, declared: Declaration, webhooks: Webhooks, repositories: Repositories
) -> tuple[Resource, ...]:
    """None without a secret: an installation may poll and be as declared."""
    if not settings.github.webhook_secret.get_secret_value():
        return ()
    return (webhook_resource(settings, declared, webhooks, repositories),)


def webhook_resource(
    settings: Settings, declared: Declaration, webhooks: Webhooks, repositories: Repositories
) -> Resource:
    """GitHub never tells a secret: what can be seen is that it has none, or that the console refused what it signed."""
    url = f"{settings.console.public_url.rstrip('/')}{WEBHOOK_PATH}"
    events = tuple(sorted(declared.webhook.events))

    def look() -> Fields | None:
        found = webhooks.find(url) if repositories.exists() else None
        return None if found is None else _shown(found)

    def wanted() -> Mapping[str, str]:
        return {"events": words(events), "active": "yes", "as JSON": "yes", "TLS checked": "yes", "secret": SECRET}

    return Resource(
        kind="webhook",
        name=url,
        where=settings.project.repository,
        declared=wanted,
        look=look,
        make=lambda: webhooks.ensure(url, events, settings.github.webhook_secret),
        waits_for=lambda: _waits_for(settings),
    )


def _shown(found: Webhook) -> dict[str, str]:
    secret = "none" if not found.signed else REFUSED if found.answered == UNAUTHORISED else SECRET
    return {
        "events": words(found.events),
        "active": words(found.active),
        "as JSON": words(found.json),
        "TLS checked": words(found.verified),
        "secret": secret,
    }


def _waits_for(settings: Settings) -> str:
    ours, theirs = (urlsplit(url).hostname for url in (settings.console.public_url, settings.github.api_url))
    if ours in LOOPBACK and theirs not in LOOPBACK:
        return "waits for a console.public_url that GitHub can reach; until then the console polls"
    return ""
