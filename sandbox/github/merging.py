"""Merging on the server: no work tree, and the base branch moves by compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.github import gate, pulls, pushes, record, repositories
from sandbox.github.access import Caller, person_named
from sandbox.github.errors import GitHubError, forbidden, invalid, rule_violations
from sandbox.github.git import GITHUB, Git
from sandbox.github.models import ZERO, Signature
from sandbox.github.pushes import RefChange
from sandbox.state.documents import Document
from sandbox.world import World

SETTINGS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}
REFUSED_METHODS = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}
NOT_MERGEABLE = "Pull Request is not mergeable"
MOVED_HEAD = "Head branch was modified. Review and try the merge again."
MOVED_EXPECTED = "expected head sha didn\u2019t match current head ref."
MOVED_BASE = "Base branch was modified. Review and try the merge again."


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What the caller asked for; `sha` is the head the caller has seen, "" for none."""

    method: str = "merge"
    sha: str = ""
    title: str = ""
    message: str | None = None


def merge(world: World, repository: Document, number: int, caller: Caller, wanted: MergeRequest) -> Document:
    """Merge, or refuse in GitHub's words; returns the merged pull request."""
    if wanted.method not in SETTINGS:
        raise invalid("PullRequest", "merge_method")
    caller.require(repository, "contents", "write")
    caller.require(repository, "pull_requests", "write")
    name = repository["full_name"]
    with repositories.lock(world, name):
        pull = pulls.get(world, name, number)
        git = repositories.git_of(world, name)
        _refuse(world, repository, pull, caller, wanted)
        base = pulls.base_tip(git, pull)
        commit = _commit(world, git, repository, pull, base, caller, wanted)
        change = RefChange(f"refs/heads/{pull['base_ref']}", base, commit)
        pushes.intend(world, name, [change], caller.login, {"number": number})
        if not git.move_ref(change.ref, commit, base):
            raise GitHubError(405, MOVED_BASE)
        return finish(world, repository, number, change, caller.login)


def finish(world: World, repository: Document, number: int, change: RefChange, login: str) -> Document:
    """What follows once the base branch has moved; a second call finds the pull request merged and goes on."""
    git = repositories.git_of(world, repository["full_name"])
    pull = pulls.get(world, repository["full_name"], number)
    if pull["merged_at"] is None:
        now = repositories.stamp(world)
        fields = {"state": "closed", "closed_at": now, "merged_at": now, "merged_by": login}
        pull = pulls.change(world, pull, base_sha=change.before, merge_commit_sha=change.after, **fields)
        record.happened(world, pull["repository"], number, "merged", login, commit_id=change.after)
        pulls.publish(world, pull, "closed")
    pushes.applied(world, repository, [change], login, merged=True)
    if repository["delete_branch_on_merge"]:
        _delete_head(world, repository, git, pull, login)
    return pull


def _refuse(world: World, repository: Document, pull: Document, caller: Caller, wanted: MergeRequest) -> None:
    if pull["state"] != "open":
        raise GitHubError(405, NOT_MERGEABLE)
    if pull["draft"]:
        raise GitHubError(405, "Pull Request is still a draft")
    if wanted.sha and wanted.sha != pull["head_sha"]:
        raise GitHubError(409, MOVED_HEAD)
    assessment = gate.assess(world, repository, pull, caller.permission(repository))
    if not assessment.mergeable:
        raise GitHubError(405, NOT_MERGEABLE)
    if not repository[SETTINGS[wanted.method]] or wanted.method not in assessment.rules.methods:
        raise GitHubError(405, f"{REFUSED_METHODS[wanted.method]} are not allowed on this repository.")
    if "update" in assessment.rules.types:
        raise rule_violations(405, ["Cannot update this protected ref."])
    if assessment.violations:
        sentences = [violation.sentence for violation in assessment.violations]
        raise GitHubError(405, sentences[0]) if assessment.rules.legacy else rule_violations(405, sentences)


def _commit(
    world: World, git: Git, repository: Document, pull: Document, base: str, caller: Caller, wanted: MergeRequest
) -> str:
    """The commit that the base branch moves to."""
    now = repositories.stamp(world)
    committer = Signature(GITHUB.name, GITHUB.email, now)
    if wanted.method == "rebase":
        return _rebase(git, pull, base, signature(caller.login, now))
    tree = git.merged_tree(base, pull["head_sha"])
    if tree is None:
        raise GitHubError(405, NOT_MERGEABLE)
    if wanted.method == "squash":
        title, message = _squash_message(git, pull, wanted)
        return git.make_commit(tree, [base], f"{title}\n\n{message}".strip(), signature(pull["author"], now), committer)
    title = wanted.title or f"Merge pull request #{pull['number']} from {repository['owner']}/{pull['head_ref']}"
    message = pull["title"] if wanted.message is None else wanted.message
    parents = [base, pull["head_sha"]]
    return git.make_commit(tree, parents, f"{title}\n\n{message}".strip(), signature(caller.login, now), committer)


