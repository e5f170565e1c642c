"""The card file as a team commits it: which fields a model card must have, and what of them is missing. Pure."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr, StringConstraints, ValidationError

from backend.domain.card_file import CardFile

CARD_PATH = "training/card.toml"
MOST_NAMED = 12
"""Problems told of one file; a file that is something else altogether has more."""

_Text = Annotated[StrictStr, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]
_Long = Annotated[StrictStr, StringConstraints(strip_whitespace=True, min_length=40, max_length=2000)]
_List = Annotated[tuple[_Text, ...], Field(min_length=1, max_length=30)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    intended_use: _Long
    users: _List
    exclusions: _List
    known_limits: _List
    cannot_show: _List
    ethical_considerations: _List
    owner: _Text
    contact: _Text
    reviewed: date


REQUIRED = tuple(_File.model_fields)
"""In the order of reading."""


def read_card(content: bytes | None, commit: str) -> CardFile:
    """What the file says and what it lacks; `content` is None where the commit has no such file.

    Nothing is raised: an incomplete card is a finding about the version, not a fault of whoever reads it.
    """
    if content is None:
        return CardFile(commit=commit, digest="", problems=(f"{CARD_PATH} is missing at commit {commit[:7]}",))
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    try:
        written = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return CardFile(commit=commit, digest=digest, problems=(f"{CARD_PATH} is not valid TOML: {error}",))
    try:
        read = _File.model_validate(written)
    except ValidationError as error:
        return _incomplete(written, error, commit, digest)
    return CardFile(**read.model_dump(), commit=commit, digest=digest)


def _incomplete(written: dict[str, Any], error: ValidationError, commit: str, digest: str) -> CardFile:
    """The fields that can be used, and a sentence for each that cannot."""
    told = {str(problem["loc"][0]): problem["msg"] for problem in reversed(error.errors())}
    order = [*REQUIRED, *sorted(set(told) - set(REQUIRED))]
    problems = tuple(_sentence(name, told[name], name in written) for name in order if name in told)
    # Each field that has no problem is valid by itself, so the defaults stand for the others.
    usable = {name: value for name, value in written.items() if name in REQUIRED and name not in told}
    return CardFile.model_validate(
        {name: _read(value) for name, value in usable.items()}
        | {"commit": commit, "digest": digest, "problems": problems[:MOST_NAMED]}
    )


def _sentence(name: str, message: str, present: bool) -> str:
    if name not in REQUIRED:
        return f"{name} is no field of a card"
    return f"{name}: {message.lower()}" if present else f"{name} is missing"


def _read(value: Any) -> Any:
    """As the model reads it: lists are tuples, texts without the space around them."""
    if isinstance(value, list):
        return tuple(part.strip() for part in value)
    return value.strip() if isinstance(value, str) else value
