"""Pull requests, reviews, comments and labels."""

from __future__ import annotations

from typing import Any

from sandbox.github import gate, pulls, reviews
from sandbox.github.access import can_push
from sandbox.github.payloads.accounts import user
from sandbox.github.payloads.repositories import api_url, full_repository, html_url
from sandbox.github.repositories import git_of
from sandbox.state.documents import Document
from sandbox.world import World

LABEL_COLOUR = "ededed"


def association(repository: Document, login: str) -> str:
    return "MEMBER" if can_push(login, repository) else "COLLABORATOR"


def label(world: World, repository: Document, name: str) -> dict[str, Any]:
    return {
        "id": sum(name.encode()) + 3_000_000,
        "node_id": f"LA_{name}",
        "url": f"{api_url(world, repository)}/labels/{name}",
        "name": name,
        "color": LABEL_COLOUR,
        "default": False,
        "description": None,
    }


def _end(world: World, repository: Document, ref: str, sha: str) -> dict[str, Any]:
    return {
        "label": f"{repository['owner']}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(world, repository["owner"]),
        "repo": full_repository(world, repository),
    }


def pull_row(world: World, repository: Document, pull: Document) -> dict[str, Any]:
    """A pull request in a list."""
    url = f"{api_url(world, repository)}/pulls/{pull['number']}"
    issue = f"{api_url(world, repository)}/issues/{pull['number']}"
    page = f"{html_url(world, repository)}/pull/{pull['number']}"
    merge_sha = pull["merge_commit_sha"] or (pulls.merge_ref(world, pull) if pull["state"] == "open" else None)
    return {
        "url": url,
        "id": pull["id"],
        "node_id": f"PR_{pull['id']}_{pull['number']}_{repository['id']}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "number": pull["number"],
        "state": pull["state"],
        "locked": False,
        "active_lock_reason": None,
        "title": pull["title"],
        "user": user(world, pull["author"]),
        "body": pull["body"],
        "created_at": pull["created_at"],
        "updated_at": pull["updated_at"],
        "closed_at": pull["closed_at"],
        "merged_at": pull["merged_at"],
        "merge_commit_sha": merge_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [user(world, login) for login in pull["requested_reviewers"]],
        "requested_teams": [],
        "labels": [label(world, repository, name) for name in pull["labels"]],
        "milestone": None,
        "draft": pull["draft"],
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api_url(world, repository)}/pulls/comments{{/number}}",
        "comments_url": f"{issue}/comments",
        "statuses_url": f"{api_url(world, repository)}/statuses/{pull['head_sha']}",
        "head": _end(world, repository, pull["head_ref"], pull["head_sha"]),
        "base": _end(world, repository, pull["base_ref"], pull["base_sha"]),
        "_links": {
            "self": {"href": url},
            "html": {"href": page},
            "issue": {"href": issue},
            "comments": {"href": f"{issue}/comments"},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{api_url(world, repository)}/pulls/comments{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": f"{api_url(world, repository)}/statuses/{pull['head_sha']}"},
        },
        "author_association": association(repository, pull["author"]),
        "auto_merge": None,
    }


def pull_detail(world: World, repository: Document, pull: Document, comments: int) -> dict[str, Any]:
    """One pull request in full, with the merge state that the gate decides."""
    git = git_of(world, repository["full_name"])
    files = pulls.changed_files(git, pull)
    opened = pull["state"] == "open"
    state = gate.assess(world, repository, pull) if opened else None
    return pull_row(world, repository, pull) | {
        "merged": pull["merged_at"] is not None,
        "mergeable": state.mergeable if state else None,
        "rebaseable": state.mergeable if state else None,
        "mergeable_state": state.state.lower() if state else "unknown",
        "merged_by": user(world, pull["merged_by"]) if pull["merged_by"] else None,
        "comments": comments,
        "review_comments": len(reviews.comments(world, pull)),
        "maintainer_can_modify": False,
        "commits": len(pulls.commits(git, pull)),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }


def review(world: World, repository: Document, pull: Document, given: Document) -> dict[str, Any]:
    url = f"{api_url(world, repository)}/pulls/{pull['number']}"
    page = f"{html_url(world, repository)}/pull/{pull['number']}#pullrequestreview-{given['id']}"
    body = {
        "id": given["id"],
        "node_id": f"PRR_{given['id']}",
        "user": user(world, given["user"]),
        "body": given["body"],
        "state": given["state"],
        "html_url": page,
        "pull_request_url": url,
        "author_association": association(repository, given["user"]),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": given["commit_id"],
    }
    return body | ({"submitted_at": given["submitted_at"]} if given["submitted_at"] else {})


def review_comment(world: World, repository: Document, pull: Document, given: Document) -> dict[str, Any]:
    url = f"{api_url(world, repository)}/pulls/comments/{given['id']}"
    pull_url = f"{api_url(world, repository)}/pulls/{pull['number']}"
    page = f"{html_url(world, repository)}/pull/{pull['number']}#discussion_r{given['id']}"
    body = {
        "url": url,
        "pull_request_review_id": given["review"],
        "id": given["id"],
        "node_id": f"PRRC_{given['id']}",
        "diff_hunk": given["diff_hunk"],
        "path": given["path"],
        "commit_id": given["commit_id"],
        "original_commit_id": given["commit_id"],
        "user": user(world, given["user"]),
        "body": given["body"],
        "created_at": given["created_at"],
        "updated_at": given["created_at"],
        "html_url": page,
        "pull_request_url": pull_url,
        "author_association": association(repository, given["user"]),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull_url}},
        "line": given["line"],
        "original_line": given["line"],
        "start_line": None,
        "original_start_line": None,
        "start_side": None,
        "side": given["side"],
        "position": given["line"],
        "original_position": given["line"],
        "subject_type": "line" if given["line"] else "file",
    }
    return body | ({"in_reply_to_id": given["in_reply_to"]} if given["in_reply_to"] else {})


def issue_comment(world: World, repository: Document, given: Document) -> dict[str, Any]:
    url = f"{api_url(world, repository)}/issues/comments/{given['id']}"
    return {
        "id": given["id"],
        "node_id": f"IC_{given['id']}",
        "url": url,
        "html_url": f"{html_url(world, repository)}/pull/{given['pull']}#issuecomment-{given['id']}",
        "issue_url": f"{api_url(world, repository)}/issues/{given['pull']}",
        "body": given["body"],
        "user": user(world, given["user"]),
        "created_at": given["created_at"],
        "updated_at": given["updated_at"],
        "author_association": association(repository, given["user"]),
        "performed_via_github_app": None,
    }
