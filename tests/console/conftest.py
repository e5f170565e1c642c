"""Pages as AppTest draws them, over a real backend on its own database and a cache filled with domain values."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parent))

import world as worlds

ENTRY = Path(__file__).resolve().parents[2] / "console" / "app.py"
SECONDS = 20


def claims(name: str = "lead", *roles: str) -> dict[str, object]:
    """What a verified id token says of a person who has just signed in."""
    now = int(time.time())
    return {
        "is_logged_in": True,
        "preferred_username": name,
        "roles": list(roles or (name,)),
        "auth_time": now - 5,
        "exp": now + 3600,
    }


@pytest.fixture
def empty_world(tmp_path: Path) -> Iterator[worlds.World]:
    world = worlds.wire(tmp_path)
    yield world
    world.store.close()


@pytest.fixture
def world(empty_world: worlds.World) -> worlds.World:
    return worlds.populate(empty_world)


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
        app.run()
        return app

    return _visit


def text(app: AppTest) -> str:
    """All markup that the page put into the main area."""
    return "\n".join(element.proto.body for element in app.main.get("html"))
