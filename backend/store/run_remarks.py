"""What people say of runs, and the searches they keep, each change with its ledger row."""

from __future__ import annotations

from sqlalchemy import Connection, Row, select, update

from backend.domain.clock import Clock
from backend.domain.people import Actor
from backend.domain.run_remarks import Remark, RemarkKind, SavedView
from backend.errors import Conflict, NotFound
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.run_tables import run_remarks as remarks
from backend.store.run_tables import saved_views as views

ONE_A_RUN = (RemarkKind.LABEL, RemarkKind.PIN)
"""Said twice of a run, these say nothing more; a note may say the same again another day."""


class RunRemarks:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def add(self, wanted: Remark, channel: str) -> Remark:
        """Record a remark once; a label or pin that the run has already is answered instead of a second."""
        with self._database.writing() as transaction:
            known = self._known(transaction, wanted)
            if known is not None:
                return known
            transaction.execute(remarks.insert().values(**wanted.model_dump() | {"kind": wanted.kind.value}))
            self._tell(transaction, wanted, wanted.by, channel, f"run.{wanted.kind.value}", wanted.text)
            return wanted

    def end(self, remark_id: str, actor: Actor, reason: str) -> Remark:
        """Take a remark back; its row stays. Raises NotFound."""
        with self._database.writing() as transaction:
            row = transaction.execute(select(remarks).where(remarks.c.id == remark_id)).first()
            if row is None:
                raise NotFound(f"There is no remark {remark_id!r}.")
            found = _remark(row)
            standing = (remarks.c.id == remark_id) & remarks.c.ended_at.is_(None)
            if transaction.execute(update(remarks).where(standing).values(ended_at=self._clock())).rowcount:
                self._tell(transaction, found, actor.name, actor.channel, f"run.{found.kind.value}_ended", reason)
            return found

    def of_run(self, workspace: str, run: str) -> tuple[Remark, ...]:
        """What stands, newest first."""
        here = (remarks.c.workspace == workspace) & (remarks.c.run == run) & remarks.c.ended_at.is_(None)
        with self._database.reading() as connection:
            rows = connection.execute(select(remarks).where(here).order_by(remarks.c.at.desc()))
            return tuple(_remark(row) for row in rows)

    def marks(self) -> dict[str, frozenset[str]]:
        """Labels by `workspace/run`; a pinned run has the label `pinned` too."""
        wanted = remarks.c.kind.in_([kind.value for kind in ONE_A_RUN]) & remarks.c.ended_at.is_(None)
        columns = (remarks.c.workspace, remarks.c.run, remarks.c.kind, remarks.c.text)
        found: dict[str, set[str]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(select(*columns).where(wanted)):
                label = "pinned" if row.kind == RemarkKind.PIN.value else row.text
                found.setdefault(f"{row.workspace}/{row.run}", set()).add(label)
        return {key: frozenset(labels) for key, labels in found.items()}

    def keep_view(self, view: SavedView) -> SavedView:
        """Keep a search under its owner's name for it, in place of what they kept under that name before."""
        with self._database.writing() as transaction:
            here = (views.c.owner == view.owner) & (views.c.name == view.name)
            transaction.execute(views.delete().where(here))
            transaction.execute(views.insert().values(**view.model_dump()))
            return view

    def drop_view(self, owner: str, name: str) -> None:
        """Raises NotFound where the owner keeps no such search."""
        with self._database.writing() as transaction:
            here = (views.c.owner == owner) & (views.c.name == name)
            if not transaction.execute(views.delete().where(here)).rowcount:
                raise NotFound(f"{owner} keeps no view {name!r}.")

    def views(self) -> tuple[SavedView, ...]:
        """Everybody's, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(views).order_by(views.c.name, views.c.owner))
            return tuple(SavedView.model_validate(dict(row._mapping)) for row in rows)

    def _known(self, transaction: Connection, wanted: Remark) -> Remark | None:
        row = transaction.execute(select(remarks).where(remarks.c.id == wanted.id)).first()
        if row is not None:
            known = _remark(row)
            if known.model_copy(update={"at": wanted.at}) != wanted:
                raise Conflict("This click was already recorded with another remark; reload the page.",
                               expected=wanted.text, actual=known.text)  # fmt: skip
            return known
        if wanted.kind not in ONE_A_RUN:
            return None
        same = (
            (remarks.c.workspace == wanted.workspace)
            & (remarks.c.run == wanted.run)
            & (remarks.c.kind == wanted.kind.value)
            & remarks.c.ended_at.is_(None)
        )
        if wanted.kind is RemarkKind.LABEL:
            same &= remarks.c.text == wanted.text
        row = transaction.execute(select(remarks).where(same)).first()
        return None if row is None else _remark(row)

    def _tell(
        self, transaction: Connection, remark: Remark, actor: str, channel: str, action: str, reason: str
    ) -> None:
        note = Note(
            actor=actor,
            channel=channel,
            action=action,
            subject=f"run/{remark.run}",
            reason=reason,
            detail={"workspace": remark.workspace, "remark": remark.id, "text": remark.text},
        )
        self._audit.append(note, transaction)


def _remark(row: Row[tuple[object, ...]]) -> Remark:
    fields: dict[str, object] = dict(row._mapping)
    fields.pop("ended_at")
    return Remark.model_validate(fields)
