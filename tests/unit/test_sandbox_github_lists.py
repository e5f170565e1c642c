"""Pages, diffs and the price of a query."""

from __future__ import annotations

import os
import subprocess

import pytest
from graphql import GraphQLError, parse

from sandbox.github.diffs import EMPTY_TREE, changed_files
from sandbox.github.git import Git
from sandbox.github.graphql.connections import Cost, connection
from sandbox.github.paging import page_of

URL = "https://localhost:9443/api/v3/repos/hospital/diabetes/pulls"


def test_the_link_header_names_the_pages_around():
    middle = page_of(range(95), URL, {"page": "2", "per_page": "30", "state": "all"})
    assert middle.items == list(range(30, 60))
    assert middle.link == (
        f'<{URL}?page=1&per_page=30&state=all>; rel="prev", <{URL}?page=3&per_page=30&state=all>; rel="next", '
        f'<{URL}?page=4&per_page=30&state=all>; rel="last", <{URL}?page=1&per_page=30&state=all>; rel="first"'
    )
    assert page_of(range(3), URL, {}).link == ""
    assert page_of(range(200), URL, {"per_page": "1000"}).items == list(range(100))
    assert page_of(range(3), URL, {"page": "nonsense"}).items == [0, 1, 2]


def test_a_connection_walks_forward_and_backward():
    first = connection("abcdef", "letters", {"first": 2})
    assert (first["nodes"], first["page_info"]["has_next_page"]) == (["a", "b"], True)
    second = connection("abcdef", "letters", {"first": 2, "after": first["page_info"]["end_cursor"]})
    assert second["nodes"] == ["c", "d"]
    last = connection("abcdef", "letters", {"last": 2})
    assert (last["nodes"], last["page_info"]["has_previous_page"]) == (["e", "f"], True)
    for wrong in ({}, {"first": 101}, {"first": 1, "after": "nonsense"}):
        with pytest.raises(GraphQLError):
            connection("abc", "letters", wrong)


def test_a_query_costs_its_connections():
    query = parse("""query($n: Int = 50) { repository { pullRequests(first: $n) { nodes {
        labels(first: 10) { nodes { name } } ...F } } } }
        fragment F on PullRequest { files(first: 2) { totalCount } }""")
    cost = Cost(query, {})
    assert (cost.requests, cost.nodes, cost.points) == (101, 50 + 500 + 100, 1)
    assert Cost(query, {"n": 100}).points == 2


def git(folder, *arguments):
    env = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=A", "-c", "user.email=a@hospital.example"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_diff_keeps_names_kinds_and_hunks_together(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "kept.txt").write_text("same\n" * 20)
    (tmp_path / "link").write_text("a file\n")
    (tmp_path / "gone.txt").write_text("x\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    (tmp_path / "kept.txt").rename(tmp_path / "mo ved\t.txt")
    (tmp_path / "gone.txt").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("gone.txt")
    (tmp_path / "z-last.txt").write_text("diff --git a/x b/x\n@@ not a hunk @@\n")
    (tmp_path / "a.bin").write_bytes(b"\0\1\2")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "two")
    repository = Git(tmp_path / ".git")
    files = {file.path: file for file in changed_files(repository, "HEAD~1", "HEAD", patches=True)}
    assert {path: file.status for path, file in files.items()} == {
        "a.bin": "added",
        "gone.txt": "removed",
        "link": "changed",
        "mo ved\t.txt": "renamed",
        "z-last.txt": "added",
    }
    assert files["mo ved\t.txt"].previous_path == "kept.txt"
    assert (files["a.bin"].patch, files["a.bin"].additions) == ("", 0)
    assert files["gone.txt"].patch == "@@ -1 +0,0 @@\n-x"
    assert files["z-last.txt"].patch == "@@ -0,0 +1,2 @@\n+diff --git a/x b/x\n+@@ not a hunk @@"
    assert files["link"].patch.startswith("@@ -0,0 +1 @@\n+gone.txt")
    assert all(file.patch == "" for file in changed_files(repository, EMPTY_TREE, "HEAD"))
