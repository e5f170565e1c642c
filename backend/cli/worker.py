"""`mlops worker`: run the worker until it is asked to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click

from backend.logs import configure
from backend.settings import load


@click.command()
def worker() -> None:
    """Advance promotions, perform people's GitHub writes, watch the registry. Any number may run."""
    configure()
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, end)
    settings = load()
    from backend.bootstrap_worker import build_worker

    build_worker(settings).run(stop)
