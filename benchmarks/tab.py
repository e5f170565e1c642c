"""One open tab of the console, without a browser: it speaks Streamlit's own protocol over its web socket.

A tab asks for what a browser would: the page, again every half minute, and each fragment as often as the page told it
to. It measures each answer, from asking until the server says that the run is over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

XSRF = "_streamlit_xsrf"
AGAIN = 30.0
"""Seconds between two clicks of somebody who reads."""
PATIENCE = 60.0
LARGEST = 64 * 1024 * 1024


@dataclass
class Tab:
    """`address` is the console's, `cookies` those of somebody who has signed in there; `page` and `query` its URL."""

    address: str
    cookies: Mapping[str, str]
    page: str
    query: str
    answers: list[float] = field(default_factory=list)
    opened: float = 0.0
    _fragments: dict[str, float] = field(default_factory=dict)
    _script: str = ""

    async def live(self, begin: float, until: float) -> None:
        """Open at `begin` (of the monotonic clock) and stay until `until`; raises TimeoutError for no answer."""
        await asyncio.sleep(max(0.0, begin - time.monotonic()))
        place = urlsplit(self.address)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        async with connect(
            f"ws://{place.netloc}/_stcore/stream",
            origin=Origin(f"{place.scheme}://{place.netloc}"),
            additional_headers=headers,
            subprotocols=[Subprotocol("streamlit"), Subprotocol(self.cookies[XSRF])],
            max_size=LARGEST,
        ) as socket:
            self.opened = await self._ask(socket, "")
            due = {"": time.monotonic() + AGAIN}
            while (now := time.monotonic()) < until:
                due = {name: due.get(name, now + every) for name, every in {"": AGAIN, **self._fragments}.items()}
                name = min(due, key=lambda one: due[one])
                if due[name] >= until:
                    break
                await asyncio.sleep(max(0.0, due[name] - now))
                self.answers.append(await self._ask(socket, name))
                due[name] = time.monotonic() + (self._fragments.get(name, AGAIN) if name else AGAIN)

    async def _ask(self, socket: ClientConnection, fragment: str) -> float:
        """Milliseconds of one run: of the page, or of a fragment, with the run of the page that it may ask for."""
        asked = BackMsg()
        state = asked.rerun_script
        state.query_string = self.query
        if self._script:
            state.page_script_hash = self._script
        else:
            state.page_name = self.page
        if fragment:
            state.fragment_id = fragment
            state.is_auto_rerun = True
        started = time.perf_counter()
        await socket.send(asked.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while not self._over(await socket.recv()):
                pass
        return 1000 * (time.perf_counter() - started)

    def _over(self, message: str | bytes) -> bool:
        told = ForwardMsg()
        told.ParseFromString(message if isinstance(message, bytes) else message.encode())
        kind = told.WhichOneof("type")
        if kind == "new_session":
            self._script = told.new_session.page_script_hash
            if not told.metadata.run.fragment_ids:
                self._fragments.clear()
        elif kind == "auto_rerun":
            self._fragments[told.auto_rerun.fragment_id] = told.auto_rerun.interval
        return kind == "script_finished" and told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
