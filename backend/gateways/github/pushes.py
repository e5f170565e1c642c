"""Real pushes by the git program: what the server took, and in which words it refused.

Commits change nothing, or add one file, on top of what a branch has: nothing is checked out, and little travels.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from backend.errors import CredentialsRejected, RemoteUnavailable
from backend.gateways.github.client import GitAccess, GitHubConnection
from backend.gateways.github.errors import SERVICE

SECONDS = 60
OPERATION = "push"
AUTHOR = {"NAME": "MLOps Console drill", "EMAIL": "mlops-console@users.noreply.github.com"}
_REFUSED = re.compile(r"! \[(?:remote )?rejected\].*")
_TOLD = re.compile(r"^remote:\s*-\s*(?P<said>.+?)\s*$", re.MULTILINE)
_DENIED = re.compile(
    r"authentication failed|permission to .* denied|returned error: 40[13]|repository not found", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a push came to; `said` are the server's reasons, "" where it took it."""

    taken: bool
    said: str


class Pushes:
    """One folder with one branch's newest commit, from which anybody's connection may push."""

    def __init__(self, folder: Path, branch: str, access: GitAccess) -> None:
        self._folder = folder
        self._git(None, "init", "--quiet", "--bare", ".")
        self._git(access, "fetch", "--quiet", "--depth", "1", access.url, f"refs/heads/{branch}")
        self.head = self._git(None, "rev-parse", "FETCH_HEAD")
        self._tree = self._git(None, "rev-parse", "FETCH_HEAD^{tree}")

    def commit(self, message: str, parent: str) -> str:
        """A commit that changes no file."""
        return self._git(None, "commit-tree", self._tree, "-p", parent, "-m", message)

    def commit_file(self, message: str, parent: str, name: str, text: str) -> str:
        """A commit that adds one file at the top: GitHub dismisses reviews for what can be reviewed only."""
        path = self._folder / "added"
        path.write_text(text)
        blob = self._git(None, "hash-object", "-w", str(path))
        entries = [
            line for line in self._git(None, "ls-tree", self._tree).splitlines() if not line.endswith(f"\t{name}")
        ]
        path.write_text("\n".join([*entries, f"100644 blob {blob}\t{name}", ""]))
        with path.open() as listed:
            tree = self._git(None, "mktree", stdin=listed)
        return self._git(None, "commit-tree", tree, "-p", parent, "-m", message)

    def stranger(self, message: str) -> str:
        """A commit without files and without a parent: it shares no history with the branch."""
        empty = self._git(None, "hash-object", "-w", "-t", "tree", os.devnull)
        return self._git(None, "commit-tree", empty, "-m", message)

    def push(self, connection: GitHubConnection, commit: str, branch: str, *, force: bool = False) -> Answer:
        """Push a commit to a branch, or delete the branch where `commit` is "".

        Raises CredentialsRejected where the token may not push at all, and RemoteUnavailable without an answer.
        """
        access = connection.git_access()
        ref = f"{'+' if force else ''}{commit}:refs/heads/{branch}"
        done = self._run(access, "push", access.url, ref)
        if done.returncode == 0:
            return Answer(True, "")
        if _REFUSED.search(done.stderr):
            return Answer(False, _reasons(done.stderr))
        raise _unanswered(done.stderr)

    def _git(self, access: GitAccess | None, *arguments: str, stdin: TextIO | None = None) -> str:
        done = self._run(access, *arguments, stdin=stdin)
        if done.returncode != 0:
            raise _unanswered(done.stderr)
        return done.stdout.strip()

    def _run(
        self, access: GitAccess | None, *arguments: str, stdin: TextIO | None = None
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self._folder,
                env=_environment(self._folder, access),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
                stdin=stdin or subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            words = "took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)
            raise RemoteUnavailable(f"The program git: {words}.", service=SERVICE, operation=OPERATION) from error


@contextmanager
def pushes(connection: GitHubConnection, branch: str, within: Path) -> Iterator[Pushes]:
    """A folder within another, gone afterwards. Raises as `Pushes.push` does."""
    with tempfile.TemporaryDirectory(dir=within) as folder:
        yield Pushes(Path(folder), branch, connection.git_access())


def _environment(folder: Path, access: GitAccess | None) -> Mapping[str, str]:
    """Nobody's settings and credentials but ours. The header is no argument, which every process may read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env = {
        **kept,
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        **{f"GIT_{who}_{name}": value for who in ("AUTHOR", "COMMITTER") for name, value in AUTHOR.items()},
    }
    if access is None:
        return env
    if access.ca_bundle:
        env["GIT_SSL_CAINFO"] = access.ca_bundle
    return env | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": access.header.get_secret_value(),
    }


def _reasons(stderr: str) -> str:
    """GitHub's sentences (`remote: - ...`), else git's own line."""
    said = [match["said"].rstrip(".") for match in _TOLD.finditer(stderr)]
    refused = _REFUSED.search(stderr)
    return f"{'; '.join(dict.fromkeys(said))}." if said else (refused[0] if refused else "")


def _unanswered(stderr: str) -> CredentialsRejected | RemoteUnavailable:
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    words = lines[-1].strip() if lines else "no words"
    kind = CredentialsRejected if _DENIED.search(stderr) else RemoteUnavailable
    return kind(f"GitHub could not push: {words}", service=SERVICE, operation=OPERATION)
