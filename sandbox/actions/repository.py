"""What Actions asks of the bare repository: workflow files, changed paths, the test merge of a pull request."""

from __future__ import annotations

import subprocess
from pathlib import Path

from sandbox.github.repositories import bare_path
from sandbox.world import World

ZERO = "0" * 40
IDENTITY = {
    "GIT_AUTHOR_NAME": "GitHub", "GIT_AUTHOR_EMAIL": "noreply@github.example",
    "GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.example",
}  # fmt: skip


def git(bare: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", "-C", str(bare), *arguments],
        capture_output=True, text=True, timeout=60, check=check,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **IDENTITY},
    )  # fmt: skip
    return done.stdout.strip() if done.returncode == 0 else ""


def workflow_files(world: World, repository: str, sha: str) -> dict[str, str]:
    """Path -> text of every workflow file in the tree of `sha`."""
    bare = bare_path(world, repository)
    names = git(bare, "ls-tree", "--name-only", f"{sha}:.github/workflows", check=False).splitlines()
    paths = [f".github/workflows/{name}" for name in names if name.endswith((".yml", ".yaml"))]
    return {path: git(bare, "show", f"{sha}:{path}") for path in paths}


def changed_paths(world: World, repository: str, before: str, after: str, *, three_dots: bool) -> list[str]:
    bare = bare_path(world, repository)
    if before in ("", ZERO):
        return git(bare, "ls-tree", "-r", "--name-only", after).splitlines()
    span = f"{before}...{after}" if three_dots else f"{before}..{after}"
    return git(bare, "diff", "--name-only", span).splitlines()


def test_merge(world: World, repository: str, number: int, base: str, head: str) -> str:
    """The merge commit that pull request workflows check out, as refs/pull/N/merge; "" on a conflict."""
    bare = bare_path(world, repository)
    tree = git(bare, "merge-tree", "--write-tree", base, head, check=False).splitlines()
    if not tree:
        return ""
    commit = git(bare, "commit-tree", tree[0], "-p", base, "-p", head, "-m", f"Merge {head} into {base}")
    git(bare, "update-ref", f"refs/pull/{number}/merge", commit)
    return commit


def head_of(world: World, repository: str, branch: str) -> str:
    return git(bare_path(world, repository), "rev-parse", "--verify", "-q", f"refs/heads/{branch}", check=False)
