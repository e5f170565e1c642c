"""A run's `curves.json`: checked, since any run may have written it."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from backend.errors import Invalid

MOST_POINTS = 5_000


def read_curves(content: bytes) -> dict[str, Any]:
    """`{"roc": {"x": [...], "y": [...]}}`. Raises Invalid for what is not curves of finite numbers."""
    try:
        found = json.loads(content)
    except ValueError:
        raise Invalid("curves.json is no JSON") from None
    if not isinstance(found, dict) or not all(_is_curve(curve) for curve in found.values()):
        raise Invalid("curves.json holds no curves of equally many x and y")
    return found


def _is_curve(curve: object) -> bool:
    if not isinstance(curve, dict):
        return False
    x, y = curve.get("x"), curve.get("y")
    if not isinstance(x, list) or not isinstance(y, list) or not len(x) == len(y) <= MOST_POINTS:
        return False
    return all(isinstance(v, int | float) and isfinite(v) for v in (*x, *y))
