"""What the checkout says of itself: commits, authors, changed paths, the code of another commit."""

from __future__ import annotations

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from backend.errors import Invalid

TRAINING = ("training/", "tests/unit/training/", "requirements/runtime.txt", ".github/workflows/")
WORKFLOWS = (".github/",)
PROSE = (".md", ".png")


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise Invalid(f"git {arguments[0]}: {done.stderr.strip() or 'failed'}")
    return done.stdout.strip()


def head_commit(root: Path) -> str:
    return git(root, "rev-parse", "HEAD")


def author_of(root: Path, commit: str) -> str:
    """The author's account: the local part of the git e-mail, which is how the organisation's accounts are named."""
    return git(root, "log", "-1", "--format=%ae", commit).partition("@")[0]


def changed_paths(root: Path, base: str) -> list[str]:
    """Paths that differ between the merge base with `base` and HEAD."""
    return git(root, "diff", "--name-only", f"{base}...HEAD").splitlines()


def touches(paths: list[str], areas: tuple[str, ...]) -> bool:
    return any(path.startswith(areas) for path in paths)


def touches_product(paths: list[str]) -> bool:
    """Whether anything but the training code and prose is changed: all of it is covered by the product's own checks."""
    return any(not path.startswith("training/") and not path.endswith(PROSE) for path in paths)


def extract(root: Path, commit: str, target: Path) -> Path:
    """The `training/` folder of `commit` below `target`. Raises Invalid where the commit is not in this clone."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "archive", commit, "training"],
        cwd=root, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise Invalid(
            f"Commit {commit[:10]} is not in this clone ({done.stderr.decode(errors='replace').strip()}); "
            "check out with the whole history (fetch-depth: 0)."
        )
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    return target
