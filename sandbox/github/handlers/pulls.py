"""Pull requests: list, open, change, merge, update."""

from __future__ import annotations

from typing import Any

from sandbox.github import codeowners, comments, diffs, merging, pulls, pushes, repositories
from sandbox.github.access import person_named, person_permission
from sandbox.github.errors import GitHubError, invalid
from sandbox.github.merging import MergeRequest
from sandbox.github.payloads import commits as commit_payloads
from sandbox.github.payloads.pulls import pull_detail, pull_row
from sandbox.github.payloads.repositories import api_url
from sandbox.github.wire import NO_CONTENT, Call, Reply
from sandbox.state.documents import Document

MAX_FILES = 3_000


def _pull(call: Call, action: str = "read") -> tuple[Document, Document]:
    repository = call.repository("pull_requests", action)
    return repository, pulls.get(call.world, repository["full_name"], call.number("number"))


def _detail(call: Call, repository: Document, pull: Document) -> dict[str, Any]:
    return pull_detail(call.world, repository, pull, len(comments.every(call.world, pull)))


def pull_list(call: Call) -> Reply:
    """Pull requests by state, head and base; newest first unless `sort` and `direction` say otherwise."""
    repository = call.repository("pull_requests", "read")
    query = call.query
    found = pulls.every(call.world, repository["full_name"], query.get("state", "open"))
    if query.get("base"):
        found = [pull for pull in found if pull["base_ref"] == query["base"]]
    if query.get("head"):
        found = [pull for pull in found if pull["head_ref"] == query["head"].rpartition(":")[2]]
    key = {"updated": "updated_at"}.get(query.get("sort", "created"), "number")
    newest_first = query.get("direction", "desc" if query.get("sort", "created") == "created" else "asc") == "desc"
    found = sorted(found, key=lambda pull: (pull[key], pull["number"]), reverse=newest_first)
    return call.paged(found, lambda pull: pull_row(call.world, repository, pull))


def create(call: Call) -> Reply:
    """Open a pull request; owners of the changed code are asked for a review."""
    repository = call.repository("pull_requests", "comment" if call.caller.person else "write")
    with repositories.lock(call.world, repository["full_name"]):
        pull = pulls.create(call.world, repository, call.caller.login, call.body(), {})
        if not pull["draft"]:
            pull = _ask_owners(call, repository, pull)
    pulls.publish(call.world, pull, "opened")
    return Reply(_detail(call, repository, pull), 201)


def _ask_owners(call: Call, repository: Document, pull: Document) -> Document:
    git = repositories.git_of(call.world, repository["full_name"])
    owners = codeowners.code_owners(git, pull["base_sha"])
    paths = [file.path for file in pulls.changed_files(git, pull)]
    groups = codeowners.required_owners(owners, paths, repository)
    asked = {login: True for group in groups for login in group if login != pull["author"]}
    return pulls.change(call.world, pull, requested_reviewers=asked) if asked else pull


def read(call: Call) -> Reply:
    """One pull request in full; the diff media type answers the plain diff."""
    repository, pull = _pull(call)
    if ".diff" in call.accept:
        git = repositories.git_of(call.world, repository["full_name"])
        text = diffs.unified(git, pulls.fork_point(git, pull), pull["head_sha"])
        return Reply(content=text.encode(), media_type="text/plain; charset=utf-8")
    return Reply(_detail(call, repository, pull))


def change(call: Call) -> Reply:
    """Title, body, state (open, closed) or base; by its author or by who may push."""
    repository, pull = _pull(call)
    if call.caller.login != pull["author"]:
        call.caller.require(repository, "pull_requests", "write")
    given = call.body()
    fields: dict[str, Any] = {name: given[name] for name in ("title", "body") if name in given}
    if "title" in fields and not str(fields["title"]).strip():
        raise invalid("PullRequest", "title", "missing_field")
    git = repositories.git_of(call.world, repository["full_name"])
    with repositories.lock(call.world, repository["full_name"]):
        if given.get("base"):
            if git.ref(f"refs/heads/{given['base']}") is None:
                raise invalid("PullRequest", "base")
            fields["base_ref"] = given["base"]
        pull = pulls.change(call.world, pull, **fields)
        if given.get("state") == "closed" and pull["state"] == "open":
            pull = pushes.close(call.world, git, pull)
        elif given.get("state") == "open" and pull["state"] == "closed":
            pull = _reopen(call, pull)
    return Reply(_detail(call, repository, pull))


