"""One HTTP exchange with a scoring server on loopback.

Gunicorn's sync worker closes every connection after its answer, so a pool has nothing to keep; speaking HTTP/1.0
over a plain stream costs half of what a general client does, and the body is simply everything until the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

HOST = "127.0.0.1"
MAX_ANSWER_BYTES = 1_572_864
LONGEST_HEAD = 65_536


class Unreachable(Exception):
    """No connection, or it broke before a whole answer had come."""


class TooLarge(Exception):
    """The answer is larger than an endpoint passes on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` with lower-case names as they came; `first_byte` is `loop.time()` when the answer began."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    first_byte: float

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known == name), "")


async def exchange(
    port: int, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes, timeout: float
) -> Answer:
    """Send and receive. Raises TimeoutError, Unreachable or TooLarge; cancelling it closes the connection."""
    lines = [f"{method} {path} HTTP/1.0", f"Host: {HOST}:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    async with asyncio.timeout(timeout):
        try:
            reader, writer = await asyncio.open_connection(HOST, port, limit=LONGEST_HEAD)
        except OSError as error:
            raise Unreachable(f"connection refused: {error.strerror}") from error
        try:
            writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
            return await _receive(reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise Unreachable(f"connection broken: {error}") from error
        finally:
            writer.close()


async def _receive(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    first_byte = asyncio.get_running_loop().time()
    first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    _, status, *words = first.split(" ", 2)
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in rest))
    chunks, size = [], 0
    while chunk := await reader.read(65_536):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise TooLarge
        chunks.append(chunk)
    declared = next((value for name, value in headers if name == "content-length"), "")
    if declared and int(declared) != size:
        raise Unreachable(f"connection broken: {size} of {declared} bytes came")
    return Answer(int(status), words[0] if words else "", headers, b"".join(chunks), first_byte)
