"""After a kill -9: follow what git had done and nobody had been told of, and sweep what was being received."""

from __future__ import annotations

import shutil

from sandbox.github import merging, pushes, repositories
from sandbox.github.models import ZERO
from sandbox.github.pushes import INTENT, RefChange
from sandbox.state.documents import Document
from sandbox.world import World


def resume(world: World) -> None:
    """Finish or forget the pushes and merges that were under way when the last process ended."""
    shutil.rmtree(world.folder("spool"), ignore_errors=True)
    for key, intent in world.documents.list(INTENT):
        repository = repositories.find(world, key)
        if repository is not None:
            _resume(world, repository, intent)
        world.documents.delete(INTENT, key)


def _resume(world: World, repository: Document, intent: Document) -> None:
    git = repositories.git_of(world, repository["full_name"])
    changes = [RefChange(**change) for change in intent["changes"]]
    done = [change for change in changes if (git.ref(change.ref) or ZERO) == change.after]
    if intent["merge"] and done:
        merging.finish(world, repository, intent["merge"]["number"], done[0], intent["pusher"])
    elif done:
        pushes.applied(world, repository, done, intent["pusher"])
