"""The four actions this runner has: checkout, setup-python, upload-artifact, download-artifact."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.runtime.workflow_job import JobRun


def checkout(job: JobRun, inputs: Mapping[str, str]) -> int:
    if inputs.get("path") or inputs.get("repository"):
        raise KeyError("actions/checkout with path or repository is not available on this runner")
    ref = inputs.get("ref") or job.env["GITHUB_SHA"]
    depth = inputs.get("fetch-depth", "1")
    job.log(f"Fetching {ref} (depth {depth})")
    git = ["git", "-c", "safe.directory=*", "-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false"]
    address = f"file://{job.bare_repository}"
    fetch = ["fetch", "-q", "--no-tags", *([] if depth == "0" else [f"--depth={depth}"]), "origin"]
    refs = [ref] if depth != "0" else [ref, "+refs/heads/*:refs/remotes/origin/*"]
    env = {"PATH": job.env["PATH"], "HOME": str(job.temporary)}
    commands = [
        ["init", "-q"],
        ["remote", "add", "origin", address],
        [*fetch, *refs],
        ["checkout", "-q", "--force", ref if len(ref) == 40 else "FETCH_HEAD"],
    ]
    for command in commands:
        done = subprocess.run(
            [*git, *command], cwd=job.workspace, env=env, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            job.log(f"##[error]{done.stderr.strip()}")
            job.remember(done.stderr)
            return done.returncode
    return 0


def setup_python(job: JobRun, inputs: Mapping[str, str]) -> int:
    found = subprocess.run(["python", "--version"], env=job.env, capture_output=True, text=True, timeout=30, check=True)
    asked = inputs.get("python-version", "any")
    job.log(f"Using the runner's ready-made environment: {found.stdout.strip()} (asked for {asked})")
    return 0


def upload(job: JobRun, inputs: Mapping[str, str]) -> int:
    name = inputs["name"]
    if not name or set(name) & set('":<>|*?\r\n\\/'):
        raise KeyError(f"The artifact name is not valid: {name}")
    target = job.artifacts / name
    if target.exists() and inputs.get("overwrite") != "true":
        raise KeyError(f"an artifact named {name} already exists on this run")
    shutil.rmtree(target, ignore_errors=True)
    searched = [_search(job, line.strip()) for line in inputs["path"].splitlines() if line.strip()]
    files = sorted({file for _, found in searched for file in found})
    # As upload-artifact does: the artifact keeps the paths below the deepest folder that all searches share.
    root = Path(os.path.commonpath([folder for folder, found in searched if found])) if files else job.workspace
    for file in files:
        (target / file.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target / file.relative_to(root))
    job.log(f"Artifact {name}: {len(files)} files")
    if files:
        job.uploaded(name)
    elif inputs.get("if-no-files-found") == "error":
        job.remember(f"No files were found with the provided path: {inputs['path']}")
        return 1
    return 0


def _search(job: JobRun, pattern: str) -> tuple[Path, set[Path]]:
    """One line of `path`: the folder searched, and its files; a file, a folder or a glob pattern."""
    if pattern.startswith("!"):
        raise KeyError("exclusions in path are not available on this runner")
    parts = Path(pattern).parts
    fixed = next((index for index, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    folder = job.workspace.joinpath(*parts[:fixed])
    if fixed == len(parts):
        found = [folder]
        folder = folder.parent if folder.is_file() else folder
    else:
        found = list(folder.glob(str(Path(*parts[fixed:]))))
    return folder, {
        file for path in found for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()
    }


def download(job: JobRun, inputs: Mapping[str, str]) -> int:
    target = job.workspace / inputs.get("path", ".")
    names = [inputs["name"]] if "name" in inputs else sorted(p.name for p in job.artifacts.glob("*"))
    for name in names:
        source = job.artifacts / name
        if not source.is_dir():
            job.remember(f"Unable to download artifact(s): Artifact not found for name: {name}")
            job.log(f"##[error]{job.last_lines[-1]}")
            return 1
        shutil.copytree(source, target if "name" in inputs else target / name, dirs_exist_ok=True)
        job.log(f"Artifact {name} downloaded")
    return 0


USES: dict[str, Callable[[JobRun, Mapping[str, str]], int]] = {
    "actions/checkout": checkout,
    "actions/setup-python": setup_python,
    "actions/upload-artifact": upload,
    "actions/download-artifact": download,
}
