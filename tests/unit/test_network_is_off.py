"""Both layers that keep tests on this machine, each shown to refuse. 192.0.2.1 is nobody's (RFC 5737)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from tests import offline

NOBODY = ("192.0.2.1", 80)


@pytest.fixture
def refused():
    """The guard's record of what this test does on purpose, taken before it counts against the test."""
    offline.seen()
    yield
    assert offline.seen()


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.socket(socket.AF_INET).connect(NOBODY),
        lambda: socket.create_connection(("example.org", 80), timeout=5),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", NOBODY),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b"x"], [], 0, NOBODY),
        lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)),
        lambda: socket.socket(socket.AF_INET).connect_ex(("0.0.0.0", 80)),  # noqa: S104 - refused
        lambda: socket.gethostbyname("example.org"),
        lambda: urllib.request.urlopen("http://192.0.2.1/", timeout=5),
    ],
    ids=["connect", "name", "sendto", "sendmsg", "IPv6", "wildcard", "gethostbyname", "urllib"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_guard_refuses_other_machines_at_once(refused, reach):
    begun = time.monotonic()
    with pytest.raises(offline.NetworkUsed, match=r"(192\.0\.2\.1|example\.org|2001:db8::1|0\.0\.0\.0).*_at_once"):
        reach()
    assert time.monotonic() - begun < 1


def test_guard_lets_loopback_and_unix_sockets_pass(tmp_path):
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", 0)),
        (socket.AF_INET, ("localhost", 0)),
        (socket.AF_UNIX, str(tmp_path / "door")),
    ):
        with socket.socket(family) as door, socket.socket(family) as caller:
            door.bind(address)
            door.listen()
            caller.connect(door.getsockname())


def test_swallowed_refusal_fails_its_test(tmp_path):
    swallowing = tmp_path / "test_swallows.py"
    swallowing.write_text(
        "import contextlib, socket\n"
        "def test_that_looks_fine():\n"
        "    with contextlib.suppress(Exception):\n"
        "        socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", str(swallowing), "-c", "pyproject.toml"]
    done = subprocess.run(command, cwd=offline.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert "The network is off in tests: socket.getaddrinfo to '192.0.2.1' in" in done.stdout


def test_nothing_that_the_tests_start_gets_out():
    """A process without our guard: the kernel itself knows no way to another machine, but the way to itself."""
    program = (
        "import socket, threading\n"
        "door = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(door.getsockname(), timeout=5)\n"
        "print(socket.if_nameindex())\n"
        "socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
    )
    done = _run([sys.executable, "-m", "tests.offline", sys.executable, "-c", program])
    if not offline.alone() and offline.way_in()[1]:
        assert done.stderr.startswith("What the tests start can reach the network: no namespace could be made (")
        return
    assert done.stdout == "[(1, 'lo')]\n", done.stderr
    assert "OSError: [Errno 101] Network is unreachable" in done.stderr


def test_kernel_without_namespaces_is_told_and_in_ci_an_error(capsys):
    program = "from tests.offline import way_in; print(way_in()[1])"
    why = _run([sys.executable, "-c", program], PATH="/nowhere").stdout.strip()
    assert why == "unshare of util-linux cannot be run (No such file or directory)"
    offline.go_on_without(why, in_ci=False)
    assert capsys.readouterr().err.splitlines() == [
        f"What the tests start can reach the network: no namespace could be made ({why})."
    ]
    with pytest.raises(SystemExit, match="In CI that is an error"):
        offline.go_on_without(why, in_ci=True)


def test_guard_holds_in_every_thread(refused):
    caught = []

    def reach():
        try:
            socket.create_connection(NOBODY, timeout=5)
        except offline.NetworkUsed as error:
            caught.append(error)

    thread = threading.Thread(target=reach)
    thread.start()
    thread.join(timeout=10)
    assert len(caught) == 1


def _run(command, **environment):
    env = {name: value for name, value in os.environ.items() if name != "CI"} | environment
    return subprocess.run(command, cwd=offline.ROOT, env=env, capture_output=True, text=True, check=False)
