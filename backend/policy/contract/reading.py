"""A run's `contract.json` as a value."""

from __future__ import annotations

import json

from pydantic import ValidationError

from backend.domain.contract import CONTRACT_FILE, CONTRACT_FORMAT, Contract
from backend.errors import Invalid


def read_contract(content: bytes) -> Contract:
    """Raises Invalid with what is wrong, by its key."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise Invalid(f"{CONTRACT_FILE} is not JSON: {error}") from error
    told = document.get("format") if isinstance(document, dict) else None
    if told != CONTRACT_FORMAT:
        raise Invalid(f"{CONTRACT_FILE} has format {told!r}; this console reads format {CONTRACT_FORMAT}.")
    try:
        return Contract.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{CONTRACT_FILE}: {place}: {first['msg'].lower()}") from error
