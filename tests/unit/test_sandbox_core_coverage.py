"""COVERAGE.md says what the routes say."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from sandbox.arm.routing import ArmRoute
from sandbox.coverage import operations
from sandbox.service import Service

ROOT = Path(__file__).resolve().parents[2]


def greet(_request):
    """Say hello.

    At length.
    """
    return PlainTextResponse("hello")


def test_file_is_up_to_date(sandbox_python):
    command = [sandbox_python, "-m", "sandbox", "coverage", "--check"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("handler", [greet, functools.partial(greet)])
def test_route_is_listed_with_the_first_line_of_its_handler(handler):
    service = Service(name="control", routes=[Mount("/deep", routes=[Route("/a|b", handler, methods=["GET"])])])
    (found,) = operations(service)
    assert (found.port, found.methods, found.path, found.promise) == ("TLS", "GET", "/deep/a|b", "Say hello.")


def test_route_of_both_ports_is_listed_once():
    route, other = Route("/x", greet, methods=["POST"]), Route("/y", greet, methods=["GET"])
    service = Service(name="control", routes=[route], browser_routes=[route, other])
    assert [(found.port, found.path) for found in operations(service)] == [("both", "/x"), ("browser", "/y")]


def test_table_of_resource_types_is_listed():
    service = Service(name="arm", routes=[ArmRoute(None, {"PUT workspaces/*/jobs/*": greet})])
    (found,) = operations(service)
    assert (found.methods, found.path) == ("PUT", "microsoft.machinelearningservices/workspaces/*/jobs/*")
    assert found.promise == "Say hello."
