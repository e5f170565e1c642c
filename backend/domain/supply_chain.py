"""What a registered model is made of: its files, what loading it would do, and the environment it runs in."""

from __future__ import annotations

import hashlib
import json

from backend.domain.value import Value


class ModelFile(Value):
    """A file of the model folder: path relative to it, bytes, and `sha256:...`."""

    path: str
    size: int
    sha256: str


class Flavour(Value):
    """One way in which MLmodel says the folder is to be loaded; "" where it does not say."""

    name: str
    loader: str = ""
    serialization: str = ""
    code: str = ""


class ModelType(Value):
    """A type or function that a skops archive asks its loader for; `node` is what skops does with it."""

    module: str
    name: str
    node: str = ""

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}"


class Field(Value):
    """A column that a model takes or answers, as MLmodel declares it; a `type` is MLflow's word for it."""

    name: str
    type: str
    required: bool = True


class Signature(Value):
    """The schema of a model's calls, in its order."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    @property
    def name(self) -> str:
        """Its version: the same schema has the same name, whoever declares it. `8 in, 2 out, 3f2a91`."""
        declared = json.dumps([[list(f) for f in side] for side in self._sides], separators=(",", ":"))
        known = hashlib.sha256(declared.encode()).hexdigest()[:6]
        return f"{len(self.inputs)} in, {len(self.outputs)} out, {known}"

    @property
    def _sides(self) -> tuple[list[tuple[str, str, bool]], ...]:
        return tuple([(f.name, f.type, f.required) for f in side] for side in (self.inputs, self.outputs))


class ModelFolder(Value):
    """A model folder as registered. `pickles` are files whose first bytes are a pickle's, whatever their name.

    `unreadable` are archives and an MLmodel that could not be read, with the reason. `signature` is None where MLmodel
    declares none.
    """

    files: tuple[ModelFile, ...]
    digest: str
    flavours: tuple[Flavour, ...]
    types: tuple[ModelType, ...]
    pickles: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    signature: Signature | None = None


class Package(Value):
    """A package that an environment asks for; `version` is "" where it does not pin one."""

    name: str
    version: str
    source: str = "pypi"


class EnvironmentDefinition(Value):
    """What an environment asset version is defined as; `digest` is sha256 over all of it in canonical form."""

    asset: str
    image: str
    digest: str
    packages: tuple[Package, ...]

    @property
    def image_pinned(self) -> bool:
        """Whether the image is named by its content and not by a name that its registry may move."""
        return "@sha256:" in self.image


class SupplyChain(Value):
    """What was found about a registered version before it ran anywhere.

    `run_digest` is what the training run said it left, "" where it said nothing. `runs_code` is all that could run
    code of its own choosing when the model is loaded: refused unless our own run made exactly these bytes. Nothing in
    `refusals` means that it may be deployed. `signature` is None where none is declared, or was not looked at yet.
    """

    files: tuple[ModelFile, ...]
    digest: str
    run: str
    run_digest: str
    types: tuple[str, ...]
    runs_code: tuple[str, ...]
    environment: EnvironmentDefinition | None
    run_packages: dict[str, str]
    refusals: tuple[str, ...]
    signature: Signature | None = None

    @property
    def ours(self) -> bool:
        """Whether a run of ours left exactly these bytes."""
        return bool(self.run_digest) and self.run_digest == self.digest


def watched_environment(asset: str) -> str:
    """The name under which a worker remembers the definition of an environment asset as it last saw it."""
    parts = asset.rstrip("/").split("/")
    return f"environment/{parts[-3]}:{parts[-1]}" if len(parts) > 2 else f"environment/{asset}"
