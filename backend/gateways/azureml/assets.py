"""Data assets and environments: read what is there, register what is declared. Compute and endpoints for setup."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.domain.supply_chain import EnvironmentDefinition, Package
from backend.errors import NotFound
from backend.gateways.azureml.client import Workspace, version_in
from backend.gateways.azureml.errors import azureml

DIGEST_TAG = "digest"


@dataclass(frozen=True, slots=True)
class Asset:
    """A version of a data asset or environment; `digest` is its tag, "" where it has none."""

    id: str
    name: str
    version: str
    digest: str
    tags: Mapping[str, str]


class Assets:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def data(self, name: str, version: str = "") -> Asset | None:
        """A data asset, its latest version where none is named; None if there is none."""
        return self._find("data", name, version, "read a data asset")

    def environment(self, name: str, version: str = "") -> Asset | None:
        return self._find("environments", name, version, "read an environment")

    def definition(self, environment: str) -> EnvironmentDefinition | None:
        """What an environment asset is made of, by its id; None where it does not exist.

        The digest is over what decides the result, and not over tags, which may be edited.
        """
        name, version = version_in(environment)
        try:
            with azureml("read an environment"):
                entity = self._workspace.ml().environments.get(name, version=version)
        except NotFound:
            return None
        return _definition(entity)

    def ensure_data(self, name: str, file: Path, description: str, tags: Mapping[str, str] | None = None) -> Asset:
        """Upload the file as the next version, or answer the latest if that holds the same bytes."""
        from azure.ai.ml.entities import Data

        digest = file_digest(file)
        present = self.data(name)
        if present is not None and present.digest == digest:
            return present
        entity = Data(
            name=name,
            path=str(file),
            type="uri_file",
            description=description,
            tags={**(tags or {}), DIGEST_TAG: digest},
        )
        with azureml("register a data asset"):
            return _asset(self._workspace.ml().data.create_or_update(entity))

    def ensure_environment(self, name: str, image: str, conda_file: Path, description: str) -> Asset:
        """Register the environment as the next version, or answer the latest if it is the same."""
        from azure.ai.ml.entities import Environment

        digest = environment_digest(image, conda_file)
        present = self.environment(name)
        if present is not None and present.digest == digest:
            return present
        version = str(int(present.version) + 1) if present is not None and present.version.isdigit() else "1"
        entity = Environment(
            name=name,
            version=version,
            image=image,
            conda_file=str(conda_file),
            description=description,
            tags={DIGEST_TAG: digest},
        )
        with azureml("register an environment"):
            return _asset(self._workspace.ml().environments.create_or_update(entity))

    def _find(self, kind: str, name: str, version: str, operation: str) -> Asset | None:
        collection = getattr(self._workspace.ml(), kind)
        try:
            with azureml(operation):
                entity = collection.get(name, version=version) if version else collection.get(name, label="latest")
        except NotFound:
            return None
        return _asset(entity)


def _asset(entity: Any) -> Asset:
    tags = {str(name): str(value) for name, value in (entity.tags or {}).items()}
    return Asset(
        id=str(entity.id).removeprefix("azureml:"),
        name=entity.name,
        version=str(entity.version),
        digest=tags.get(DIGEST_TAG, ""),
        tags=tags,
    )


def _definition(entity: Any) -> EnvironmentDefinition:
    conda = entity.conda_file if isinstance(entity.conda_file, dict) else {}
    build = entity.build
    decides = {
        "image": entity.image or "",
        "conda": conda,
        "build": [str(getattr(build, part, "") or "") for part in ("path", "dockerfile_path")] if build else [],
        "os": str(entity.os_type or ""),
    }
    canonical = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return EnvironmentDefinition(
        asset=str(entity.id).removeprefix("azureml:"),
        image=str(entity.image or ""),
        digest="sha256:" + hashlib.sha256(canonical.encode()).hexdigest(),
        packages=tuple(_packages(conda.get("dependencies") or ())),
    )


def _packages(dependencies: Iterable[Any]) -> Iterator[Package]:
    """Conda's own lines (`python=3.11`) and the pip lines below them (`numpy==2.4.6`)."""
    for line in dependencies:
        if isinstance(line, dict):
            for pinned in line.get("pip") or ():
                name, _, version = str(pinned).partition("==")
                yield Package(name=re.split(r"[\s\[<>~!;]", name.strip())[0], version=version.split(";")[0].strip())
        else:
            name, *rest = re.split(r"=+", str(line).strip(), maxsplit=1)
            version = rest[0].split("=")[0] if rest else ""
            yield Package(name=re.split(r"[\s<>~!]", name)[0], version=version, source="conda")


def file_digest(file: Path) -> str:
    """`sha256:` of the file's bytes."""
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def environment_digest(image: str, conda_file: Path) -> str:
    """`sha256:` of the base image's name and the conda file's bytes."""
    return "sha256:" + hashlib.sha256(image.encode() + b"\0" + conda_file.read_bytes()).hexdigest()
