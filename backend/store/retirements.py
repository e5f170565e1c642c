"""Deployments kept warm until a date, and removed by the worker after it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from backend.domain.clock import Clock
from backend.domain.promotions import Retirement, RetirementState
from backend.store.audit import Audit, Note
from backend.store.database import Database
from backend.store.tables import promotions, retirements

_OPEN = (RetirementState.SCHEDULED.value, RetirementState.REMOVING.value)


class Retirements:
    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def schedule(self, endpoint: str, deployment: str, promotion: str, due_at: datetime) -> Retirement:
        """Keep a deployment warm until `due_at`; asked again for the same promotion, the first date stands."""
        key = f"{promotion}-{deployment}"
        with self._database.writing() as transaction:
            row = transaction.execute(select(retirements).where(retirements.c.id == key)).first()
            if row is not None:
                return Retirement.model_validate(dict(row._mapping))
            wanted = Retirement(
                id=key,
                endpoint=endpoint,
                deployment=deployment,
                promotion=promotion,
                due_at=due_at,
                state=RetirementState.SCHEDULED,
            )
            transaction.execute(
                retirements.insert().values(**wanted.model_dump(exclude={"state"}), state=wanted.state.value)
            )
            self._tell(transaction, wanted, "", f"{deployment} on {endpoint} stays until {due_at:%Y-%m-%d %H:%M} UTC")
            return wanted

    def cancel(self, endpoint: str, deployment: str, why: str, within: Connection | None = None) -> None:
        """Take back every retirement of a deployment that has not begun."""
        chosen = (
            (retirements.c.endpoint == endpoint)
            & (retirements.c.deployment == deployment)
            & (retirements.c.state == RetirementState.SCHEDULED.value)
        )
        with self._database.writing(within) as transaction:
            for row in transaction.execute(select(retirements).where(chosen)).all():
                self._move(transaction, Retirement.model_validate(dict(row._mapping)), RetirementState.CANCELLED, why)

    def open(self, endpoint: str) -> tuple[Retirement, ...]:
        """Those scheduled or being removed, soonest first."""
        chosen = (retirements.c.endpoint == endpoint) & retirements.c.state.in_(_OPEN)
        with self._database.reading() as connection:
            rows = connection.execute(select(retirements).where(chosen).order_by(retirements.c.due_at))
            return tuple(Retirement.model_validate(dict(row._mapping)) for row in rows)

    def removing(self, endpoint: str, deployment: str) -> bool:
        return any(r.deployment == deployment and r.state is RetirementState.REMOVING for r in self.open(endpoint))

    def claim_due(self) -> tuple[Retirement, ...]:
        """Every retirement whose time has come on an endpoint without an active promotion, marked as being removed.

        The mark and the look at active promotions are one statement, so that a promotion submitted at the same
        moment either sees the mark or prevents it.
        """
        busy = exists().where(promotions.c.endpoint == retirements.c.endpoint, promotions.c.finished_at.is_(None))
        due = (retirements.c.state == RetirementState.SCHEDULED.value) & (retirements.c.due_at <= self._clock()) & ~busy
        with self._database.reading() as connection:
            waiting = connection.execute(select(retirements.c.id).where(due)).all()
            begun = retirements.c.state == RetirementState.REMOVING.value
            resumed = connection.execute(select(retirements).where(begun)).all()
        claimed = [Retirement.model_validate(dict(row._mapping)) for row in resumed]
        if waiting:
            with self._database.writing() as transaction:
                for row in transaction.execute(select(retirements).where(due)).all():
                    retirement = Retirement.model_validate(dict(row._mapping))
                    claimed.append(self._move(transaction, retirement, RetirementState.REMOVING, "its time has come"))
        return tuple(claimed)

    def settle(self, retirement: Retirement, state: RetirementState, why: str) -> None:
        """End a retirement that had begun; another worker's earlier answer stands."""
        with self._database.writing() as transaction:
            now = transaction.execute(select(retirements.c.state).where(retirements.c.id == retirement.id)).scalar_one()
            if now == RetirementState.REMOVING.value:
                self._move(transaction, retirement, state, why)

    def _move(self, transaction: Connection, retirement: Retirement, state: RetirementState, why: str) -> Retirement:
        transaction.execute(update(retirements).where(retirements.c.id == retirement.id).values(state=state.value))
        moved = retirement.model_copy(update={"state": state})
        self._tell(transaction, moved, retirement.state.value, why)
        return moved

    def _tell(self, transaction: Connection, retirement: Retirement, before: str, why: str) -> None:
        self._audit.append(
            Note(
                actor="worker",
                channel="worker",
                action=f"retirement.{retirement.state.value}",
                subject=f"deployment/{retirement.endpoint}/{retirement.deployment}",
                reason=why,
                before=before,
                after=retirement.state.value,
                detail={"promotion": retirement.promotion},
            ),
            transaction,
        )
