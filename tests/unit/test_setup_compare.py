"""What is declared beside what is there: each field has its word, and what is hidden is never fine."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.domain.setup import AppliedResource, Change
from backend.errors import ConfigurationError, Conflict, CredentialsRejected, NotFound, RemoteRejected
from backend.setup.apart import apart
from backend.setup.arm_resource import merged
from backend.setup.declaration import SHIPPED, read_declaration
from backend.setup.resource import Resource, apply, look_at, plan

WANTED = {"region": "westeurope", "sku": "basic"}


def resource(found, made=None, **more):
    def look():
        if isinstance(found, Exception):
            raise found
        return found

    def make():
        made.append(more.get("name", "it"))

    values = {"kind": "thing", "name": "it", "where": "here", "declared": lambda: WANTED, "look": look}
    return Resource(**{**values, "make": None if made is None else make, **more})


@pytest.mark.parametrize(
    ("found", "change", "fields"),
    [
        (None, Change.CREATE, [Change.CREATE, Change.CREATE]),
        (WANTED, Change.NONE, [Change.NONE, Change.NONE]),
        ({**WANTED, "sku": "free"}, Change.UPDATE, [Change.NONE, Change.UPDATE]),
        ({**WANTED, "sku": None}, Change.UNREADABLE, [Change.NONE, Change.UNREADABLE]),
        ({"region": "moon", "sku": None}, Change.UPDATE, [Change.UPDATE, Change.UNREADABLE]),
        ({"region": "westeurope"}, Change.UPDATE, [Change.NONE, Change.UPDATE]),
    ],
)
def test_each_field_has_its_word(found, change, fields):
    told = look_at(resource(found, []))
    assert (told.change, [field.change for field in told.fields]) == (change, fields)


@pytest.mark.parametrize(
    "hidden",
    [
        CredentialsRejected("Azure refused it", service="Azure", operation="read", status=403),
        NotFound("Azure refused it"),
    ],
    ids=["refused", "denied to exist"],
)
def test_a_hidden_resource_cannot_be_read_and_says_why(hidden):
    told = plan([resource(hidden, []), resource(WANTED, [])])
    assert [one.change for one in told.resources] == [Change.UNREADABLE, Change.NONE]
    assert told.resources[0].note == "Azure refused it"
    assert [one.change for one in told.unknown] == [Change.UNREADABLE]


def test_apply_makes_what_it_may_and_leaves_the_rest_with_the_reason():
    made, told = [], []
    whole = apply(
        [
            resource(None, made, name="new"),
            resource(WANTED, made, name="same"),
            resource({**WANTED, "sku": None}, made, name="hidden"),
            resource(None, made, name="early", waits_for=lambda: "waits for the other"),
            resource({**WANTED, "sku": "free"}, name="by hand", by_hand="ask a person"),
        ],
        told.append,
    )
    assert not whole
    assert made == ["new"]
    assert [(one.resource.name, one.done, one.message) for one in told] == [
        ("new", True, "created"),
        ("same", True, "as declared"),
        ("hidden", False, "sku: not readable with this identity -> basic"),
        ("early", False, "waits for the other"),
        ("by hand", False, "ask a person"),
    ]


def test_a_failure_is_told_and_stops_what_may_need_it():
    def refuse():
        raise RemoteRejected("no quota", service="Azure", operation="create")

    made: list[str] = []
    told: list[AppliedResource] = []
    after = resource(None, made, name="after")
    with pytest.raises(RemoteRejected):
        apply([resource(None, made, name="before"), resource(None, name="it", make=refuse), after], told.append)
    assert made == ["before"]
    assert [one.message for one in told] == ["created", "no quota"]


def test_what_exists_otherwise_and_cannot_be_changed_is_left_and_the_rest_is_made():
    def refuse():
        raise Conflict("it exists with another mode", expected="key", actual="token")

    made: list[str] = []
    told: list[AppliedResource] = []
    there = resource({**WANTED, "sku": "free"}, name="there", make=refuse)
    assert not apply([there, resource(None, made, name="after")], told.append)
    assert made == ["after"]
    assert [(one.done, one.message) for one in told] == [(False, "it exists with another mode"), (True, "created")]


def test_sending_over_what_is_there_keeps_what_is_not_declared():
    there = {"sku": {"name": "a"}, "properties": {"policies": ["x"], "open": True, "deep": {"kept": 1}}}
    wanted = {"properties": {"open": False, "deep": {"new": 2}, "list": [1]}}
    assert merged(there, wanted) == {
        "sku": {"name": "a"},
        "properties": {"policies": ["x"], "open": False, "deep": {"kept": 1, "new": 2}, "list": [1]},
    }


@pytest.mark.parametrize(
    ("dev", "prod", "told"),
    [("a", "b", "different: a and b"), ("a", "a", "the same: a"), ("", "b", "the same: "), ("", "", "cannot be told")],
)
def test_two_that_cannot_be_told_apart_are_not_two(dev, prod, told):
    assert apart(dev, prod).startswith(told)


def test_the_shipped_declaration_withholds_endpoints_from_ci():
    declared = read_declaration()
    (role,) = [one for one in declared.roles if one.name == "MLOps CI"]
    withheld = {action.rpartition("workspaces/")[2] for action in role.not_actions}
    assert {"onlineEndpoints/write", "onlineEndpoints/deployments/*", "computes/write", "write"} <= withheld
    ci = [one for one in declared.assignments if "ci" in one.identity]
    assert {(one.identity, one.role, one.scope) for one in ci} == {
        ("mlops-ci-dev", "MLOps CI", "dev"),
        ("mlops-ci-prod", "MLOps CI", "prod"),
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("retention_days = 30", "retention_days = 1"), "logs.retention_days"),
        (('identity = "mlops-worker"', 'identity = "nobody"'), "assignments"),
        (("[logs]", "[logs"), "cannot be read"),
    ],
)
def test_a_wrong_declaration_names_its_key(tmp_path, change, named):
    file = Path(tmp_path) / "declared.toml"
    file.write_text(SHIPPED.read_text().replace(*change))
    with pytest.raises(ConfigurationError, match=named):
        read_declaration(file)
