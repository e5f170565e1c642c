"""Replaces keys that people have asked to be replaced: once, whatever happens to the worker on the way."""

from __future__ import annotations

import json
import secrets

from backend.domain.key_rotation import KeyRotation, RotationState
from backend.errors import BackendError, CorruptState, RemoteUnavailable
from backend.gateways.azureml.endpoints import Endpoints
from backend.store import Store

MOST_TRIES = 6
PAUSE = 2.0
LEASE_SECONDS = 60.0
SALT_BYTES = 16


class Rotating:
    """Prints of both keys are kept before the first try, so that a later one sees whether the key has changed."""

    def __init__(self, store: Store, endpoints: Endpoints, lease_seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._endpoints = endpoints
        self._lease_seconds = lease_seconds

    def rotate_next(self) -> bool:
        """Do the next thing about the rotation that waits longest; False if none is due."""
        claimed = self._store.key_rotations.claim(self._lease_seconds)
        if claimed is None:
            return False
        rotation, before, attempts = claimed
        try:
            self._work_on(rotation, before)
        except RemoteUnavailable as error:
            self._again(rotation, attempts, str(error))
        except CorruptState:
            raise
        except BackendError as error:
            self._store.key_rotations.finish(rotation, RotationState.FAILED, str(error))
        else:
            if before:
                self._again(rotation, attempts, "Azure has not replaced the key yet.")
        return True

    def _work_on(self, rotation: KeyRotation, text: str) -> None:
        mark = f"keys/{rotation.endpoint}"
        if not text:
            held = json.loads(self._store.marks.value(mark) or "{}")
            salt = bytes.fromhex(held["salt"]) if held else secrets.token_bytes(SALT_BYTES)
            before = {**self._prints(rotation.endpoint, salt), "salt": salt.hex()}
            self._store.key_rotations.remember(rotation, before)
            self._endpoints.regenerate_key(rotation.endpoint, rotation.which)
            self._store.key_rotations.later(rotation, PAUSE, "The key is being replaced.")
            return
        before = json.loads(text)
        now = self._prints(rotation.endpoint, bytes.fromhex(before["salt"]))
        if now[rotation.which.value] == before[rotation.which.value]:
            self._endpoints.regenerate_key(rotation.endpoint, rotation.which)
            return
        outcome = f"The {rotation.which.value} key is another one now; the old one is answered with 401."
        value = json.dumps({**now, "salt": before["salt"]}, sort_keys=True)
        self._store.key_rotations.finish(rotation, RotationState.DONE, outcome, (mark, value))

    def _again(self, rotation: KeyRotation, attempts: int, why: str) -> None:
        """Later, if it is not done already: what has ended is not changed."""
        if attempts >= MOST_TRIES:
            tried = f"{why} Given up after {MOST_TRIES} tries."
            self._store.key_rotations.finish(rotation, RotationState.FAILED, tried)
        else:
            self._store.key_rotations.later(rotation, PAUSE * 2**attempts, why)

    def _prints(self, endpoint: str, salt: bytes) -> dict[str, str]:
        primary, secondary = self._endpoints.key_prints(endpoint, salt)
        return {"primary": primary, "secondary": secondary}
