"""JSON as Python holds it, for documents whose form is somebody else's standard."""

from __future__ import annotations

from typing import TypeAlias

Json: TypeAlias = object
"""Any JSON value. A recursive alias would be exact, and no tool could resolve it in another module on Python 3.11."""
JsonObject: TypeAlias = dict[str, Json]
