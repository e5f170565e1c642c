"""People who look at pages, and what they see."""

from __future__ import annotations

import time

from streamlit.testing.v1 import AppTest


def claims(name: str = "lead", *roles: str) -> dict[str, object]:
    """What a verified id token says of a person who has just signed in."""
    now = int(time.time())
    return {
        "is_logged_in": True,
        "preferred_username": name,
        "roles": list(roles or (name,)),
        "auth_time": now - 5,
        "exp": now + 3600,
    }


def text(app: AppTest) -> str:
    """All markup that the page put into the main area."""
    return "\n".join(element.proto.body for element in app.main.get("html"))
