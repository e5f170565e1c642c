"""Which people own a path."""

from __future__ import annotations

import pytest

from sandbox.github.codeowners import CodeOwners, errors, matches, parse, required_owners

REPOSITORY = {"owner": "hospital", "full_name": "hospital/diabetes"}


@pytest.mark.parametrize(
    ("pattern", "path", "owned"),
    [
        ("*", "a/b/c.py", True),
        ("*.py", "a/b/c.py", True),
        ("*.py", "a/b/c.pyc", False),
        ("/docs/", "docs/a/b.md", True),
        ("/docs/", "src/docs/a.md", False),
        ("docs/", "src/docs/a.md", True),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/sub/a.md", False),
        ("/training", "training/train.py", True),
        ("training/train.py", "training/train.py", True),
        ("training/train.py", "other/training/train.py", False),
        ("**/logs", "deep/below/logs/x", True),
        ("/apps/**/build", "apps/one/two/build/x", True),
        ("a.b", "aXb", False),
        ("file?.txt", "file1.txt", True),
    ],
)
def test_a_pattern_selects_paths_as_github_does(pattern, path, owned):
    assert matches(pattern, path) is owned


def owners(text):
    return CodeOwners(".github/CODEOWNERS", parse(text))


def test_the_last_matching_line_decides():
    found = owners("* @lead @deputy\n# a comment\n/training/ @scientist  # why\n/free/\n")
    assert required_owners(found, ["README.md"], REPOSITORY) == (("lead", "deputy"),)
    assert required_owners(found, ["training/a.py"], REPOSITORY) == (("scientist",),)
    assert required_owners(found, ["free/a.txt"], REPOSITORY) == ()
    assert required_owners(found, ["training/a.py", "README.md"], REPOSITORY) == (("scientist",), ("lead", "deputy"))
    assert required_owners(None, ["README.md"], REPOSITORY) == ()


def test_owners_without_write_access_are_ignored_and_reported():
    found = owners("* @viewer lead@hospital.example @hospital/team\n")
    assert required_owners(found, ["x"], REPOSITORY) == (("lead",),)
    reported = errors(found, REPOSITORY)
    assert [(error["line"], error["column"], error["kind"]) for error in reported] == [
        (1, 3, "Unknown owner"),
        (1, 33, "Unknown owner"),
    ]
