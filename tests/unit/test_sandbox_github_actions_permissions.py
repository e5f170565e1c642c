"""Which actions a repository lets its workflows use."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.github import actions_permissions
from sandbox.world import Settings, open_world

PINNED = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
FOREIGN = "somebody/action@11bd71901bbe5b1630ceea73d27597364c9af683"
OWN = "hospital/action@11bd71901bbe5b1630ceea73d27597364c9af683"


@pytest.fixture
def world(tmp_path):
    opened = open_world(Settings(home=tmp_path, runtime_python=Path("python"), runner_python=Path("python")))
    yield opened
    opened.documents.close()
    opened.events.close()


@pytest.mark.parametrize(
    ("settings", "used", "refused"),
    [
        ({}, "actions/checkout@v4", ""),
        ({"sha_pinning_required": True}, "actions/checkout@v4", "pinned to a full-length commit SHA"),
        ({"sha_pinning_required": True}, PINNED, ""),
        ({"allowed_actions": "local_only"}, PINNED, "must be from a repository owned by hospital"),
        ({"allowed_actions": "local_only"}, OWN, ""),
        ({"allowed_actions": "selected", "github_owned_allowed": True}, PINNED, ""),
        ({"allowed_actions": "selected", "github_owned_allowed": True}, FOREIGN, "created by GitHub"),
        ({"allowed_actions": "selected", "patterns_allowed": ["somebody/*"]}, FOREIGN, ""),
        ({"allowed_actions": "selected"}, PINNED, "match one of the patterns"),
    ],
)
def test_an_action_runs_only_where_it_is_allowed(world, settings, used, refused):
    actions_permissions.change(world, "hospital/diabetes", settings)
    told = actions_permissions.refusal(world, "hospital/diabetes", used)
    assert refused in told
    assert bool(told) is bool(refused)
