"""Files and folders at a commit."""

from __future__ import annotations

import base64
import binascii
import tempfile
from typing import Any

from sandbox.github import merging, push_policy, pushes, repositories
from sandbox.github.errors import GitHubError, invalid, not_found
from sandbox.github.git import Git
from sandbox.github.models import ZERO
from sandbox.github.payloads import commits as payloads
from sandbox.github.pushes import RefChange
from sandbox.github.wire import Call, Reply
from sandbox.state.documents import Document


def read(call: Call) -> Reply:
    """A file (base64, or its bytes with the raw media type) or a folder's list, at `ref`."""
    repository = call.repository("contents", "read")
    git = repositories.git_of(call.world, repository["full_name"])
    ref = call.query.get("ref") or repository["default_branch"]
    commit = git.resolve(ref)
    if commit is None:
        if not git.refs("refs/heads/"):
            raise not_found("This repository is empty.")
        raise not_found(f"No commit found for the ref {ref}")
    path = str(call.path.get("path", "")).strip("/")
    entry = git.entry(commit, path)
    if entry is None:
        raise not_found()
    if entry.kind == "tree":
        found = git.entries(commit, path)
        return Reply([payloads.content(call.world, repository, git, ref, item, inline=False) for item in found])
    if entry.kind == "blob" and ("raw" in call.accept):
        return Reply(content=git.blob(entry.sha), media_type="application/vnd.github.raw; charset=utf-8")
    return Reply(payloads.content(call.world, repository, git, ref, entry, inline=True))


def write(call: Call) -> Reply:
    """Create or change one file in a commit of its own; 409 when `sha` is not the file's, or a rule forbids it."""
    repository = call.repository("contents", "write")
    given = call.body()
    git = repositories.git_of(call.world, repository["full_name"])
    branch = str(given.get("branch") or repository["default_branch"])
    if not given.get("message"):
        raise GitHubError(422, 'Invalid request.\n\n"message" wasn\'t supplied.')
    try:
        content = base64.b64decode(str(given.get("content", "")))
    except binascii.Error as error:
        raise GitHubError(422, "content is not valid Base64") from error
    path = str(call.path["path"]).strip("/")
    with repositories.lock(call.world, repository["full_name"]):
        parent = git.ref(f"refs/heads/{branch}")
        if parent is None and git.refs("refs/heads/"):
            raise not_found(f"Branch {branch} not found")
        before = git.entry(parent, path) if parent else None
        if before is not None and given.get("sha") != before.sha:
            if not given.get("sha"):
                raise GitHubError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
            raise GitHubError(409, f"{path} does not match {given['sha']}")
        commit = _commit_file(call, git, parent, path, content)
        change = RefChange(f"refs/heads/{branch}", parent or ZERO, commit)
        push_policy.require_allowed(call.world, repository, change, call.caller.permission(repository), git)
        pushes.intend(call.world, repository["full_name"], [change], call.caller.login)
        git.move_ref(change.ref, commit, change.before)
        pushes.applied(call.world, repository, [change], call.caller.login)
    return Reply(_written(call, repository, git, branch, path, commit), 201 if before is None else 200)


def _commit_file(call: Call, git: Git, parent: str | None, path: str, content: bytes) -> str:
    """Write the blob and the trees above it through an index of its own."""
    with tempfile.TemporaryDirectory(dir=call.world.folder("spool")) as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        if parent:
            git.run("read-tree", parent, env=index)
        record = f"100644,{git.write_blob(content)},{path}"
        if git.attempt("update-index", "--add", "--cacheinfo", record, env=index).returncode != 0:
            raise invalid("Content", "path", "custom", f"path cannot be written: {path}")
        tree = git.run("write-tree", env=index).decode().strip()
    signature = merging.signature(call.caller.login, repositories.stamp(call.world))
    return git.make_commit(tree, [parent] if parent else [], str(call.body()["message"]), signature, signature)


def _written(call: Call, repository: Document, git: Git, branch: str, path: str, commit: str) -> dict[str, Any]:
    entry = git.entry(commit, path)
    if entry is None:
        raise not_found()
    made = git.commit(commit)
    return {
        "content": payloads.content(call.world, repository, git, branch, entry, inline=False),
        "commit": payloads.git_commit(call.world, repository, made)
        | {
            "sha": commit,
            "node_id": f"C_{commit}",
            "parents": payloads.commit(call.world, repository, made)["parents"],
        },
    }


ROUTES = (
    ("GET", "/repos/{owner}/{repo}/contents", read),
    ("GET", "/repos/{owner}/{repo}/contents/{path:path}", read),
    ("PUT", "/repos/{owner}/{repo}/contents/{path:path}", write),
)
