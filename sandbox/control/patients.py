"""What practitioners ask about: the production endpoint while it serves, and patients like those of production's data.

Where the world has visits of its own, they are asked about: patients whom no model has been trained on. Else it is the
rows of production's data, which a model knows better than it will know anybody.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.arm import resources
from sandbox.arm.assets import data_path
from sandbox.arm.ids import parse
from sandbox.endpoints.directory import ADDRESS, KEYS
from sandbox.world import World

WORKSPACE = "diabetes-prod"
ENDPOINT = "diabetes-endpoint"
DATA = "diabetes-prod"
HIDDEN = {"PatientID", "Diabetic"}

OUTCOME = "Diabetic"
VISITS = "visits.csv"

Row = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Visit:
    """What is asked about a patient, and what becomes of them."""

    row: Row
    ill: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send requests, with which key, and the data version whose rows they carry."""

    scoring_uri: str
    key: str = field(repr=False)
    data_id: str = ""


def find_target(world: World) -> Target | None:
    """The production endpoint, while a deployment of it takes traffic and there is data to ask about."""
    address = world.documents.get(ADDRESS, f"{WORKSPACE}/{ENDPOINT}")
    endpoint = resources.get(world, address["id"]) if address else None
    if address is None or endpoint is None:
        return None
    properties = endpoint["properties"]
    keys = world.documents.get(KEYS, address["id"].lower())
    versions = resources.children(world, f"{parse(endpoint['id']).workspace_id}/data/{DATA}", "versions")
    serves = properties.get("scoringUri") and any((properties.get("traffic") or {}).values())
    if keys is None or not versions or not serves:
        return None
    return Target(properties["scoringUri"], keys["primaryKey"], versions[-1]["id"])


def read_visits(world: World, data_id: str) -> Sequence[Visit]:
    """The world's own visits, else the rows of a data version; ValueError or OSError if it is no such table."""
    own = world.settings.home / VISITS
    path = own if own.is_file() else data_path(world, data_id)
    with _table(path).open(newline="") as file:
        visits = [Visit(_row(found), found.get(OUTCOME) == "1") for found in csv.DictReader(file)]
    if not visits:
        raise ValueError(f"{path.name} has no rows")
    return visits


def _table(path: Path) -> Path:
    if not path.is_dir():
        return path
    tables = sorted(path.rglob("*.csv"))
    if not tables:
        raise ValueError(f"{path.name} holds no CSV file")
    return tables[0]


def _row(found: Mapping[str, str]) -> Row:
    return {name: _number(value) for name, value in found.items() if name not in HIDDEN}


def _number(value: str) -> float:
    number = float(value)
    return int(number) if number.is_integer() else number
