"""The chain of the ledger: what is hashed, and what breaks it. Pure: the database and an exported file share it."""

from __future__ import annotations

import hashlib
import json

from backend.domain.audit import AuditEntry


def canonical(entry: AuditEntry) -> str:
    """What is hashed: every field but `hash`, as JSON with sorted keys, without spaces, characters as they are."""
    body = entry.model_dump(mode="json", exclude={"hash"})
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of_bytes(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def entry_hash(entry: AuditEntry) -> str:
    """sha256 over the canonical JSON of every field but `hash`."""
    return digest_of_bytes(canonical(entry).encode())


class ChainWalk:
    """Rows are taken one after the other; the first that breaks the chain is named, and none after it counts."""

    def __init__(self) -> None:
        self.entries = 0
        self.last = ""

    def take(self, sequence: int, previous: str, told: str, found: str) -> str:
        """What is wrong with the next row, "" if nothing.

        `previous` is the hash it says came before it, `told` the hash beside it, `found` that of its bytes.
        """
        expected, last = self.entries + 1, self.last
        self.entries, self.last = expected, told
        if sequence != expected:
            return f"entry {expected} is missing: the next one found is {sequence}"
        if previous != last:
            return f"entry {sequence} does not follow from entry {expected - 1}"
        if told != found:
            return f"entry {sequence} was changed after it was written"
        return ""

    def end(self, sequence: int, head: str) -> str:
        """What is wrong with the end: the head tells how many rows were written, and the hash of the last."""
        if (sequence, head) != (self.entries, self.last):
            return f"the ledger ends at entry {self.entries}, but {sequence} were written"
        return ""
