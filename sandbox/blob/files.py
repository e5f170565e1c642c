"""Blobs as plain files, so that jobs and scoring servers read and write them without a copy."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from sandbox.blob.errors import BlobError
from sandbox.world import World

KIND = "blob"
BLOBSTORE = "azureml-blobstore"
ARTEFACTS = "azureml"
CONTAINERS = (BLOBSTORE, ARTEFACTS)


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob as the protocol describes it; `md5` is base64 or "" when the writer gave none and we wrote the file."""

    name: str
    path: Path
    size: int
    modified: datetime
    metadata: Mapping[str, str]
    content_type: str
    md5: str

    @property
    def etag(self) -> str:
        stamp = f"{self.name}\0{self.size}\0{self.modified.timestamp():.6f}\0{sorted(self.metadata.items())}"
        return f'"0x{hashlib.sha256(stamp.encode()).hexdigest()[:15].upper()}"'


def account_name(workspace: str) -> str:
    """The storage account of a workspace: `diabetesdevstore` for `diabetes-dev`."""
    return f"{workspace.replace('-', '').replace('_', '').lower()}store"


def container_path(world: World, account: str, container: str) -> Path:
    return world.folder("blobs", account, container)


def blob_path(world: World, account: str, container: str, name: str) -> Path:
    """Where a blob's bytes are; BlobError 400 for a name that would leave the container."""
    parts = PurePosixPath(name).parts
    if not name or name.startswith("/") or ".." in parts or "\0" in name:
        raise BlobError(400, "InvalidResourceName", f"{name!r} is not the name of a blob.")
    return container_path(world, account, container).joinpath(*parts)


def find(world: World, account: str, container: str, name: str) -> Blob | None:
    path = blob_path(world, account, container, name)
    return _described(world, account, container, name, path) if path.is_file() else None


def write(
    world: World,
    account: str,
    container: str,
    name: str,
    content: bytes,
    *,
    metadata: Mapping[str, str],
    content_type: str,
) -> Blob:
    """Replace a blob in one step: a reader sees the old bytes or the new ones, also after kill -9."""
    path = blob_path(world, account, container, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged = path.with_name(f".{uuid.uuid4().hex}.part")
        staged.write_bytes(content)
        staged.replace(path)
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise BlobError(409, "BlobNameConflict", f"A folder and a blob cannot share the name {name!r}.") from error
    md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    document = {"metadata": dict(metadata), "content_type": content_type, "md5": md5}
    world.documents.put(KIND, _key(account, container, name), document)
    return _described(world, account, container, name, path)


def append(world: World, account: str, container: str, name: str, content: bytes) -> None:
    """Add to the end of a blob, made where it is missing, as an append blob grows; its bytes have no MD5."""
    path = blob_path(world, account, container, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(content)


def set_metadata(world: World, account: str, container: str, name: str, metadata: Mapping[str, str]) -> Blob | None:
    blob = find(world, account, container, name)
    if blob is None:
        return None
    document = world.documents.get(KIND, _key(account, container, name)) or {}
    world.documents.put(KIND, _key(account, container, name), {**document, "metadata": dict(metadata)})
    return _described(world, account, container, name, blob.path)


def delete(world: World, account: str, container: str, name: str) -> bool:
    path = blob_path(world, account, container, name)
    if not path.is_file():
        return False
    path.unlink()
    world.documents.delete(KIND, _key(account, container, name))
    return True


def names(world: World, account: str, container: str, prefix: str) -> Iterator[str]:
    """The names that start with `prefix`, sorted; files being written are not listed."""
    root = container_path(world, account, container)
    start = root / prefix.rpartition("/")[0]
    if ".." in PurePosixPath(prefix).parts or not start.is_dir():
        return
    found = []
    for folder, _, files in os.walk(start):
        for file in files:
            name = (Path(folder) / file).relative_to(root).as_posix()
            if name.startswith(prefix) and not file.endswith(".part"):
                found.append(name)
    yield from sorted(found)


def copy_folder(source: Path, target: Path) -> None:
    """Copy bytes within the store, completely or not at all."""
    staged = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    staged.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, staged)
    else:
        staged.mkdir()
        shutil.copy2(source, staged / source.name)
    staged.replace(target)


def _described(world: World, account: str, container: str, name: str, path: Path) -> Blob:
    status = path.stat()
    document = world.documents.get(KIND, _key(account, container, name)) or {}
    return Blob(
        name=name,
        path=path,
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        metadata=document.get("metadata", {}),
        content_type=document.get("content_type", "application/octet-stream"),
        md5=document.get("md5", ""),
    )


def _key(account: str, container: str, name: str) -> str:
    return f"{account}/{container}/{name}"
