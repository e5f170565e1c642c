"""The model comparison of a pull request, as its check run carries it: whole in the text, in short in the external id.

The list of pull requests asks for the short one only: texts of hundreds of check runs would be megabytes.
"""

from __future__ import annotations

import json
import re

from pydantic import ValidationError

from backend.domain.comparison import Comparison, Difference

COMPARISON_CHECK = "model comparison"
FENCED_JSON = re.compile(r"```json\s*\n(.*?)\n```", re.DOTALL)
_SHORT = {"metric", "champion", "challenger", "difference", "low", "high", "confidence", "verdict"}
_DIGITS = 6


def comparison_text(comparison: Comparison) -> str:
    """A check run's text that a person can unfold and `read_comparison` can read."""
    return f"The comparison as data:\n\n```json\n{json.dumps(comparison.model_dump(mode='json'), indent=1)}\n```\n"


def read_comparison(text: str) -> Comparison | None:
    """The comparison in a check run's text; None where there is none, or one of an unknown shape."""
    match = FENCED_JSON.search(text)
    if match is None:
        return None
    try:
        return Comparison.model_validate_json(match.group(1))
    except ValidationError:
        return None


def change_id(found: Difference) -> str:
    """A check run's external id: one difference in less than 255 characters."""
    values = found.model_dump(mode="json", include=_SHORT)
    short = {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in values.items()}
    return json.dumps(short, separators=(",", ":"))


def read_change(external_id: str) -> Difference | None:
    """What `change_id` wrote; None for anything else, such as the id of an Actions job."""
    try:
        return Difference.model_validate_json(external_id)
    except ValidationError:
        return None
