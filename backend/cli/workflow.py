"""What a GitHub workflow tells the commands it calls."""

from __future__ import annotations

import json
import os
from pathlib import Path

from backend.errors import Invalid


def variable(name: str) -> str:
    """The environment variable. Raises Invalid where it is not set, as outside of a workflow."""
    value = os.environ.get(name)
    if not value:
        raise Invalid(f"The environment variable {name} is not set: this command runs inside a GitHub workflow.")
    return value


def event() -> dict[str, dict[str, dict[str, str]]]:
    """The payload of the event that started the workflow, of which pull requests are read here."""
    return dict(json.loads(Path(variable("GITHUB_EVENT_PATH")).read_text()))
