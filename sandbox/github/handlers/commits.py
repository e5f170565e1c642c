"""Commits: one, a list, a comparison, and the pull requests that brought one."""

from __future__ import annotations

from typing import Any

from sandbox.github import diffs, pulls, repositories
from sandbox.github.errors import GitHubError, not_found
from sandbox.github.git import Git
from sandbox.github.paging import page_of
from sandbox.github.payloads import commits as payloads
from sandbox.github.payloads.pulls import pull_row
from sandbox.github.payloads.repositories import api_url, html_url
from sandbox.github.wire import Call, Reply
from sandbox.state.documents import Document

MAX_COMMITS = 10_000
MAX_COMPARED_FILES = 300


def resolved(call: Call, repository: Document, ref: str) -> str:
    """The commit a ref names; 422 in GitHub's words when there is none."""
    sha = repositories.git_of(call.world, repository["full_name"]).resolve(ref)
    if sha is None:
        raise GitHubError(422, f"No commit found for SHA: {ref}")
    return sha


def commits(call: Call) -> Reply:
    """Commits reachable from `sha` (the default branch without one), newest first; `path` narrows them."""
    repository = call.repository("contents", "read")
    git = repositories.git_of(call.world, repository["full_name"])
    start = git.resolve(call.query.get("sha") or repository["default_branch"])
    if start is None:
        if not git.refs("refs/heads/"):
            raise GitHubError(409, "Git Repository is empty.")
        raise not_found()
    found = git.commits(start, path=call.query.get("path", ""), limit=MAX_COMMITS)
    return call.paged(found, lambda sha: payloads.commit(call.world, repository, git.commit(sha)))


def commit(call: Call) -> Reply:
    """One commit with its files and patches; the diff media type answers the plain diff, sha the name alone."""
    repository = call.repository("contents", "read")
    git = repositories.git_of(call.world, repository["full_name"])
    sha = resolved(call, repository, str(call.path["ref"]))
    made = git.commit(sha)
    parent = made.parents[0] if made.parents else diffs.EMPTY_TREE
    if ".diff" in call.accept:
        return Reply(content=diffs.unified(git, parent, sha).encode(), media_type="text/plain; charset=utf-8")
    if ".sha" in call.accept:
        return Reply(content=sha.encode(), media_type="text/plain; charset=utf-8")
    files = diffs.changed_files(git, parent, sha, patches=True)
    return Reply(payloads.commit_with_files(call.world, repository, made, files))


def compare(call: Call) -> Reply:
    """What `head` has that `base` has not, in `base...head`."""
    repository = call.repository("contents", "read")
    git = repositories.git_of(call.world, repository["full_name"])
    names = str(call.path["basehead"]).split("...")
    if len(names) != 2:
        raise not_found()
    base, head = (git.resolve(name.rpartition(":")[2]) for name in names)
    if base is None or head is None:
        raise not_found()
    fork = git.merge_base(base, head)
    if fork is None:
        raise GitHubError(404, f"No common ancestor between {names[0]} and {names[1]}.")
    if ".diff" in call.accept:
        return Reply(content=diffs.unified(git, fork, head).encode(), media_type="text/plain; charset=utf-8")
    return _comparison(call, repository, git, (base, head, fork))


def _comparison(call: Call, repository: Document, git: Git, ends: tuple[str, str, str]) -> Reply:
    base, head, fork = ends
    ahead, behind = git.count(head, f"^{base}"), git.count(base, f"^{head}")
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    query = {"per_page": "250", **call.query}
    page = page_of(git.commits(head, f"^{base}", limit=MAX_COMMITS)[::-1], call.url, query)
    first = query.get("page", "1") == "1"
    files = diffs.changed_files(git, fork, head, patches=True)[:MAX_COMPARED_FILES] if first else ()
    url = f"{api_url(call.world, repository)}/compare/{call.path['basehead']}"
    shown = f"{html_url(call.world, repository)}/compare/{call.path['basehead']}"

    def made(sha: str) -> dict[str, Any]:
        return payloads.commit(call.world, repository, git.commit(sha))

    body = {
        "url": url,
        "html_url": shown,
        "permalink_url": f"{html_url(call.world, repository)}/compare/{base}...{head}",
        "diff_url": f"{shown}.diff",
        "patch_url": f"{shown}.patch",
        "base_commit": made(base),
        "merge_base_commit": made(fork),
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [made(sha) for sha in page.items],
        "files": [payloads.changed_file(call.world, repository, head, file) for file in files],
    }
    return Reply(body, headers={"Link": page.link} if page.link else {})


def pulls_of_commit(call: Call) -> Reply:
    """Pull requests that contain the commit, or were merged as it."""
    repository = call.repository("pull_requests", "read")
    git = repositories.git_of(call.world, repository["full_name"])
    sha = resolved(call, repository, str(call.path["ref"]))
    found = [
        pull
        for pull in pulls.every(call.world, repository["full_name"])
        if pull["merge_commit_sha"] == sha or sha in pulls.commits(git, pull)
    ]
    return call.paged(found[::-1], lambda pull: pull_row(call.world, repository, pull))


ROUTES = (
    ("GET", "/repos/{owner}/{repo}/commits", commits),
    ("GET", "/repos/{owner}/{repo}/commits/{ref:path}/pulls", pulls_of_commit),
    ("GET", "/repos/{owner}/{repo}/compare/{basehead:path}", compare),
)
LAST_ROUTES = (("GET", "/repos/{owner}/{repo}/commits/{ref:path}", commit),)
"""To be tried after every other route below a commit."""
