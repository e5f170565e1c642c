"""The same click twice is one record; the same key for something else is refused."""

from __future__ import annotations

import json

from backend.domain.value import Value
from backend.errors import Conflict


def same_request(existing: Value, wanted: Value, fields: tuple[str, ...]) -> None:
    """Raises Conflict if the record under this key was made from other arguments than the ones now given."""
    for name in fields:
        before, now = (json.dumps(v.model_dump(mode="json")[name], sort_keys=True) for v in (existing, wanted))
        if before != now:
            raise Conflict(
                f"This click was already recorded with another {name.replace('_', ' ')}; reload the page.",
                expected=now,
                actual=before,
            )
