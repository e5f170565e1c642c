"""ARM ids are taken apart without regard to case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.arm.ids import parse, workspace_id

WORKSPACE = workspace_id("S", "R", "W")


@pytest.mark.parametrize(
    ("text", "pattern", "names"),
    [
        ("/subscriptions/S", "subscriptions/*", ("S",)),
        ("/subscriptions/S/resourcegroups/R", "subscriptions/*/resourcegroups/*", ("S", "R")),
        (f"{WORKSPACE}/jobs", "microsoft.machinelearningservices/workspaces/*/jobs", ("W",)),
        (f"{WORKSPACE}/jobs/J/cancel", "microsoft.machinelearningservices/workspaces/*/jobs/*/cancel", ("W", "J")),
        (
            f"{WORKSPACE}/providers/Microsoft.Insights/diagnosticSettings/D",
            "microsoft.insights/diagnosticsettings/*",
            ("D",),
        ),
    ],
)
def test_shape_and_names(text, pattern, names):
    found = parse(text)
    assert (found.pattern, found.names) == (pattern, names)


def test_parts_of_a_version():
    version = parse(f"{WORKSPACE}/models/M/versions/3")
    assert (version.subscription, version.group, version.workspace, version.name) == ("S", "R", "W", "3")
    assert version.parent == f"{WORKSPACE}/models/M"
    assert version.workspace_id == WORKSPACE
    assert version.type == "microsoft.machinelearningservices/workspaces/models/versions"


def test_log_analytics_workspace_is_no_azure_ml_workspace():
    identity = parse("/subscriptions/S/resourceGroups/R/providers/Microsoft.OperationalInsights/workspaces/L")
    assert identity.workspace == ""
    with pytest.raises(ValueError, match="not inside a workspace"):
        _ = identity.workspace_id


@pytest.mark.parametrize("text", ["", "/", "/providers/x", "subscriptionsX/S"])
def test_other_paths_are_no_ids(text):
    with pytest.raises(ValueError, match="not an ARM id"):
        parse(text)


@given(st.lists(st.booleans(), min_size=len(WORKSPACE), max_size=len(WORKSPACE)))
def test_case_never_matters(upper):
    text = "".join(letter.upper() if up else letter.lower() for letter, up in zip(WORKSPACE, upper, strict=True))
    assert parse(text).key == parse(WORKSPACE).key
    assert parse(text).pattern == parse(WORKSPACE).pattern
    assert parse(text).workspace.lower() == "w"
