"""The data collector beside one scoring server, as in Azure's container: takes tables over HTTP, keeps lines.

Run as a file of its own by the server's Python, which has none of ours: `sidecar.py SPOOL SOURCE DESCRIPTOR`. What
azureml-ai-monitoring posts becomes a CloudEvent in the spool, one a line; the sandbox carries them to the blob store.
The listening socket is inherited, so that its port is known before the server starts. It ends with its parent.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

PATH = "/modeldata/log"
MAX_BYTES = 4 << 20
"""The service keeps more than this apart, in a file that the line names; here it is refused."""


class Sidecar(HTTPServer):
    def __init__(self, listening: socket.socket, spool: Path, source: str) -> None:
        super().__init__(listening.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.spool, self.source = spool, source
        self.parent = os.getppid()

    def service_actions(self) -> None:
        """Called twice a second: nobody else would end the sidecar of a server that was killed."""
        if os.getppid() != self.parent:
            raise SystemExit(0)

    def keep(self, headers: Mapping[str, str], body: bytes) -> None:
        line = json.dumps(event(headers, body, self.source), separators=(",", ":"), ensure_ascii=False)
        with self.spool.open("ab", buffering=0) as file:
            file.write(line.encode() + b"\n")


class Handler(BaseHTTPRequestHandler):
    server: Sidecar
    timeout = 10

    def do_POST(self) -> None:
        """200 once the table is on the disk."""
        size = int(self.headers.get("Content-Length") or -1)
        if self.path != PATH or not 0 <= size <= MAX_BYTES:
            self._say(404 if self.path != PATH else 413)
            return
        try:
            self.server.keep({name.lower(): value for name, value in self.headers.items()}, self.rfile.read(size))
        except (KeyError, ValueError):
            self._say(400)
            return
        self._say(200)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in the class above
        """Say nothing: the server's log is the scoring script's."""

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def event(headers: Mapping[str, str], body: bytes, source: str) -> dict[str, Any]:
    """A line of collected data. Source: Microsoft Learn, "Collect production data", "Store collected data"."""
    moment = datetime.fromtimestamp(int(headers["ce-time"]), UTC)
    correlation = headers.get("ce-x-request-id", "")
    return {
        "specversion": "1.0",
        "id": headers["trace-id"],
        "source": source,
        "type": headers["ce-type"],
        "datacontenttype": "application/json",
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": json.loads(body),
        "contentrange": f"bytes 0-{len(body) - 1}/{len(body)}",
        "correlationid": correlation,
        "xrequestid": correlation,
        "modelversion": headers.get("ce-model-version", ""),
        "collectdatatype": headers.get("ce-collect-data-type", ""),
        "agent": headers.get("ce-agent", ""),
    }


def main(arguments: list[str]) -> None:
    spool, source, descriptor = arguments
    with socket.socket(fileno=int(descriptor)) as listening:
        Sidecar(listening, Path(spool), source).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
