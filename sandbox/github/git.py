"""The git plumbing of one bare repository, without a work tree."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from sandbox.github.models import Commit, Signature, Tag, TreeEntry

TIMEOUT_SECONDS = 30
COMMIT_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
FULL_SHA = re.compile(r"^[0-9a-f]{40}$")
GITHUB = Signature("GitHub", "noreply@github.com", "")


class GitError(Exception):
    """A git command ended with an error; the message is its own."""


def environment() -> dict[str, str]:
    """The process environment without a person's git configuration, so that answers depend on the repository only."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # A home on a mounted disk may belong to somebody else; it is ours all the same.
    trust = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    fixed = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return kept | trust | fixed


@dataclass(frozen=True, slots=True)
class Git:
    """Commands on the bare repository at `path`. Object names are full SHA-1 unless said otherwise."""

    path: Path

    def attempt(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["git", "--git-dir", str(self.path), *arguments],
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env=environment() | dict(env or {}),
            check=False,
        )

    def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        done = self.attempt(*arguments, stdin=stdin, env=env)
        if done.returncode != 0:
            raise GitError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def text(self, *arguments: str) -> str:
        return self.run(*arguments).decode(errors="replace").strip()

    def resolve(self, name: str) -> str | None:
        """The commit that a SHA, a branch, a tag or `heads/x` names; None if there is none."""
        if not name or name.startswith("-") or any(letter in name for letter in "\0\n ^~:?*[\\") or ".." in name:
            return None
        places = (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name)
        for candidate in (name,) if FULL_SHA.match(name) else places:
            done = self.attempt("rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}")
            if done.returncode == 0:
                return done.stdout.decode().strip()
        return None

    def ref(self, name: str) -> str | None:
        """The object a full ref name points at; the name is taken literally, never as an expression.

        Refs lie in files of their own here (nothing packs them), so most are read without starting git.
        """
        loose = self.path / name
        if ".." not in name and name.startswith("refs/") and "\0" not in name and loose.is_file():
            sha = loose.read_text(encoding="ascii", errors="replace").strip()
            if FULL_SHA.match(sha):
                return sha
        done = self.attempt("show-ref", "--verify", "--hash", name)
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def refs(self, prefix: str) -> dict[str, str]:
        lines = self.text("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return {name: sha for name, _, sha in (line.partition(" ") for line in lines)}

    def move_ref(self, name: str, new: str, old: str = "") -> bool:
        """Point a ref at `new` only if it is at `old` ("": whatever it is at; ZERO: absent)."""
        arguments = ("update-ref", name, new, old) if old else ("update-ref", name, new)
        return self.attempt(*arguments).returncode == 0

    def delete_ref(self, name: str) -> bool:
        return self.attempt("update-ref", "-d", name).returncode == 0

    def commit(self, sha: str) -> Commit:
        return _commit(self.path, sha)

    def commits(self, *revisions: str, skip: int = 0, limit: int = -1, path: str = "") -> list[str]:
        """Commit names reachable from the revisions (`^x` excludes), newest first."""
        arguments = ["rev-list", f"--skip={skip}", f"--max-count={limit}", *revisions, "--"]
        return self.text(*arguments, *([path] if path else [])).split()

    def count(self, *revisions: str) -> int:
        return int(self.text("rev-list", "--count", *revisions, "--"))

    def merge_base(self, one: str, other: str) -> str | None:
        return _merge_base(self.path, one, other)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        return _is_ancestor(self.path, ancestor, descendant)

    def merged_tree(self, base: str, head: str) -> str | None:
        """The tree of merging `head` into `base`, or None where they conflict."""
        return _merged_tree(self.path, base, head)

    def make_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Signature, committer: Signature
    ) -> str:
        """Write a commit object and return its name; no ref moves."""
        arguments = [part for parent in parents for part in ("-p", parent)]
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
            "GIT_COMMITTER_DATE": committer.date,
        }
        body = message.replace("\0", "").encode(errors="replace")  # git refuses a NUL in a commit message
        return self.run("commit-tree", tree, *arguments, stdin=body, env=env).decode().strip()

    def kind(self, sha: str) -> str | None:
        """`commit`, `tag`, `tree` or `blob`; None where there is no such object."""
        if not FULL_SHA.match(sha):
            return None
        done = self.attempt("cat-file", "-t", sha)
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def make_tag(self, name: str, target: str, kind: str, message: str, tagger: Signature) -> str:
        """Write an annotated tag object and return its name; no ref is made."""
        seconds = int(datetime.fromisoformat(tagger.date).timestamp())
        who = f"{_in_header(tagger.name)} <{_in_header(tagger.email)}> {seconds} +0000"
        text = message.replace("\0", "").rstrip("\n")
        body = f"object {target}\ntype {kind}\ntag {name}\ntagger {who}\n\n{text}\n"
        return self.run("mktag", stdin=body.encode(errors="replace")).decode().strip()

    def tag(self, sha: str) -> Tag:
        """Raises GitError where `sha` is no annotated tag."""
        head, _, message = self.run("cat-file", "tag", sha).decode(errors="replace").partition("\n\n")
        fields = dict(line.partition(" ")[::2] for line in head.splitlines())
        name, _, rest = fields.get("tagger", "").partition(" <")
        email, _, when = rest.partition("> ")
        at = datetime.fromtimestamp(int(when.split(" ")[0] or 0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Tag(
            sha, fields["tag"], message.rstrip("\n"), fields["object"], fields["type"], Signature(name, email, at)
        )

    def entry(self, commit: str, path: str) -> TreeEntry | None:
        """The file or folder at `path` ("" is the root)."""
        if not path:
            return TreeEntry("040000", "tree", self.text("rev-parse", f"{commit}^{{tree}}"), 0, "")
        return next(iter(self._tree(commit, path)), None)

    def entries(self, commit: str, path: str) -> list[TreeEntry]:
        """What a folder holds, sorted by name."""
        return self._tree(commit, f"{path}/" if path else "")

    def _tree(self, commit: str, path: str) -> list[TreeEntry]:
        output = self.run("ls-tree", "-z", "-l", "--full-tree", commit, "--", *([path] if path else []))
        found = []
        for record in output.decode(errors="replace").split("\0"):
            if record:
                fields, name = record.split("\t", 1)
                mode, kind, sha, size = fields.split()
                found.append(TreeEntry(mode, kind, sha, 0 if size == "-" else int(size), name))
        return found

    def blob(self, sha: str) -> bytes:
        return self.run("cat-file", "blob", sha)

    def write_blob(self, content: bytes) -> str:
        return self.run("hash-object", "-w", "--stdin", stdin=content).decode().strip()


@lru_cache(maxsize=20_000)
def _commit(path: Path, sha: str) -> Commit:
    output = Git(path).run("log", "-1", "--no-show-signature", f"--format={COMMIT_FORMAT}", sha, "--")
    fields = output.decode(errors="replace").split("\0", 9)
    return Commit(
        sha=fields[0],
        tree=fields[1],
        parents=tuple(fields[2].split()),
        author=Signature(fields[3], fields[4], _utc(fields[5])),
        committer=Signature(fields[6], fields[7], _utc(fields[8])),
        message=fields[9].rstrip("\n"),
    )


def _in_header(text: str) -> str:
    """What git lets stand in a name or an address of an object's header."""
    return "".join(letter for letter in text if letter.isprintable() and letter not in "<>").strip() or "unknown"


def _utc(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=20_000)
def _merge_base(path: Path, one: str, other: str) -> str | None:
    done = Git(path).attempt("merge-base", one, other)
    return done.stdout.decode().split()[0] if done.returncode == 0 else None


@lru_cache(maxsize=20_000)
def _is_ancestor(path: Path, ancestor: str, descendant: str) -> bool:
    done = Git(path).attempt("merge-base", "--is-ancestor", ancestor, descendant)
    if done.returncode not in {0, 1}:
        raise GitError(f"git merge-base: {done.stderr.decode(errors='replace').strip()}")
    return done.returncode == 0


@lru_cache(maxsize=20_000)
def _merged_tree(path: Path, base: str, head: str) -> str | None:
    """Cached by (base, head): a list of a hundred pull requests asks this for each of them."""
    done = Git(path).attempt("merge-tree", "--write-tree", "--no-messages", base, head)
    if done.returncode == 1:
        return None
    if done.returncode != 0:
        raise GitError(f"git merge-tree: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode().split()[0]