def _reopen(call: Call, pull: Document) -> Document:
    git = repositories.git_of(call.world, pull["repository"])
    head = git.ref(f"refs/heads/{pull['head_ref']}")
    base = git.ref(f"refs/heads/{pull['base_ref']}")
    if pull["merged_at"] or head is None or base is None:
        raise invalid(
            "PullRequest", "state", "invalid", "state cannot be changed. The pull request cannot be reopened."
        )
    reopened = pulls.change(call.world, pull, state="open", closed_at=None, head_sha=head, base_sha=base)
    pulls.record_refs(git, reopened)
    pulls.publish(call.world, reopened, "reopened")
    return reopened


def files(call: Call) -> Reply:
    """Changed files with their patches."""
    repository, pull = _pull(call)
    git = repositories.git_of(call.world, repository["full_name"])
    found = pulls.changed_files(git, pull, patches=True)[:MAX_FILES]
    return call.paged(found, lambda file: commit_payloads.changed_file(call.world, repository, pull["head_sha"], file))


def commits(call: Call) -> Reply:
    """Its commits, oldest first."""
    repository, pull = _pull(call)
    git = repositories.git_of(call.world, repository["full_name"])
    found = pulls.commits(git, pull)
    return call.paged(found, lambda sha: commit_payloads.commit(call.world, repository, git.commit(sha)))


def is_merged(call: Call) -> Reply:
    """204 if it has been merged, else 404."""
    _, pull = _pull(call)
    if pull["merged_at"] is None:
        raise GitHubError(404, "Not Found")
    return NO_CONTENT


def merge(call: Call) -> Reply:
    """Merge the head that the caller names, if the rules of the base branch allow it."""
    repository, pull = _pull(call)
    given = call.body()
    wanted = MergeRequest(
        method=str(given.get("merge_method") or "merge"),
        sha=str(given.get("sha") or ""),
        title=str(given.get("commit_title") or ""),
        message=given.get("commit_message"),
    )
    merged = merging.merge(call.world, repository, pull["number"], call.caller, wanted)
    return Reply({"sha": merged["merge_commit_sha"], "merged": True, "message": "Pull Request successfully merged"})


def update_branch(call: Call) -> Reply:
    """Merge the base branch into the head branch."""
    repository, pull = _pull(call)
    expected = str(call.body().get("expected_head_sha") or "")
    merging.update_branch(call.world, repository, pull["number"], call.caller, expected)
    url = f"{api_url(call.world, repository)}/pulls/{pull['number']}"
    return Reply({"message": "Updating pull request branch.", "url": url}, 202)


def request_reviewers(call: Call) -> Reply:
    """Ask people for a review; 422 for the author or somebody who cannot read the repository."""
    repository, pull = _pull(call, "write")
    asked = dict(pull["requested_reviewers"])
    for login in call.body().get("reviewers") or ():
        person = person_named(str(login))
        if person is None or person_permission(person, repository) == "none":
            raise GitHubError(
                422,
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified "
                f"is not a collaborator of the {repository['full_name']} repository.",
            )
        if login == pull["author"]:
            raise GitHubError(422, "Review cannot be requested from pull request author.")
        asked.setdefault(person.login, False)
    changed = pulls.change(call.world, pull, requested_reviewers=asked)
    return Reply(pull_row(call.world, repository, changed), 201)


def remove_reviewers(call: Call) -> Reply:
    """Ask them no longer."""
    repository, pull = _pull(call, "write")
    removed = set(call.body().get("reviewers") or ())
    asked = {login: owner for login, owner in pull["requested_reviewers"].items() if login not in removed}
    return Reply(pull_row(call.world, repository, pulls.change(call.world, pull, requested_reviewers=asked)))


def requested_reviewers(call: Call) -> Reply:
    """Who has been asked and has not answered."""
    repository, pull = _pull(call)
    row = pull_row(call.world, repository, pull)
    return Reply({"users": row["requested_reviewers"], "teams": []})


ROUTES = (
    ("GET", "/repos/{owner}/{repo}/pulls", pull_list),
    ("POST", "/repos/{owner}/{repo}/pulls", create),
    ("GET", "/repos/{owner}/{repo}/pulls/{number}", read),
    ("PATCH", "/repos/{owner}/{repo}/pulls/{number}", change),
    ("GET", "/repos/{owner}/{repo}/pulls/{number}/files", files),
    ("GET", "/repos/{owner}/{repo}/pulls/{number}/commits", commits),
    ("GET", "/repos/{owner}/{repo}/pulls/{number}/merge", is_merged),
    ("PUT", "/repos/{owner}/{repo}/pulls/{number}/merge", merge),
    ("PUT", "/repos/{owner}/{repo}/pulls/{number}/update-branch", update_branch),
    ("GET", "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers", requested_reviewers),
    ("POST", "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers", request_reviewers),
    ("DELETE", "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers", remove_reviewers),
)
