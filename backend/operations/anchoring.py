"""The ledger's head, anchored outside the database every day and after every promotion that ended."""

from __future__ import annotations

from datetime import UTC, datetime, time

from backend.domain.anchors import PREFIX, Anchor, AnchorReport, compared
from backend.domain.audit import AuditEntry
from backend.domain.clock import Clock
from backend.domain.ledger_chain import entry_hash
from backend.errors import CorruptState, Rejected, RemoteError
from backend.gateways.github.contents import Contents
from backend.gateways.github.tags import Tag, Tags
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

WORKER = "worker"
ANCHORED = "ledger.anchored"


class Anchoring:
    """Which entry is to be anchored follows from the ledger alone, so that a repeated try finds its own tag."""

    def __init__(self, store: Store, tags: Tags, contents: Contents, project: Project, clock: Clock) -> None:
        self._store = store
        self._tags = tags
        self._contents = contents
        self._project = project
        self._clock = clock

    def due(self) -> AuditEntry | None:
        """The entry to anchor next: the last of the latest ended promotion, or of the days before today.

        The chain makes an anchor vouch for every entry before it, so one is enough however many were missed.
        """
        midnight = datetime.combine(self._clock().astimezone(UTC).date(), time(), UTC)
        candidates = (
            self._store.audit.last_before(midnight, PREFIX),
            self._store.audit.last_of_ended(self._project.endpoint),
        )
        found = max((entry for entry in candidates if entry), key=lambda entry: entry.sequence, default=None)
        return None if found is None or found.sequence <= self._newest() else found

    def anchor(self) -> None:
        """Write the anchor that is due, once. Raises Conflict where a tag of its name tells of another ledger."""
        entry = self.due()
        if entry is None:
            return
        if entry_hash(entry) != entry.hash:
            raise CorruptState(f"entry {entry.sequence} was changed after it was written; it is not anchored")
        anchor = Anchor(sequence=entry.sequence, hash=entry.hash, at=entry.at)
        if not self._contents.has_branch(self._project.default_branch):
            return
        commit = self._contents.head(self._project.default_branch)
        self._tags.write(Tag(anchor.tag, anchor.message), commit, anchor.at)
        self._record(anchor)

    def compare(self) -> AnchorReport:
        """The ledger as it is against every anchor that the repository holds."""
        # Read before the tags: a tag is written before its row, so that one anchored meanwhile is not missed below.
        written = frozenset(self._written())
        try:
            tags = {tag.name: tag.message for tag in self._tags.below(PREFIX) if _place(tag.name)}
        except (RemoteError, Rejected) as error:
            return AnchorReport(unread=str(error))
        wanted = {int(name.removeprefix(PREFIX)) for name in tags} | written
        return compared(tags, self._store.audit.hashes(wanted), written)

    def _newest(self) -> int:
        return max(self._written(1), default=0)

    def _written(self, limit: int = 100_000) -> tuple[int, ...]:
        """The entries that the ledger says were anchored, newest first."""
        rows = self._store.audit.entries(limit=limit, subject=f"{PREFIX}*")
        return tuple(int(row.subject.removeprefix(PREFIX)) for row in rows if row.action == ANCHORED)

    def _record(self, anchor: Anchor) -> None:
        note = Note(
            actor=WORKER,
            channel=WORKER,
            action=ANCHORED,
            subject=anchor.tag,
            reason=f"anchored as the tag {anchor.tag} of {self._project.repository}",
            after=anchor.hash,
        )
        self._store.audit.append_once(note)


def _place(name: str) -> bool:
    return name.removeprefix(PREFIX).isascii() and name.removeprefix(PREFIX).isdigit()
