"""Repositories, branches and refs."""

from __future__ import annotations

from typing import Any

from sandbox.github.access import Caller
from sandbox.github.payloads.accounts import organisation, user
from sandbox.state.documents import Document
from sandbox.world import World

URL_SUFFIXES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
MERGE_SETTINGS = (
    "allow_merge_commit",
    "allow_squash_merge",
    "allow_rebase_merge",
    "allow_auto_merge",
    "allow_update_branch",
    "delete_branch_on_merge",
    "squash_merge_commit_title",
    "squash_merge_commit_message",
    "merge_commit_title",
    "merge_commit_message",
)


def api_url(world: World, repository: Document) -> str:
    return f"{world.settings.url}/api/v3/repos/{repository['full_name']}"


def html_url(world: World, repository: Document) -> str:
    return f"{world.settings.url}/{repository['full_name']}"


def minimal_repository(world: World, repository: Document) -> dict[str, Any]:
    """The repository inside a pull request, a suite or a status."""
    url = api_url(world, repository)
    return {
        "id": repository["id"],
        "node_id": f"R_{repository['id']}",
        "name": repository["name"],
        "full_name": repository["full_name"],
        "private": repository["private"],
        "owner": user(world, repository["owner"]),
        "html_url": html_url(world, repository),
        "description": repository["description"],
        "fork": False,
        "url": url,
        **{name: url + suffix for name, suffix in URL_SUFFIXES.items()},
    }


def full_repository(world: World, repository: Document, open_issues: int = 0) -> dict[str, Any]:
    """What everybody who may read the repository sees of it."""
    root = html_url(world, repository)
    return minimal_repository(world, repository) | {
        "git_url": f"git:{root.removeprefix('https:')}.git",
        "ssh_url": f"git@localhost:{repository['full_name']}.git",
        "clone_url": f"{root}.git",
        "svn_url": root,
        "mirror_url": None,
        "homepage": repository["homepage"],
        "language": None,
        "forks": 0,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "subscribers_count": 0,
        "network_count": 0,
        "size": 0,
        "default_branch": repository["default_branch"],
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "is_template": False,
        "topics": [],
        "has_issues": repository["has_issues"],
        "has_projects": repository["has_projects"],
        "has_wiki": repository["has_wiki"],
        "has_pages": False,
        "has_downloads": True,
        "has_discussions": False,
        "archived": repository["archived"],
        "disabled": False,
        "visibility": "private" if repository["private"] else "public",
        "license": None,
        "allow_forking": False,
        "web_commit_signoff_required": repository["web_commit_signoff_required"],
        "pushed_at": repository["pushed_at"],
        "created_at": repository["created_at"],
        "updated_at": repository["updated_at"],
    }


def repository_payload(world: World, repository: Document, caller: Caller, open_issues: int = 0) -> dict[str, Any]:
    """The full repository with the caller's permissions; who may push sees the merge settings too."""
    granted = caller.permission(repository)
    permissions = {
        "admin": granted == "admin",
        "maintain": granted == "admin",
        "push": granted in {"write", "admin"},
        "triage": granted in {"write", "admin"},
        "pull": granted != "none",
    }
    body = full_repository(world, repository, open_issues) | {"permissions": permissions}
    if granted in {"write", "admin"}:
        body |= {name: repository[name] for name in MERGE_SETTINGS}
    if repository["owner"] == "hospital":
        body["organization"] = {**user(world, repository["owner"]), "url": organisation(world)["url"]}
    return body
