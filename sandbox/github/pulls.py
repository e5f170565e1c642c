"""Pull requests: what is stored about each, and what git says about its two ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.github import diffs
from sandbox.github.errors import GitHubError, invalid, not_found
from sandbox.github.git import GITHUB, Git
from sandbox.github.models import ChangedFile, Signature
from sandbox.github.repositories import git_of, stamp
from sandbox.state.documents import Document
from sandbox.world import World

PULL = "github_pull"  # by repository#number


def key(repository: str, number: int) -> str:
    return f"{repository.lower()}#{number:08d}"


def find(world: World, repository: str, number: int) -> Document | None:
    return world.documents.get(PULL, key(repository, number))


def get(world: World, repository: str, number: int) -> Document:
    found = find(world, repository, number)
    if found is None:
        raise not_found()
    return found


def every(world: World, repository: str, state: str = "all") -> list[Document]:
    """Pull requests, oldest first; `state` is open, closed or all."""
    found = [body for _, body in world.documents.list(PULL, f"{repository.lower()}#")]
    return found if state == "all" else [pull for pull in found if pull["state"] == state]


def change(world: World, pull: Document, **fields: Any) -> Document:
    """Store new values and the moment of the change."""
    return _store(world, pull, {"updated_at": stamp(world)} | fields)


def _store(world: World, pull: Document, fields: Mapping[str, Any]) -> Document:
    changed = world.documents.update(PULL, key(pull["repository"], pull["number"]), lambda body: body | dict(fields))
    if changed is None:
        raise not_found()
    return changed


def create(
    world: World, repository: Document, author: str, given: Mapping[str, Any], requested: Mapping[str, bool]
) -> Document:
    """Open a pull request between two branches; `requested` maps reviewers to whether they own the code."""
    git = git_of(world, repository["full_name"])
    head_ref, base_ref = _ends(repository, given)
    head, base = git.ref(f"refs/heads/{head_ref}"), git.ref(f"refs/heads/{base_ref}")
    if head is None:
        raise invalid("PullRequest", "head")
    if base is None:
        raise invalid("PullRequest", "base")
    if git.count(head, f"^{base}") == 0:
        raise _refused(f"No commits between {base_ref} and {head_ref}")
    for other in every(world, repository["full_name"], "open"):
        if (other["head_ref"], other["base_ref"]) == (head_ref, base_ref):
            raise _refused(f"A pull request already exists for {repository['owner']}:{head_ref}.")
    number = world.documents.next_number(f"github_issue:{repository['full_name'].lower()}")
    now = stamp(world)
    body: Document = {
        "id": 80_000 + world.documents.next_number("github_pull"),
        "number": number,
        "repository": repository["full_name"],
        "title": given["title"],
        "body": given.get("body"),
        "draft": bool(given.get("draft", False)),
        "state": "open",
        "author": author,
        "head_ref": head_ref,
        "head_sha": head,
        "base_ref": base_ref,
        "base_sha": base,
        "created_at": now,
        "updated_at": now,
        "closed_at": None,
        "merged_at": None,
        "merged_by": None,
        "merge_commit_sha": None,
        "requested_reviewers": dict(requested),
        "labels": [],
        "last_push": {"by": author, "sha": head},
    }
    world.documents.put(PULL, key(repository["full_name"], number), body)
    record_refs(git, body)
    return body


def _ends(repository: Document, given: Mapping[str, Any]) -> tuple[str, str]:
    for field in ("title", "head", "base"):
        if not isinstance(given.get(field), str) or not given[field].strip():
            raise invalid("PullRequest", field, "missing_field")
    owner, _, head = given["head"].rpartition(":")
    if owner and owner.lower() != repository["owner"].lower():
        raise invalid("PullRequest", "head")
    return head, given["base"]


def _refused(message: str) -> GitHubError:
    error = {"resource": "PullRequest", "code": "custom", "message": message}
    return GitHubError(422, "Validation Failed", errors=[error])


def record_refs(git: Git, pull: Document) -> None:
    """Keep `refs/pull/N/head`, and `refs/pull/N/merge` where the ends merge, as checkouts of a workflow expect."""
    number, head, base = pull["number"], pull["head_sha"], pull["base_sha"]
    git.move_ref(f"refs/pull/{number}/head", head)
    tree = git.merged_tree(base, head)
    if tree is None:
        git.delete_ref(f"refs/pull/{number}/merge")
        return
    when = git.commit(head).committer.date
    signature = Signature(GITHUB.name, GITHUB.email, when)
    merged = git.make_commit(tree, [base, head], f"Merge {head} into {base}", signature, signature)
    git.move_ref(f"refs/pull/{number}/merge", merged)


def merge_ref(world: World, pull: Document) -> str | None:
    """The commit that `refs/pull/N/merge` names: the head merged into the base, None on a conflict."""
    return git_of(world, pull["repository"]).ref(f"refs/pull/{pull['number']}/merge")


def base_tip(git: Git, pull: Document) -> str:
    """Where the base branch stands: now for an open pull request, at the end for a closed one."""
    if pull["state"] == "open":
        return git.ref(f"refs/heads/{pull['base_ref']}") or pull["base_sha"]
    return str(pull["base_sha"])


def merges(git: Git, pull: Document) -> bool:
    """Whether the head merges into the base branch without a conflict."""
    return git.merged_tree(base_tip(git, pull), pull["head_sha"]) is not None


def changed_files(git: Git, pull: Document, *, patches: bool = False) -> tuple[ChangedFile, ...]:
    """What the pull request changes since it left its base branch."""
    return diffs.changed_files(git, fork_point(git, pull), pull["head_sha"], patches=patches)


def commits(git: Git, pull: Document) -> list[str]:
    """Its commits, oldest first."""
    return git.commits(pull["head_sha"], f"^{base_tip(git, pull)}", limit=250)[::-1]


def fork_point(git: Git, pull: Document) -> str:
    return git.merge_base(base_tip(git, pull), pull["head_sha"]) or diffs.EMPTY_TREE


def publish(world: World, pull: Document, action: str) -> None:
    """Tell the other services: opened, synchronize, reopened or closed."""
    world.events.publish(
        "pull_request",
        {
            "repository": pull["repository"],
            "number": pull["number"],
            "action": action,
            "head_sha": pull["head_sha"],
            "head_ref": pull["head_ref"],
            "base_sha": pull["base_sha"],
            "base_ref": pull["base_ref"],
            "author": pull["author"],
            "merged": pull["merged_at"] is not None,
        },
    )
