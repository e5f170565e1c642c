"""The practitioners' control: how fast they ask, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.control.practitioners import Practitioners
from sandbox.control.rate import FASTEST, SET_FOR, Change, Rate, read_rate, write_rate
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class PractitionersControl:
    world: World
    practitioners: Practitioners

    def read(self, _request: Request) -> Response:
        """The rate and the counts since the sandbox started."""
        return JSONResponse(self.state())

    async def write(self, request: Request) -> Response:
        """Hold a rate: `{"per_second": x}` for an hour or `seconds`; or a button of the page: `change=busy`."""
        if request.headers.get("content-type", "").startswith("application/json"):
            body = await request.body()
            return await run_in_threadpool(self._hold, body)
        form = await request.form()
        return await run_in_threadpool(self._press, str(form.get("change", "")))

    def state(self) -> dict[str, Any]:
        now, rate, activity = self.world.now(), read_rate(self.world), self.practitioners.activity()
        return {
            "per_second": round(rate.per_second(now), 3),
            "peak_per_second": rate.peak,
            "fixed_until": datetime.fromtimestamp(rate.until, UTC).isoformat() if rate.is_fixed(now) else None,
            "fastest_per_second": FASTEST,
            **asdict(activity),
            "last_error_at": activity.last_error_at and activity.last_error_at.isoformat(),
        }

    def _hold(self, body: bytes) -> Response:
        try:
            rate = held(json.loads(body), read_rate(self.world), self.world.now())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        write_rate(self.world, rate)
        return JSONResponse(self.state())

    def _press(self, change: str) -> Response:
        known: tuple[Change, ...] = get_args(Change)
        for name in known:
            if name == change:
                write_rate(self.world, read_rate(self.world).changed(name, self.world.now()))
                return RedirectResponse("/", 303)
        return JSONResponse({"error": f"change must be one of {', '.join(known)}, not {change[:40]!r}."}, 400)


def held(wanted: object, rate: Rate, now: datetime) -> Rate:
    """The rate a JSON request asks for; `null` goes back to the day's shape. ValueError says what is wrong."""
    if not isinstance(wanted, Mapping) or "per_second" not in wanted:
        raise ValueError('Send {"per_second": x}, a number from 0 to 20, or null for the shape of the day.')
    per_second, seconds = wanted["per_second"], wanted.get("seconds", SET_FOR.total_seconds())
    if per_second is None:
        return Rate()
    for name, value in (("per_second", per_second), ("seconds", seconds)):
        if type(value) not in {int, float}:
            raise ValueError(f"{name} must be a number, not {value!r:.40}.")
    return rate.held_at(float(per_second), now, timedelta(seconds=min(float(seconds), 1e9)))
