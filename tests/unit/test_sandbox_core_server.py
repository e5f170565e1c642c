"""The sandbox process itself: its home, ports, lock and end."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import stat
import subprocess

import httpx
import pytest


@pytest.fixture(scope="module")
def world(make_sandbox):
    return make_sandbox("--services", "identity")


def test_ready_line_names_both_ports_on_loopback(world):
    assert world.url.startswith("https://localhost:")
    assert world.browser_url.startswith("http://127.0.0.1:")


def test_certificate_is_trusted_with_the_worlds_authority_only(world):
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(world, ssl.create_default_context())
    assert _handshake(world, ssl.create_default_context(cafile=world.ca_file)) == "localhost"


def test_secrets_are_private_files(world):
    assert stat.S_IMODE((world.home / "tls").stat().st_mode) == 0o700
    for path in (world.home / "secrets.json", world.home / "tls" / "server-key.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_secret_reaches_the_log(world):
    secrets = [value for client in world.secrets.values() for name, value in client.items() if not name.endswith("_id")]
    # A private key has lines, of which any is too much.
    lines = [line for secret in secrets for line in secret.splitlines() if line]
    assert len(lines) > len(secrets) > 5
    assert [line for line in lines if line in world.log()] == []


def test_second_sandbox_on_the_same_home_is_refused_in_one_line(world):
    ended = _run_beside(world, home=world.home, port="0")
    assert ended.returncode == 69
    assert ended.stderr.strip().splitlines() == [
        f"A sandbox already runs on {world.home}; stop it, or choose another folder with --home."
    ]


def test_taken_port_is_named_in_one_line(world, tmp_path):
    ended = _run_beside(world, home=tmp_path, port=str(world.port))
    assert ended.returncode == 69
    assert ended.stderr.strip().startswith(f"Port {world.port} cannot be opened (Address already in use);")
    assert len(ended.stderr.strip().splitlines()) == 1


def test_home_that_is_a_file_is_named_in_one_line(world, tmp_path):
    home = tmp_path / "home"
    home.write_text("not a folder")
    ended = _run_beside(world, home=home, port="0")
    assert ended.returncode == 69
    assert ended.stderr.startswith(f"The sandbox cannot use {home}: ")
    assert len(ended.stderr.strip().splitlines()) == 1


def test_damaged_database_is_named_in_one_line(world, tmp_path):
    (tmp_path / "sandbox.db").write_text("this is no database, and long enough to be taken for one" * 100)
    ended = _run_beside(world, home=tmp_path, port="0")
    assert ended.returncode == 69
    assert "file is not a database. Mend that, or choose another folder with --home." in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_unknown_service_is_refused(tmp_path, world):
    command = [*world.command(), "--services", "identity,billing"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "There is no service 'billing'" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_zero(make_sandbox, number):
    own = make_sandbox("--services", "identity")
    os.kill(own.pid, number)
    assert own.process.wait(timeout=20) == 0


def test_killed_sandbox_starts_again_on_the_same_home_and_ports(make_sandbox):
    own = make_sandbox("--services", "identity")
    url, secrets, authority = own.url, own.secrets, own.ca_file.read_bytes()
    own.kill()
    own.restart()
    assert (own.url, own.secrets, own.ca_file.read_bytes()) == (url, secrets, authority)


def test_both_ports_listen_on_loopback_only(world):
    for port in (world.port, world.browser_port):
        with pytest.raises(ConnectionRefusedError), socket.create_connection((_other_address(), port), timeout=2):
            pass


def test_unknown_path_is_not_implemented(world):
    answer = httpx.get(f"{world.browser_url}/nothing/like/this", headers={"x-ms-version": "2021-01-01"}, timeout=10)
    assert answer.status_code == 501
    assert "<Code>NotImplemented</Code>" in answer.text


def _handshake(world, context):
    with (
        socket.create_connection(("127.0.0.1", world.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        subject = dict(entry for group in secured.getpeercert()["subject"] for entry in group)
        return subject["commonName"]


def _run_beside(world, *, home, port):
    command = world.command()
    command[command.index("--home") + 1] = str(home)
    command[command.index("--port") + 1] = port
    command[command.index("--browser-port") + 1] = "0"
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _other_address():
    """An address of this machine that is not 127.0.0.1: all of 127/8 is loopback, so 127.0.0.2 would reach 0.0.0.0."""
    return "127.0.0.2"
