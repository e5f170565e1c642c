"""Which rules apply to a branch, and what a push would break."""

from __future__ import annotations

import pytest

from sandbox.github import rules
from sandbox.github.errors import GitHubError
from sandbox.github.models import ZERO
from sandbox.github.push_policy import commands, refused
from sandbox.github.pushes import RefChange
from sandbox.world import Settings, open_world

REPOSITORY = {"full_name": "hospital/diabetes", "default_branch": "main", "owner": "hospital"}
REVIEWS = {
    "required_approving_review_count": 1,
    "dismiss_stale_reviews_on_push": False,
    "require_code_owner_review": False,
    "require_last_push_approval": False,
    "required_review_thread_resolution": False,
}


@pytest.fixture
def world(tmp_path):
    opened = open_world(Settings(home=tmp_path, runtime_python=tmp_path, runner_python=tmp_path))
    yield opened
    opened.documents.close()
    opened.events.close()


def ruleset(name, include, *kinds, **parameters):
    body = {
        "name": name,
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": include, "exclude": ["refs/heads/release/old"]}},
        "rules": [{"type": kind} for kind in kinds],
    }
    if parameters:
        body["rules"].append({"type": "pull_request", "parameters": REVIEWS | parameters})
    return body


@pytest.mark.parametrize(
    ("include", "branch", "covered"),
    [
        (["~DEFAULT_BRANCH"], "main", True),
        (["~DEFAULT_BRANCH"], "other", False),
        (["~ALL"], "a/b", True),
        (["refs/heads/release/*"], "release/1", True),
        (["refs/heads/release/*"], "release/1/2", False),
        (["refs/heads/release/**"], "release/1/2", True),
        (["refs/heads/release/**"], "release/old", False),
        ([], "main", False),
    ],
)
def test_conditions_select_branches(include, branch, covered):
    assert rules.covers(ruleset("one", include), REPOSITORY, branch) is covered


def test_the_rules_of_all_rulesets_add_up(world):
    rules.save_ruleset(world, REPOSITORY, ruleset("one", ["~ALL"], "deletion", required_approving_review_count=1))
    second = ruleset(
        "two",
        ["~DEFAULT_BRANCH"],
        required_approving_review_count=2,
        require_last_push_approval=True,
        allowed_merge_methods=["squash", "rebase"],
    )
    rules.save_ruleset(world, REPOSITORY, second)
    found = rules.branch_rules(world, REPOSITORY, "main")
    assert found.types == {"deletion", "pull_request"}
    assert (found.approvals, found.last_push, found.methods) == (2, True, {"squash", "rebase"})
    assert rules.branch_rules(world, REPOSITORY, "feature").approvals == 1


def test_only_a_named_bypass_actor_escapes(world):
    body = ruleset("one", ["~ALL"], "deletion")
    body["bypass_actors"] = [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
    rules.save_ruleset(world, REPOSITORY, body)
    assert rules.branch_rules(world, REPOSITORY, "main", "admin").types == frozenset()
    assert rules.branch_rules(world, REPOSITORY, "main", "write").types == {"deletion"}


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (RefChange("refs/heads/main", "a" * 40, ZERO), ["Cannot delete this branch"]),
        (RefChange("refs/heads/main", ZERO, "a" * 40), []),
        (RefChange("refs/heads/main", "a" * 40, "b" * 40), ["Changes must be made through a pull request."]),
        (RefChange("refs/heads/other", "a" * 40, ZERO), []),
    ],
)
def test_what_a_push_may_not_do(world, change, sentences):
    body = ruleset("one", ["~DEFAULT_BRANCH"], "deletion", required_approving_review_count=1)
    rules.save_ruleset(world, REPOSITORY, body)
    found = rules.branch_rules(world, REPOSITORY, change.ref.removeprefix("refs/heads/"))
    assert refused(world, REPOSITORY, change, found) == sentences


def test_a_bad_ruleset_changes_nothing(world):
    with pytest.raises(GitHubError):
        rules.save_ruleset(world, REPOSITORY, ruleset("", ["~ALL"], "deletion"))
    with pytest.raises(GitHubError) as unknown:
        rules.save_ruleset(world, REPOSITORY, ruleset("one", ["~ALL"], "workflows"))
    assert unknown.value.status == 501
    assert rules.rulesets(world, REPOSITORY) == []


def test_the_commands_of_a_push_are_read_up_to_the_flush():
    first = f"{ZERO} {'a' * 40} refs/heads/main".encode() + b"\0 report-status side-band-64k"
    second = f"{'b' * 40} {ZERO} refs/heads/old/one".encode()
    body = b"".join(f"{len(line) + 4:04x}".encode() + line for line in (first, second)) + b"0000PACK0042"
    assert commands(body) == [
        RefChange("refs/heads/main", ZERO, "a" * 40),
        RefChange("refs/heads/old/one", "b" * 40, ZERO),
    ]
