"""The repositories of this world: what is stored about each, and where its git objects lie."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from sandbox.accounts import ORGANISATION, PEOPLE
from sandbox.github.errors import invalid, not_found
from sandbox.github.git import Git
from sandbox.github.models import ZERO, Signature
from sandbox.state.documents import Document
from sandbox.world import World

REPOSITORY = "github_repository"  # the kind of document, by lower-cased full name
ORGANISATION_ID = 100
NAME = re.compile(r"^[A-Za-z0-9._-]{1,100}$")
DEFAULTS = {
    "description": None,
    "homepage": None,
    "private": True,
    "default_branch": "main",
    "has_issues": True,
    "has_projects": False,
    "has_wiki": False,
    "allow_merge_commit": True,
    "allow_squash_merge": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "delete_branch_on_merge": False,
    "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
    "squash_merge_commit_message": "COMMIT_MESSAGES",
    "merge_commit_title": "MERGE_MESSAGE",
    "merge_commit_message": "PR_TITLE",
    "web_commit_signoff_required": False,
    "archived": False,
}

_locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
_locks_guard = threading.Lock()


def lock(world: World, repository: str) -> threading.RLock:
    """Held while a repository's branches and pull requests change together."""
    with _locks_guard:
        return _locks[str(bare_path(world, repository))]


def stamp(world: World) -> str:
    return world.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def bare_path(world: World, repository: str) -> Path:
    """The bare repository of `owner/name`, whether or not it exists yet."""
    owner, _, name = repository.lower().partition("/")
    return world.settings.home / "git" / owner / f"{name}.git"


def git_of(world: World, repository: str) -> Git:
    return Git(bare_path(world, repository))


def find(world: World, repository: str) -> Document | None:
    """What is stored about `owner/name`; names are compared without case."""
    return world.documents.get(REPOSITORY, repository.lower())


def get(world: World, repository: str) -> Document:
    found = find(world, repository)
    if found is None:
        raise not_found()
    return found


def every(world: World) -> list[Document]:
    return [body for _, body in world.documents.list(REPOSITORY)]


def owner_id(owner: str) -> int:
    """The id of the organisation or person who owns repositories under this name."""
    if owner.lower() == ORGANISATION:
        return ORGANISATION_ID
    return next(person.number for person in PEOPLE if person.login == owner.lower())


def create(world: World, owner: str, name: str, settings: Mapping[str, object]) -> Document:
    """A new repository with an empty bare git repository behind it; 422 when the name is bad or taken."""
    if not NAME.match(name) or name in {".", ".."} or name.endswith(".git"):
        raise invalid("Repository", "name", "custom", "name is invalid")
    full_name = f"{owner}/{name}"
    now = stamp(world)
    body: Document = {
        "id": 700_000 + world.documents.next_number("github_repository"),
        "owner": owner,
        "name": name,
        "full_name": full_name,
        "created_at": now,
        "updated_at": now,
        "pushed_at": now,
    }
    body |= {key: settings.get(key, default) for key, default in DEFAULTS.items()}
    with lock(world, full_name):
        if find(world, full_name) is not None:
            raise invalid("Repository", "name", "custom", "name already exists on this account")
        initialise(bare_path(world, full_name), str(body["default_branch"]))
        world.documents.put(REPOSITORY, full_name.lower(), body)
    return body


def initialise(path: Path, default_branch: str) -> None:
    """An empty bare repository that accepts pushes over HTTP and keeps pull request refs to itself."""
    path.mkdir(parents=True, exist_ok=True)
    git = Git(path)
    git.run("init", "--quiet", "--bare", f"--initial-branch={default_branch}", str(path))
    for setting, value in (
        ("http.receivepack", "true"),
        ("receive.hideRefs", "refs/pull"),
        ("receive.denyDeleteCurrent", "ignore"),
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("gc.auto", "0"),
        ("core.logAllRefUpdates", "true"),
    ):
        git.run("config", setting, value)


def change(world: World, repository: str, changes: Mapping[str, object]) -> Document:
    """Store new values of known settings; others are ignored, as GitHub does."""
    known = {key: value for key, value in changes.items() if key in DEFAULTS or key == "pushed_at"}
    changed = world.documents.update(
        REPOSITORY, repository.lower(), lambda body: body | known | {"updated_at": stamp(world)}
    )
    if changed is None:
        raise not_found()
    return changed


def first_commit(world: World, repository: Document, login: str) -> str:
    """What `auto_init` makes: a README on the default branch."""
    git = git_of(world, repository["full_name"])
    blob = git.write_blob(f"# {repository['name']}\n".encode())
    tree = git.run("mktree", "-z", stdin=f"100644 blob {blob}\tREADME.md\0".encode()).decode().strip()
    signature = Signature(login, f"{login}@users.noreply.github.com", stamp(world))
    commit = git.make_commit(tree, [], "Initial commit", signature, signature)
    git.move_ref(f"refs/heads/{repository['default_branch']}", commit, ZERO)
    return commit
