"""The stand-in of the default branch, and everything that a drill makes around it: made, listed, taken away."""

from __future__ import annotations

from urllib.parse import quote

from backend.domain.drills import ATTEMPTS, STAND_IN, WorkflowFile
from backend.errors import NotFound, RemoteRejected
from backend.gateways.github.client import GitHubConnection
from backend.gateways.github.contents import Contents

WORKFLOWS = ".github/workflows"


class StandIn:
    def __init__(self, connection: GitHubConnection) -> None:
        self._connection = connection
        self._contents = Contents(connection)

    def head(self) -> str:
        """Its newest commit, "" where there is no stand-in."""
        try:
            answer = self._connection.get(f"{{repo}}/git/ref/heads/{STAND_IN}", "read a branch")
        except NotFound:
            return ""
        return str(answer["object"]["sha"])

    def make(self, commit: str) -> None:
        """Make it at a commit; one that is there stays as it is."""
        if self.head():
            return
        body = {"ref": f"refs/heads/{STAND_IN}", "sha": commit}
        self._connection.send("POST", "{repo}/git/refs", "make the stand-in branch", body)

    def reset(self, commit: str) -> None:
        """Put it back to a commit that it had; made anew where it is gone.

        Raises RemoteRejected where a rule forbids it.
        """
        now = self.head()
        if not now:
            self.make(commit)
        elif now != commit:
            body = {"sha": commit, "force": True}
            self._connection.send("PATCH", f"{{repo}}/git/refs/heads/{STAND_IN}", "reset the stand-in branch", body)

    def open(self, branch: str, title: str, body: str) -> int:
        """A pull request from a branch of the drill's into the stand-in; its number."""
        given = {"title": title, "head": branch, "base": STAND_IN, "body": body}
        return int(self._connection.send("POST", "{repo}/pulls", "open a pull request", given)["number"])

    def commit_of(self, number: int) -> str:
        """The head that the pull request has by now."""
        return str(self._connection.get(f"{{repo}}/pulls/{number}", "read a pull request")["head"]["sha"])

    def left(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Open pull requests into the stand-in, and branches of drills, whoever made them."""
        found = self._connection.pages("{repo}/pulls", "list pull requests", state="open", base=STAND_IN)
        numbers = tuple(int(item["number"]) for item in found)
        path = f"{{repo}}/git/matching-refs/heads/{quote(ATTEMPTS)}"
        refs = self._connection.get(path, "list branches", per_page=100)
        return numbers, tuple(str(item["ref"]).removeprefix("refs/heads/") for item in refs)

    def close(self, number: int) -> None:
        self._connection.send("PATCH", f"{{repo}}/pulls/{number}", "close a pull request", {"state": "closed"})

    def remove(self, branch: str) -> None:
        """Delete a branch of a drill's; one that is gone already is fine (GitHub says 422)."""
        try:
            self._connection.send("DELETE", f"{{repo}}/git/refs/heads/{quote(branch)}", "remove a branch", {})
        except RemoteRejected as error:
            if error.status != 422 or "does not exist" not in str(error):
                raise

    def workflows(self, branch: str) -> tuple[WorkflowFile, ...]:
        """The workflow files at a branch, and what starts each."""
        paths = self._contents.folder(WORKFLOWS, branch)
        return tuple(
            WorkflowFile(path=path, triggers=triggers(self._contents.file(path, branch) or b""))
            for path in paths
            if path.endswith((".yml", ".yaml"))
        )


def triggers(text: bytes) -> tuple[str, ...] | None:
    """The events of a workflow's `on`, None where it cannot be read as one."""
    import yaml

    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(body, dict):
        return None
    # YAML 1.1, which GitHub does not read, takes the bare word `on` for true.
    on = body.get("on", body.get(True))
    if isinstance(on, str):
        return (on,)
    if isinstance(on, list | dict):
        return tuple(map(str, on))
    return None
