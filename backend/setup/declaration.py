"""The declared state as values, read from `declared.toml` or a file of the project's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from backend.domain.value import Value
from backend.errors import ConfigurationError

SHIPPED = Path(__file__).with_name("declared.toml")


class Compute(Value):
    """`idle_seconds` is how long an unused node is kept."""

    size: str
    min_nodes: int
    max_nodes: int
    idle_seconds: int


class EnvironmentSource(Value):
    image: str
    conda_file: Path


class EndpointRules(Value):
    """`logs` are the diagnostic categories sent to Log Analytics."""

    auth_mode: str
    logs: tuple[str, ...]


class RepositoryRules(Value):
    description: str


class RulesetRules(Value):
    name: str
    approvals: int


class AnchorRules(Value):
    """The ruleset over the tags that anchor the ledger."""

    name: str
    pattern: str


class Declaration(Value):
    compute: Compute
    environment: EnvironmentSource
    endpoint: EndpointRules
    repository: RepositoryRules
    ruleset: RulesetRules
    anchors: AnchorRules


def read_declaration(path: Path = SHIPPED) -> Declaration:
    """Raises ConfigurationError naming the key that is missing or wrong."""
    try:
        return Declaration.model_validate(tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path.name}: {name}", first["msg"].lower()) from error
