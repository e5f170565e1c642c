"""What is uploaded with a job: the `training/` package alone, without caches."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import Invalid

PACKAGE = "training"
EXCLUDED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.egg-info", "outputs", "mlruns")


@contextmanager
def staged(source: Path) -> Iterator[Path]:
    """A temporary folder that holds a clean copy of `source/training`, removed afterwards.

    Equal sources give equal folders, so that the SDK's content hash finds code uploaded before.
    Raises Invalid if `source` has no training package.
    """
    package = source / PACKAGE
    if not (package / "__init__.py").is_file():
        raise Invalid(f"{source} holds no {PACKAGE}/ package to upload; name the folder that contains {PACKAGE}/")
    with tempfile.TemporaryDirectory(prefix="mlops-code-") as folder:
        shutil.copytree(package, Path(folder) / PACKAGE, ignore=EXCLUDED)
        yield Path(folder)
