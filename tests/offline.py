"""Tests speak to this machine only: a guard in their own process, a network of loopback alone around what they start.

python -m tests.offline COMMAND...      runs the command in a network namespace of its own
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "lo"
NAMES = frozenset({"", "localhost", "ip6-localhost", "ip6-loopback"})
RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
ROOT_WAY = ("unshare", "--net")
USER_WAY = ("unshare", "--user", "--map-root-user", "--net")
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1
"""SIOCGIFFLAGS, SIOCSIFFLAGS and IFF_UP of netdevice(7)."""

_seen: list[str] = []
_guarding = False


class NetworkUsed(Exception):
    """A test reached for another machine; no OSError, so that nobody takes it for a network that is down."""


def guard() -> None:
    """From now on this process reaches loopback and Unix sockets only. For good: an audit hook cannot be taken away."""
    global _guarding  # noqa: PLW0603 - as the hook itself, once a process
    if not _guarding:
        _guarding = True
        sys.addaudithook(_look)


def seen() -> list[str]:
    """What was refused since the last call: code under test may have swallowed the error."""
    found = list(_seen)
    _seen.clear()
    return found


def _look(event: str, arguments: tuple[object, ...]) -> None:
    if event in RESOLVING and not _here(arguments[0]):
        _refuse(event, arguments[0])
    if event in SENDING and arguments[1] is not None:
        opened, address = arguments[:2]
        family = getattr(opened, "family", socket.AF_UNSPEC)
        host = address[0] if isinstance(address, tuple) and address else address
        if family != socket.AF_UNIX and not (family in {socket.AF_INET, socket.AF_INET6} and _here(host)):
            _refuse(event, address)


def _here(host: object) -> bool:
    """Whether a host, as the socket calls take it, is this machine over loopback."""
    name = host.decode(errors="replace") if isinstance(host, bytes | bytearray) else "" if host is None else str(host)
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name.lower().rstrip(".") in NAMES


def _refuse(event: str, address: object) -> None:
    test = os.environ.get("PYTEST_CURRENT_TEST", "code outside of a test")
    said = f"The network is off in tests: {event} to {address!r} in {test}. Speak to 127.0.0.1 only."
    _seen.append(said)
    raise NetworkUsed(said)


def alone() -> bool:
    """Whether loopback is the only interface there is, so that nothing can leave this machine."""
    return [name for _, name in socket.if_nameindex()] == [LOOPBACK]


def way_in() -> tuple[Sequence[str], str]:
    """The command that makes a namespace, and "" or why the kernel makes none."""
    why = ""
    for way in (ROOT_WAY, USER_WAY) if os.geteuid() == 0 else (USER_WAY,):
        try:
            done = subprocess.run([*way, "true"], capture_output=True, text=True, timeout=30, check=False)
        except OSError as error:
            return way, f"unshare of util-linux cannot be run ({error.strerror})"
        if done.returncode == 0:
            return way, ""
        why = done.stderr.strip() or f"{' '.join(way)} ended with {done.returncode}"
    return USER_WAY, why


def enter(module: str, arguments: Sequence[str]) -> None:
    """Go on only where nothing but loopback can be reached: `module` is run anew in such a network if this is none.

    Where the kernel makes no namespace, one line says so and the guard of each pytest process is what is left; in CI
    that is an error.
    """
    if alone():
        _raise_loopback()
        return
    way, why = way_in()
    if not why:
        os.chdir(ROOT)
        os.execvp(way[0], [*way, sys.executable, "-m", module, *arguments])  # noqa: S606 - a fixed command
    go_on_without(why, in_ci=os.environ.get("CI") == "true")


def go_on_without(why: str, *, in_ci: bool) -> None:
    said = f"What the tests start can reach the network: no namespace could be made ({why})."
    if in_ci:
        sys.exit(f"{said} In CI that is an error.")
    print(said, file=sys.stderr)


def _raise_loopback() -> None:
    """A new namespace has its loopback down. By ioctl, so that iproute2 need not be installed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sH22x", LOOPBACK.encode(), 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, GET_FLAGS, asked), 16)
        if not flags & UP:
            fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH22x", LOOPBACK.encode(), flags | UP))


if __name__ == "__main__":
    enter("tests.offline", sys.argv[1:])
    sys.exit(subprocess.run(sys.argv[1:], check=False, timeout=3600).returncode)
