"""Pages as AppTest draws them, over a real backend on its own database and a cache filled with domain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import hospital
import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, app_test, local_script_runner
from visitors import claims

ENTRY = Path(__file__).resolve().parents[2] / "console" / "app.py"
SECONDS = 20
# What a console does once in its life AppTest would do at every visit: look for components among the installed
# packages, and compile each page.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
app_test.ScriptCache = local_script_runner.ScriptCache = cache(ScriptCache)


@pytest.fixture
def empty_world(tmp_path: Path) -> Iterator[hospital.World]:
    world = hospital.wire(tmp_path)
    yield world
    world.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[hospital.World]:
    world = hospital.populated(tmp_path)
    yield world
    world.store.close()


@pytest.fixture
def visit() -> Callable[..., AppTest]:
    """Open a page as a person: `visit("views/models.py", version="2")`."""

    def _visit(page: str = "views/overview.py", *, user: dict[str, object] | None = None, **query: str) -> AppTest:
        app = AppTest.from_file(str(ENTRY), default_timeout=SECONDS)
        app.user.update(claims() if user is None else user)
        app.run()
        for name, value in query.items():
            app.query_params[name] = value
        if page != "views/overview.py":
            app.switch_page(page)
        return app.run() if query or page != "views/overview.py" else app

    return _visit