def _squash_message(git: Git, pull: Document, wanted: MergeRequest) -> tuple[str, str]:
    """COMMIT_OR_PR_TITLE and COMMIT_MESSAGES, unless the caller gave words of their own."""
    found = [git.commit(sha) for sha in pulls.commits(git, pull)]
    default = found[0].title if len(found) == 1 else pull["title"]
    title = wanted.title or f"{default} (#{pull['number']})"
    if wanted.message is not None:
        return title, wanted.message
    if len(found) == 1:
        return title, found[0].message.partition("\n")[2].strip()
    return title, "\n\n".join(f"* {commit.message}" for commit in found)


def _rebase(git: Git, pull: Document, base: str, committer: Signature) -> str:
    """Each commit again, on top of the base."""
    onto = base
    for sha in pulls.commits(git, pull):
        commit = git.commit(sha)
        if len(commit.parents) != 1:
            raise GitHubError(405, "This branch can't be rebased")
        # merge-tree takes its merge base from history, so the base's tree gets the commit's parent for a parent.
        anchor = git.make_commit(git.commit(onto).tree, commit.parents, "anchor", committer, committer)
        tree = git.merged_tree(anchor, sha)
        if tree is None:
            raise GitHubError(405, "This branch can't be rebased due to conflicts")
        onto = git.make_commit(tree, [onto], commit.message, commit.author, committer)
    return onto


def update_branch(world: World, repository: Document, number: int, caller: Caller, expected: str) -> None:
    """Merge the base branch into the head branch; 422 when the head is not `expected` or already up to date."""
    caller.require(repository, "contents", "write")
    name = repository["full_name"]
    with repositories.lock(world, name):
        pull = pulls.get(world, name, number)
        git = repositories.git_of(world, name)
        head, base = pull["head_sha"], pulls.base_tip(git, pull)
        if pull["state"] != "open":
            raise GitHubError(422, "Pull request is closed")
        if expected and expected != head:
            raise GitHubError(422, MOVED_EXPECTED)
        if git.is_ancestor(base, head):
            raise GitHubError(422, "There are no new commits on the base branch.")
        tree = git.merged_tree(head, base)
        if tree is None:
            raise GitHubError(422, "merge conflict between base and head")
        now = repositories.stamp(world)
        message = f"Merge branch '{pull['base_ref']}' into {pull['head_ref']}"
        committer = Signature(GITHUB.name, GITHUB.email, now)
        commit = git.make_commit(tree, [head, base], message, signature(caller.login, now), committer)
        change = RefChange(f"refs/heads/{pull['head_ref']}", head, commit)
        pushes.intend(world, name, [change], caller.login)
        if not git.move_ref(change.ref, commit, head):
            raise GitHubError(422, MOVED_EXPECTED)
        pushes.applied(world, repository, [change], caller.login)


def delete_branch(world: World, repository: Document, branch: str, login: str) -> None:
    """Delete a branch as its owner asked; the default branch stays."""
    git = repositories.git_of(world, repository["full_name"])
    sha = git.ref(f"refs/heads/{branch}")
    if branch == repository["default_branch"]:
        raise forbidden("Cannot delete the default branch")
    if sha is None:
        raise GitHubError(422, "Reference does not exist")
    change = RefChange(f"refs/heads/{branch}", sha, ZERO)
    pushes.intend(world, repository["full_name"], [change], login)
    git.delete_ref(change.ref)
    pushes.applied(world, repository, [change], login)


def _delete_head(world: World, repository: Document, git: Git, pull: Document, login: str) -> None:
    if git.ref(f"refs/heads/{pull['head_ref']}") == pull["head_sha"] and pull["head_ref"] != pull["base_ref"]:
        delete_branch(world, repository, pull["head_ref"], login)


def signature(login: str, date: str) -> Signature:
    """How an account signs a commit."""
    person = person_named(login)
    if person is not None:
        return Signature(person.name, person.email, date)
    return Signature(login, f"{login}@users.noreply.github.com", date)
