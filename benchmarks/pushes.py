"""From a git push until an open board has it: a console that GitHub rings, beside one that only polls.

Both watch the same pushes. The rings are those of GitHub's wire, signed, to the console's own route.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from backend.settings import Settings
from benchmarks.measure import Row, Sample
from benchmarks.worlds import World, say
from console import launch, topics, webhook, wiring
from sandbox.demo.first_world import REPOSITORY, FirstWorld
from sandbox.demo.preflight import free_port

PUSHES = 8
APART = 4.0
"""Seconds between pushes: rings closer together are followed by one look."""
LONGEST = 90.0
LOOK = 0.01


def run(world: World) -> Row:
    """One push a round, to a pull request that both boards show already."""
    seen: dict[str, list[float]] = {"rung": [], "polled": []}
    with tempfile.TemporaryDirectory(dir=world.home) as folder, _both(world, Path(folder)) as boards:
        tree = Path(folder) / "pushed"
        world.first.git(Path(folder), "clone", "-q", world.first.remote(world.first.scientist), str(tree))
        world.first.git(tree, "checkout", "-q", "change-0")
        _push(world.first, tree, "Push nobody counts", boards, {name: [] for name in boards})
        for number in range(PUSHES):
            started = time.monotonic()
            _push(world.first, tree, f"Push {number}", boards, seen)
            say(f"push {number + 1} of {PUSHES} on both boards", started)
    rung, polled = (Sample(tuple(seen[name]), "s") for name in ("rung", "polled"))
    return Row("A push on an open board: by webhook, against polling", rung, polled, aim="2 s; the peer 30 s")


def _push(
    first: FirstWorld, tree: Path, message: str, boards: dict[str, wiring.Wiring], seen: dict[str, list[float]]
) -> None:
    # Anywhere in the round of polling: a push that always follows a look would wait for all of the next one.
    time.sleep(APART + secrets.randbelow(int(topics.BOARD)))
    (tree / "training" / "change_0.toml").write_text(f"# {message}\n")
    first.commit(tree, message)
    first.git(tree, "push", "-q", "origin", "change-0")
    pushed, sha = time.monotonic(), first.git(tree, "rev-parse", "HEAD").strip()
    waiting = dict(boards)
    while waiting:
        for name in [name for name, wired in waiting.items() if sha in _heads(wired)]:
            seen[name].append(time.monotonic() - pushed)
            del waiting[name]
        if time.monotonic() - pushed > LONGEST:
            raise RuntimeError(f"{' and '.join(waiting)}: the push was not on the board within {LONGEST:.0f} s")
        time.sleep(LOOK)


def _heads(wired: wiring.Wiring) -> set[str]:
    return {pull.head_sha for pull in wired.snapshots.watch(topics.pulls()).value or ()}


@contextmanager
def _both(world: World, folder: Path) -> Iterator[dict[str, wiring.Wiring]]:
    """Two consoles' pollers over stores of their own; GitHub knows the address of the first."""
    port, secret = free_port(), secrets.token_urlsafe(32)
    public = f"http://127.0.0.1:{port}"
    for name in ("rung", "polled"):
        (folder / name).mkdir()
    boards = {
        name: launch.wire(_settings(world.settings, folder / name, public, secret)) for name in ("rung", "polled")
    }
    wiring.install(boards["rung"])
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=webhook.ROUTES), port=port, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    config = {"url": f"{public}/github/webhook", "content_type": "json", "secret": secret, "insecure_ssl": "0"}
    hook = {"name": "web", "active": True, "events": ["push", "pull_request"], "config": config}
    world.first.lead.github(f"/repos/{REPOSITORY}/hooks", "POST", hook)
    for wired in boards.values():
        wired.snapshots.start()
    wakes = boards["rung"].wakes
    wakes.start()
    try:
        yield boards
    finally:
        server.should_exit = True
        wakes.stop()
        for wired in boards.values():
            wired.snapshots.stop()
        thread.join(10)


def _settings(base: Settings, home: Path, public: str, secret: str) -> Settings:
    github = base.github.model_copy(update={"webhook_secret": SecretStr(secret)})
    console = base.console.model_copy(update={"public_url": public})
    store = base.store.model_copy(update={"url": SecretStr("")})
    return base.model_copy(update={"github": github, "console": console, "home": home, "store": store})
