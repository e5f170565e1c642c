"""What an environment does not need on disk, and the files that several environments may share."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

SITE = "lib/python*/site-packages"
UNUSED = (
    *(f"{SITE}/{package}/**/tests" for package in
      ("joblib", "matplotlib", "networkx", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy")),
    f"{SITE}/pyarrow/include",  # headers for compiling against Arrow
    f"{SITE}/pyarrow/src",
    f"{SITE}/sqlalchemy/testing",
    f"{SITE}/*.dist-info/sboms",
    f"{SITE}/plotly/package_data/datasets",
    f"{SITE}/sklearn/datasets/data",
    f"{SITE}/sklearn/datasets/images",
    f"{SITE}/pydeck/nbextension",  # notebook extensions, twice: here and under share/
    f"{SITE}/plotly/labextension",
    "share/jupyter",
)  # fmt: skip
"""Folders of packages that no process of ours reads: a sixth of what pip lays down."""

COMPILED_FROM = ("c", "cpp", "h", "hpp", "pxd", "pxi", "pyi", "pyx", "tp")
"""Endings of sources and type stubs: nothing is compiled here, and types are checked in the developers' environment."""

UNUSED_FILES = (
    *(f"{SITE}/pyarrow/{name}*" for name in
      ("libarrow_flight", "libarrow_python_flight", "_flight", "libarrow_s3", "_s3fs",
       "_azurefs", "_gcsfs", "_hdfs", "_orc", "_dataset_orc", "_pyarrow_cpp_tests")),
    *(f"{SITE}/streamlit/static/static/js/{drawing}*.js" for drawing in
      ("DeckGlJsonChart", "EChartsChart", "GraphVizChart", "embed", "mermaid", "elk-", "cytoscape", "*iagram-")),
    f"{SITE}/plotly/package_data/widgetbundle.js",
    f"{SITE}/plotly/package_data/plotly.min.js",
    f"{SITE}/check_jsonschema/builtin_schemas/vendor/[!g]*.json",
    f"{SITE}/**/*.exe",
    *(f"{SITE}/**/*.{ending}" for ending in COMPILED_FROM),
)  # fmt: skip
"""Arrow's clients of servers and clouds, which nothing else of Arrow is linked to; charts that no page draws; Plotly
for notebooks and for files of HTML; schemas of other services than GitHub; launchers of another system."""

IMPORTED = (
    *("streamlit.web.server", "streamlit.web.bootstrap", "plotly.graph_objects", "pandas", "pyarrow.parquet"),
    *("azure.ai.ml", "azure.ai.ml.entities", "azure.identity", "azure.monitor.query", "azure.monitor.querymetrics"),
    *("azureml.mlflow", "mlflow.tracking", "mlflow.artifacts", "github", "httpx", "jwt", "cryptography.fernet"),
    *("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "alembic.command", "psycopg"),
    *("scipy.stats", "authlib.integrations.starlette_client", "rich.table", "rich.progress", "click", "uvicorn"),
)
"""What console, worker and command line import. Only its bytecode is made in advance: half of all that could be."""

SELDOM_IMPORTED = (
    r"/(azure/ai/ml/_restclient|databricks|plotly/(graph_objs|validators)|pygments/lexers|pip|setuptools)/"
)
"""Packages of which we import a few modules of hundreds: Python compiles those when they are first imported."""

SMALLEST_SHARED = 16 * 1024


def prune(environment: Path) -> None:
    """Remove what UNUSED and UNUSED_FILES name. A later pip puts it back only with a new version of the package."""
    for pattern in UNUSED:
        for folder in list(environment.glob(pattern)):
            shutil.rmtree(folder, ignore_errors=True)
    for pattern in UNUSED_FILES:
        for file in list(environment.glob(pattern)):
            file.unlink(missing_ok=True)


def share(environments: Iterable[Path]) -> int:
    """Make equal files of these environments hard links to one; the bytes saved.

    Safe, because pip and Python replace files and never write into them. A file system without hard links saves 0.
    """
    by_size: dict[int, list[Path]] = {}
    for path in (path for environment in environments for path in _large_files(environment)):
        by_size.setdefault(path.stat().st_size, []).append(path)
    saved = 0
    for size, paths in by_size.items():
        first: dict[tuple[int, str], Path] = {}
        for path in paths if len(paths) > 1 else ():
            twin = first.setdefault(_identity(path), path)
            if not twin.samefile(path):
                try:
                    _link(path, twin)
                except OSError:
                    return saved
                saved += size
    return saved


def _link(path: Path, twin: Path) -> None:
    partial = path.with_name(f"{path.name}.shared")
    partial.unlink(missing_ok=True)  # an earlier start was ended here
    os.link(twin, partial)
    partial.replace(path)


def _large_files(environment: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(environment / "lib"):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and path.stat().st_size >= SMALLEST_SHARED:
                yield path


def _identity(path: Path) -> tuple[int, str]:
    """Mode and content: linked files have one mode."""
    with path.open("rb") as content:
        return path.stat().st_mode, hashlib.file_digest(content, "sha256").hexdigest()
