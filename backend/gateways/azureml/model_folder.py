"""A model folder on this machine, read without loading it: hashes, MLmodel, and the types a skops file asks for.

The formats: MLmodel is MLflow's (mlflow.org, "MLflow Model Format"); a skops file is a zip with `schema.json`, a tree
whose nodes name a class, its module and the loader (skops.readthedocs.io, "Secure persistence").
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from backend.domain.supply_chain import Field, Flavour, ModelFile, ModelFolder, ModelType, Signature

LARGEST_TEXT = 64_000_000
"""Bytes of MLmodel or of a schema, unpacked: a reference model's schema has 0.3 MB, and a zip can promise terabytes."""
PICKLE_PROTOCOLS = range(2, 6)
UNREADABLE = (ValueError, KeyError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What a file that only looks like an archive makes zipfile and json raise; too deep a nesting is a RuntimeError."""


def read_folder(folder: Path) -> ModelFolder:
    """What is in the folder. The digest is `sha256:` over the sorted lines `path NUL sha256(file) LF`.

    That is the digest which the training run and the scoring script compute, each by its own code.
    """
    files, pickles, types, unreadable = [], [], set[ModelType](), []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as stream:
            head = stream.read(2)
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        files.append(ModelFile(path=name, size=path.stat().st_size, sha256=f"sha256:{digest}"))
        if len(head) == 2 and head[0] == 0x80 and head[1] in PICKLE_PROTOCOLS:
            pickles.append(name)
        elif name.endswith(".skops"):
            try:
                types |= set(_types(path))
            except UNREADABLE as error:
                unreadable.append(f"{name} is no skops file: {error}")
    declared, problem = _declared(folder / "MLmodel")
    return ModelFolder(
        files=tuple(files),
        digest=folder_digest(files),
        flavours=_flavours(declared),
        types=tuple(sorted(types, key=lambda kind: (kind.full, kind.node))),
        pickles=tuple(pickles),
        unreadable=(*unreadable, *((problem,) if problem else ())),
        signature=_signature(declared.get("signature")),
    )


def folder_digest(files: list[ModelFile]) -> str:
    lines = sorted(f"{file.path}\0{file.sha256.removeprefix('sha256:')}\n".encode() for file in files)
    return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}"


def _types(path: Path) -> Iterator[ModelType]:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("schema.json").file_size > LARGEST_TEXT:
            raise ValueError(f"its schema has more than {LARGEST_TEXT:,} bytes")
        yield from _nodes(json.loads(archive.read("schema.json")))


def _nodes(schema: Any) -> Iterator[ModelType]:
    """Every node of the tree, without recursion: its depth is the file's choice."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__class__" in node:
                module, name = str(node.get("__module__", "")), str(node["__class__"])
                yield ModelType(module=module, name=name, node=str(node.get("__loader__", "")))
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _declared(path: Path) -> tuple[Mapping[str, Any], str]:
    """What MLmodel says, and what is wrong with it."""
    import yaml

    try:
        if path.stat().st_size > LARGEST_TEXT:
            return {}, f"MLmodel has more than {LARGEST_TEXT:,} bytes"
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        return {}, f"MLmodel cannot be read: {error}"
    if not isinstance(read, dict) or not isinstance(read.get("flavors"), dict):
        return {}, "MLmodel names no flavours"
    return read, ""


def _flavours(declared: Mapping[str, Any]) -> tuple[Flavour, ...]:
    """How the folder is to be loaded."""
    return tuple(_flavour(str(name), said) for name, said in sorted(declared.get("flavors", {}).items()))


def _signature(declared: object) -> Signature | None:
    """MLflow keeps each side as a text of JSON; one that is no list of named columns is as good as none."""
    if not isinstance(declared, dict):
        return None
    try:
        inputs, outputs = (tuple(map(_field, json.loads(declared[side]))) for side in ("inputs", "outputs"))
    except (KeyError, TypeError, ValueError):
        return None
    return Signature(inputs=inputs, outputs=outputs)


def _field(column: Mapping[str, Any]) -> Field:
    return Field(name=str(column["name"]), type=str(column["type"]), required=bool(column.get("required", True)))


def _flavour(name: str, said: object) -> Flavour:
    words = said if isinstance(said, dict) else {}
    return Flavour(
        name=name,
        loader=str(words.get("loader_module") or ""),
        serialization=str(words.get("serialization_format") or ""),
        code=str(words.get("code") or words.get("python_model") or ""),
    )
