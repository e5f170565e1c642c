"""Sending to a chat's incoming webhook: Teams as an adaptive card, Slack as blocks. Text from outside stays text.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from backend.domain.clock import stamp
from backend.domain.notifications import Notification
from backend.errors import RemoteRejected, RemoteUnavailable
from backend.settings import Cloud

SECONDS = 10.0
FAILED_YET_OK = "webhook message delivery failed"
"""Teams' connectors answer 200 with this text when they could not deliver."""
_WAIT = {408, 425, 429}
OPEN = "Open in the console"
Card = Mapping[str, Any]


def teams(told: Notification, url: str) -> Card:
    """An adaptive card of text runs: a TextBlock would read markdown, a TextRun does not."""
    body = [
        _runs({"text": told.kind.value.capitalize(), "weight": "bolder", "color": "accent"}),
        _runs({"text": told.sentence, "size": "medium"}),
        _runs({"text": ledger_line(told), "isSubtle": True, "size": "small"}),
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": OPEN, "url": url}],
    }
    content_type = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}]}


def _runs(run: Card) -> Card:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run}]}


def slack(told: Notification, url: str) -> Card:
    """Blocks of plain text; the line for the notification itself is read as markup by Slack, so it is escaped."""
    escaped = told.sentence.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    button = {"type": "button", "text": _plain(OPEN), "url": url, "action_id": "open"}
    return {
        "text": escaped,
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _plain(told.kind.value.capitalize())},
            {"type": "section", "text": _plain(told.sentence)},
            {"type": "context", "elements": [_plain(ledger_line(told))]},
            {"type": "actions", "elements": [button]},
        ],
    }


def _plain(text: str) -> Card:
    return {"type": "plain_text", "text": text, "emoji": False}


def ledger_line(told: Notification) -> str:
    """Where the ledger has it: entry, hash and time."""
    return f"Ledger entry {told.sequence} · {told.digest} · {stamp(told.at)}"


def trusted(cloud: Cloud) -> ssl.SSLContext:
    """The system's roots, and a private cloud's beside them: a chat is rarely part of that cloud."""
    context = ssl.create_default_context()
    if cloud.ca_bundle:
        context.load_verify_locations(cafile=cloud.ca_bundle)
    return context


FORMS: Mapping[str, Callable[[Notification, str], Card]] = {"teams": teams, "slack": slack}


def send(name: str, address: SecretStr, card: Card, tls: ssl.SSLContext) -> None:
    """One attempt. Raises RemoteUnavailable where another may help, else RemoteRejected; neither tells the address.

    A redirect is not followed: the address in the settings is where these words may go, and no other.
    """
    try:
        answer = httpx.post(address.get_secret_value(), json=card, timeout=SECONDS, follow_redirects=False, verify=tls)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        # Not `from` the error, whose text has the address.
        raise _rejected(name, "its url in the settings is none") from None
    except httpx.HTTPError as error:
        raise _unavailable(name, f"does not answer ({type(error).__name__})") from None
    said = answer.text[:200]
    if answer.is_success and not said.lower().startswith(FAILED_YET_OK):
        return
    if answer.is_success:
        raise _unavailable(name, "took it and could not deliver it", answer.status_code)
    if answer.status_code in _WAIT or answer.is_server_error:
        raise _unavailable(name, f"answered {answer.status_code}", answer.status_code, _seconds(answer))
    why = "answered with a redirect, which is not followed" if answer.is_redirect else "refused it"
    raise _rejected(name, f"{why} ({answer.status_code})", answer.status_code)


def _seconds(answer: httpx.Response) -> float | None:
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isdigit() else None


def _unavailable(name: str, what: str, status: int | None = None, wait: float | None = None) -> RemoteUnavailable:
    words = f"The target {name} {what}."
    return RemoteUnavailable(words, service=name, operation="notify", status=status, retry_after=wait)


def _rejected(name: str, what: str, status: int | None = None) -> RemoteRejected:
    return RemoteRejected(f"The target {name} {what}.", service=name, operation="notify", status=status)
