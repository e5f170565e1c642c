"""An address that webhooks can be sent to: keeps what came, answers what the test wants."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "a secret of the test"


@dataclass(frozen=True)
class Delivered:
    headers: dict[str, str]
    raw: bytes

    @property
    def event(self):
        return self.headers["X-GitHub-Event"]

    @property
    def body(self):
        return json.loads(self.raw)

    @property
    def told(self):
        action = self.body.get("action")
        return f"{self.event}.{action}" if action else self.event

    def signed(self, secret=SECRET):
        digest = hmac.new(secret.encode(), self.raw, hashlib.sha256).hexdigest()
        return self.headers["X-Hub-Signature-256"] == f"sha256={digest}"


class Listener:
    """`got` in the order of arrival; `status` is answered to each, with `location` if it is set."""

    def __init__(self):
        self.got, self.status, self.location = [], 200, ""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # the library's name
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                listener.got.append(Delivered(dict(self.headers), raw))
                self.send_response(listener.status)
                if listener.location:
                    self.send_header("Location", listener.location)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
