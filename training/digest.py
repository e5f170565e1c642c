"""The digest of a model folder, and where the folder is.

The digest is `sha256:` over the sorted lines `path NUL sha256(file) LF`, paths relative with forward slashes. The run,
whoever downloads the model and the scoring script compute it alike, so that what was trained, approved and served can
be compared.
"""

from __future__ import annotations

import hashlib
from pathlib import Path


class ModelFolderError(Exception):
    """The folder holds no model, several, or one that cannot be used."""


def folder_digest(folder: Path) -> str:
    """Return the digest of all files below the folder. Raises ModelFolderError when there is none."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    if not files:
        raise ModelFolderError(f"the model folder {folder.name} is empty or missing")
    lines = sorted(f"{path.relative_to(folder).as_posix()}\0{_file_sha256(path)}\n".encode() for path in files)
    return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}"


def find_model_folder(root: Path) -> Path:
    """Return the one folder at or below `root` that holds an `MLmodel` file.

    Azure mounts a model at `AZUREML_MODEL_DIR/<name>/<version>/` or at the folder itself, with or without a level of
    the output's own name between.
    """
    found = sorted(path.parent for path in root.rglob("MLmodel"))
    if len(found) != 1:
        raise ModelFolderError(f"{len(found)} folders with an MLmodel file below {root}; expected one")
    return found[0]


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
