"""Commits, changed files, comparisons, contents, branches and refs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from sandbox.accounts import PEOPLE
from sandbox.github.git import Git
from sandbox.github.models import ChangedFile, Commit, Signature, Tag, TreeEntry
from sandbox.github.payloads.accounts import user
from sandbox.github.payloads.repositories import api_url, html_url
from sandbox.state.documents import Document
from sandbox.world import World

MAX_INLINE_BYTES = 1_048_576  # GitHub answers larger files with the raw media type only


def _signature(signature: Signature) -> dict[str, str]:
    return {"name": signature.name, "email": signature.email, "date": signature.date}


def _account(world: World, signature: Signature) -> dict[str, Any] | None:
    """The account with the signature's e-mail address."""
    login = next((person.login for person in PEOPLE if person.email == signature.email.lower()), None)
    return user(world, login) if login else None


def git_commit(world: World, repository: Document, made: Commit) -> dict[str, Any]:
    """The `commit` object inside a commit."""
    url = api_url(world, repository)
    return {
        "url": f"{url}/git/commits/{made.sha}",
        "author": _signature(made.author),
        "committer": _signature(made.committer),
        "message": made.message,
        "comment_count": 0,
        "tree": {"sha": made.tree, "url": f"{url}/git/trees/{made.tree}"},
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def commit(world: World, repository: Document, made: Commit) -> dict[str, Any]:
    url, page = api_url(world, repository), html_url(world, repository)
    return {
        "url": f"{url}/commits/{made.sha}",
        "sha": made.sha,
        "node_id": f"C_{made.sha}",
        "html_url": f"{page}/commit/{made.sha}",
        "comments_url": f"{url}/commits/{made.sha}/comments",
        "commit": git_commit(world, repository, made),
        "author": _account(world, made.author),
        "committer": _account(world, made.committer),
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/commit/{sha}"} for sha in made.parents
        ],
    }


def changed_file(world: World, repository: Document, sha: str, file: ChangedFile) -> dict[str, Any]:
    """One file of a diff; `patch` is left out where GitHub gives none."""
    name = quote(file.path)
    page, url = html_url(world, repository), api_url(world, repository)
    body: dict[str, Any] = {
        "sha": file.blob,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{page}/blob/{sha}/{name}",
        "raw_url": f"{page}/raw/{sha}/{name}",
        "contents_url": f"{url}/contents/{name}?ref={sha}",
    }
    if file.patch:
        body["patch"] = file.patch
    if file.previous_path:
        body["previous_filename"] = file.previous_path
    return body


def commit_with_files(world: World, repository: Document, made: Commit, files: Sequence[ChangedFile]) -> dict[str, Any]:
    added, deleted = sum(file.additions for file in files), sum(file.deletions for file in files)
    return commit(world, repository, made) | {
        "stats": {"additions": added, "deletions": deleted, "total": added + deleted},
        "files": [changed_file(world, repository, made.sha, file) for file in files],
    }


def content(
    world: World, repository: Document, git: Git, ref: str, entry: TreeEntry, *, inline: bool
) -> dict[str, Any]:
    """A file or folder; `inline` puts a file's bytes into it."""
    url, page = api_url(world, repository), html_url(world, repository)
    kind = {"tree": "dir", "commit": "submodule"}.get(entry.kind, "symlink" if entry.mode == "120000" else "file")
    name = quote(entry.path)
    own = f"{url}/contents/{name}?ref={quote(ref, safe='')}"
    place = "tree" if kind == "dir" else "blob"
    git_url = f"{url}/git/{place}s/{entry.sha}"
    shown = f"{page}/{place}/{ref}/{name}"
    body: dict[str, Any] = {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size,
        "url": own,
        "html_url": shown,
        "git_url": git_url,
        "download_url": None if kind == "dir" else f"{page}/raw/{ref}/{name}",
        "type": kind,
        "_links": {"self": own, "git": git_url, "html": shown},
    }
    if inline and kind == "file":
        large = entry.size > MAX_INLINE_BYTES
        body["content"] = "" if large else base64.encodebytes(git.blob(entry.sha)).decode()
        body["encoding"] = "none" if large else "base64"
    return body


def branch(world: World, repository: Document, name: str, sha: str, *, protected: bool) -> dict[str, Any]:
    """A branch in a list."""
    url = api_url(world, repository)
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
        "protected": protected,
        "protection": {
            "enabled": False,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
        "protection_url": f"{url}/branches/{quote(name)}/protection",
    }


def git_ref(world: World, repository: Document, ref: str, sha: str, kind: str = "commit") -> dict[str, Any]:
    """`kind` is that of the object the ref points at: `tag` for an annotated one."""
    url = api_url(world, repository)
    return {
        "ref": ref,
        "node_id": f"REF_{repository['id']}:{ref}",
        "url": f"{url}/git/{quote(ref)}",
        "object": {"type": kind, "sha": sha, "url": f"{url}/git/{kind}s/{sha}"},
    }


def git_tag(world: World, repository: Document, tag: Tag) -> dict[str, Any]:
    """An annotated tag; nobody signs one here."""
    url = api_url(world, repository)
    return {
        "node_id": f"TA_{repository['id']}:{tag.sha}",
        "tag": tag.name,
        "sha": tag.sha,
        "url": f"{url}/git/tags/{tag.sha}",
        "message": tag.message,
        "tagger": {"name": tag.tagger.name, "email": tag.tagger.email, "date": tag.tagger.date},
        "object": {"type": tag.kind, "sha": tag.target, "url": f"{url}/git/{tag.kind}s/{tag.target}"},
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }
