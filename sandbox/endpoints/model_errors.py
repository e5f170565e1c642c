"""Why a model refused a request, in one header line that names the field where the model did."""

from __future__ import annotations

import json
from typing import Any

from sandbox.endpoints.exchange import Answer

LONGEST_REASON = 400


def model_error(answer: Answer) -> str:
    """The message of the model's JSON error, with its field in front unless it is named; else the HTTP reason."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return _header_safe(answer.reason)
    error = body.get("error", body) if isinstance(body, dict) else {}
    if not isinstance(error, dict):
        return _header_safe(str(error))
    message = str(error.get("message") or answer.reason)
    field = _text(error.get("field"))
    return _header_safe(f"{field}: {message}" if field and field not in message else message)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _header_safe(text: str) -> str:
    """Printable ASCII on one line: what every HTTP client can carry in a header."""
    printable = "".join(character if " " <= character <= "~" else " " for character in text)
    return " ".join(printable.split())[:LONGEST_REASON]
