"""`mlops console`: start the console beside this installation."""

from __future__ import annotations

import os
import sys

import click


@click.command()
def console() -> None:
    """Start the console (address and port are settings) until Ctrl-C."""
    # A process of its own: the backend may not know the console, and the console's signals stay its own.
    os.execv(sys.executable, [sys.executable, "-m", "console"])  # noqa: S606  # our own interpreter and module
