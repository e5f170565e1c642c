"""Watching the repository: merges and reviews are quoted in the ledger, and what passed the rules by is noticed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection

from backend.domain.repository import Quotation
from backend.domain.unexplained import EventKind, Look, Noticed
from backend.errors import NotFound
from backend.gateways.github.past import Past
from backend.gateways.github.rulesets import Ruleset, Rulesets, differences
from backend.policy.repository_watch import of_changes, of_dismissals, of_ruleset
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note

GITHUB = "github"
"""The channel of rows that quote GitHub; their actor is a login."""


class RepositoryWatch:
    """Looks at what is newer than the last look; the first look only remembers where it began."""

    def __init__(
        self, store: Store, past: Past, rulesets: Rulesets, project: Project, declared: Sequence[Ruleset]
    ) -> None:
        self._store = store
        self._past = past
        self._rulesets = rulesets
        self._project = project
        self._declared = declared
        self._mark = f"branch/{project.default_branch}"

    def look(self) -> None:
        """One look at the default branch, at reviews, and at the rulesets. Raises the gateway's errors.

        Before its first push there is nothing to look at, nor anything wrong; what was there and is gone is a fault.
        """
        try:
            self._look_at_branch()
        except NotFound:
            if self._store.marks.value(self._mark):
                raise
            return
        self._look_at_dismissals()
        for wanted in self._declared:
            self._look_at_ruleset(wanted)

    def _look_at_branch(self) -> None:
        branch, mark = self._project.default_branch, self._mark
        changes = self._past.branch(branch)
        if not changes:
            return
        seen = self._store.marks.value(mark)
        newer = [change for change in changes if seen and change.id > int(seen)][::-1]
        moved = [change for change in newer if change.kind in {"pr_merge", "merge_queue_merge", "push"}]
        merges = {change.after: found for change in moved if (found := self._past.merge(change.after)) is not None}
        noticed, quoted = of_changes(branch, newer, merges)
        self._record(mark, seen, str(changes[0].id), noticed, quoted)

    def _look_at_dismissals(self) -> None:
        mark, found = "dismissals", self._past.dismissals()
        seen = self._store.marks.value(mark)
        newest = str(found[0].id) if found else "0"
        newer = [dismissal for dismissal in found if seen and dismissal.id > int(seen)][::-1]
        self._record(mark, seen, newest if found else seen or newest, *of_dismissals(newer))

    def _look_at_ruleset(self, wanted: Ruleset) -> None:
        """Judged from when it was first as declared: before setup there is none, and a new release declares anew."""
        mark, found = f"ruleset/{wanted.name}", self._rulesets.find(wanted.name)
        seen = self._store.marks.value(mark)
        right = found is not None and not _differing(found, wanted)
        subject = f"ruleset/{wanted.name}"
        if right and found is not None:
            self._record(mark, seen, _text(found), (), (), checked=subject)
        elif seen and (found is None or _text(found) != seen):
            wrong = of_ruleset(wanted.name, _differing(found, wanted) if found else None)
            with self._store.writing() as transaction:
                self._store.unexplained.take_in(_look((wrong,), subject), transaction)

    def _record(
        self,
        mark: str,
        seen: str,
        newest: str,
        noticed: tuple[Noticed, ...],
        quoted: tuple[Quotation, ...],
        checked: str = "",
    ) -> None:
        """What one look brought and how far it reached, at once: another worker's same look finds it done."""
        with self._store.writing() as transaction:
            if self._store.marks.value(mark, transaction) != seen:
                return
            if newest != seen:
                self._store.marks.set(mark, newest, transaction)
            if noticed or checked:
                self._store.unexplained.take_in(_look(noticed, checked), transaction)
            self._quote(quoted, transaction)

    def _quote(self, quoted: tuple[Quotation, ...], transaction: Connection) -> None:
        for one in quoted:
            note = Note(
                actor=one.by,
                channel=GITHUB,
                action=one.action,
                subject=one.subject,
                reason=one.said,
                after=one.after,
                detail={"github_id": one.id, "github_at": one.at.isoformat()},
            )
            self._store.audit.append(note, transaction)


def _look(noticed: tuple[Noticed, ...], subject: str) -> Look:
    return Look(noticed=noticed, checked=frozenset({(EventKind.RULESET, subject)} if subject else ()))


def _differing(found: Ruleset, wanted: Ruleset) -> tuple[str, ...]:
    """Where GitHub hides who may bypass it, that is not known, and no difference."""
    return differences(replace(found, bypass=wanted.bypass) if found.bypass is None else found, wanted)


def _text(ruleset: Ruleset) -> str:
    return json.dumps(asdict(ruleset), sort_keys=True)
