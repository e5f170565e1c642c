"""Where a terminal's sign-in is kept: one file a profile, readable by its owner, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from backend.errors import NotPermitted
from backend.settings import Settings

KEPT = ("id_token", "refresh_token")


def profile_file(settings: Settings) -> Path:
    return settings.home / "cli" / f"{os.environ.get('MLOPS_PROFILE', 'default')}.json"


def read_profile(path: Path) -> dict[str, str]:
    """The tokens kept there. Raises NotPermitted if nobody is signed in, or the file is damaged."""
    if not path.exists():
        raise NotPermitted("Nobody is signed in at this terminal: run `mlops login` first.")
    try:
        tokens = dict(json.loads(path.read_text()))
        return {name: str(tokens[name]) for name in KEPT if tokens.get(name)}
    except (OSError, ValueError, TypeError) as error:
        raise NotPermitted(f"The sign-in kept in {path} cannot be read: run `mlops login` again.") from error


def save_profile(path: Path, tokens: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps({name: tokens[name] for name in KEPT if name in tokens}))
    temporary.replace(path)


@contextmanager
def renewing(path: Path) -> Iterator[None]:
    """One command at a time: a provider that rotates takes a refresh token once, and two would end the sign-in."""
    import fcntl

    # The folder, not the file: a renewed file is another file, and a lock on the old one would keep nobody out.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
