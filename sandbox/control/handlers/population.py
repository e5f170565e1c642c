"""Who is asked about: read and changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.control.population import SHIFTS, Population, read_population, write_population
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class PopulationControl:
    world: World

    def read(self, _request: Request) -> Response:
        """What differs from the patients of the training data."""
        return JSONResponse(asdict(read_population(self.world)))

    async def write(self, request: Request) -> Response:
        """Set it, `{"older": true}` with the rest as before; or a button of the page: `shift=older`."""
        if request.headers.get("content-type", "").startswith("application/json"):
            body = await request.body()
            return await run_in_threadpool(self._set, body)
        form = await request.form()
        return await run_in_threadpool(self._press, str(form.get("shift", "")))

    def _set(self, body: bytes) -> Response:
        try:
            wanted = json.loads(body)
        except ValueError:
            wanted = None
        known = set(Population.__slots__)
        if not isinstance(wanted, dict) or wanted.keys() - known or not all(type(v) is bool for v in wanted.values()):
            return JSONResponse({"error": f"Send an object of {', '.join(sorted(known))}, each true or false."}, 400)
        write_population(self.world, Population(**wanted))
        return JSONResponse(asdict(read_population(self.world)))

    def _press(self, shift: str) -> Response:
        for name in SHIFTS:
            if name == shift:
                write_population(self.world, read_population(self.world).changed(name))
                return RedirectResponse("/", 303)
        return JSONResponse({"error": f"shift must be one of {', '.join(SHIFTS)}, not {shift[:40]!r}."}, 400)
