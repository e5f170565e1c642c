"""Break-glass: one lead asks to go past named hard gates, a second one agrees; the ledger keeps both for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from backend.domain.approvals import Override
from backend.domain.clock import Clock
from backend.domain.decisions import Dossier
from backend.domain.people import Actor, Right
from backend.domain.registry import ModelVersion
from backend.errors import Conflict, Invalid, NotPermitted, PolicyDenied
from backend.operations.authorise import require, require_key, require_reason
from backend.operations.council import council_of, rules_of
from backend.operations.decision import Situation, dossier_of
from backend.policy.duty import nobody_known, written
from backend.policy.findings import findings
from backend.policy.overriding import closed_because, in_words, overridable
from backend.settings_project import Project
from backend.store import Store
from backend.store.audit import Note


class Overrides:
    """Never past identity, digest, smoke and contract tests, or a production that has moved."""

    def __init__(self, store: Store, project: Project, clock: Clock) -> None:
        self._store = store
        self._project = project
        self._clock = clock

    def ask(
        self, actor: Actor, version: ModelVersion, gates: tuple[str, ...], reason: str, hours: float, key: str
    ) -> Override:
        """Ask to go past these hard gates within `hours` from now; nothing opens before a second person agrees.

        Raises NotPermitted, Invalid for a gate that is not one of `Decision.overridable` or too long a box, and
        Conflict while another request about the version is open.
        """
        require(actor, Right.APPROVE)
        said, key = require_reason(reason), require_key(key)
        longest = rules_of(self._project).break_glass_hours
        if not 0 < hours <= longest:
            raise Invalid(f"The time box is at most {longest:g} h (a setting), and more than nothing; not {hours:g} h.")
        with self._store.writing() as transaction:
            now = self._clock()
            dossier = dossier_of(self._store, self._project, version, now)
            known = next((o for o in dossier.overrides if o.id == key), None)
            if known is None:
                self._refuse_gates(dossier, gates)
                self._refuse_second(dossier)
            asked = Override(
                id=key,
                model=version.name,
                version=version.version,
                digest=version.digest,
                threshold=dossier.version.threshold,
                gate_file=dossier.gates.digest if dossier.gates else "",
                gates=tuple(dict.fromkeys(gates)),
                asked_by=actor.name,
                reason=said,
                asked_at=now,
                ends_at=now + timedelta(hours=hours),
            )
            return self._store.overrides.ask(
                asked, _note(actor, asked, "asked", said, f"until {asked.ends_at:%H:%M}"), transaction
            )

    def confirm(self, actor: Actor, version: ModelVersion, override_id: str, reason: str) -> Override:
        """Agree as the second person: neither who asked nor an author of the change, whatever the settings say.

        The same person's second click answers what the first one made. Raises Conflict where somebody else has agreed.
        """
        require(actor, Right.APPROVE)
        said = require_reason(reason)
        with self._store.writing() as transaction:
            now = self._clock()
            asked = self._store.overrides.get(override_id)
            dossier = dossier_of(self._store, self._project, version, now)
            if (asked.model, asked.version) != (version.name, version.version):
                raise Invalid(f"The request {override_id} is about v{asked.version}, not v{version.version}.")
            if asked.confirmed_by == actor.name:
                return asked
            if asked.confirmed_by:
                raise Conflict(
                    f"{asked.confirmed_by} has confirmed it already.", expected="open", actual=asked.confirmed_by
                )
            closed = closed_because(dossier, asked, now)
            if closed:
                raise PolicyDenied(f"This request can no longer be confirmed. {closed}", (closed,))
            self._refuse_same_person(actor, dossier, asked)
            note = _note(actor, asked, "confirmed", said, f"open until {asked.ends_at:%H:%M}")
            return self._store.overrides.confirm(override_id, actor.name, said, now, note, transaction)

    def end(self, actor: Actor, override_id: str, reason: str) -> Override:
        """Close it before its time, or refuse it: any lead may. Once is enough."""
        require(actor, Right.APPROVE)
        said = require_reason(reason)
        with self._store.writing() as transaction:
            known = self._store.overrides.get(override_id)
            if known.ended_at is not None:
                return known
            note = _note(actor, known, "ended", said, "closed")
            return self._store.overrides.end(override_id, actor.name, self._clock(), note, transaction)

    def told(self, dossier: Dossier) -> tuple[tuple[Override, str, bool], ...]:
        """Every request about a version, a sentence about each, and whether it still waits or is open; newest first."""
        now = self._clock()
        return tuple((o, in_words(dossier, o, now), not closed_because(dossier, o, now)) for o in dossier.overrides)

    def cannot_confirm(self, actor: Actor, dossier: Dossier, asked: Override) -> str:
        """Why this person may not be the second one; "" where they may."""
        if not actor.may(Right.APPROVE):
            return "A second person with the right to approve has to confirm it."
        council = council_of(self._store, self._project, (actor.name, asked.asked_by), self._clock())
        names = council.names(actor.name)
        if names & council.names(asked.asked_by):
            return "You asked for it, so another lead must confirm it."
        commit = written(dossier, names)
        if commit:
            return f"You wrote commit {commit[:7]}, so another lead must confirm it."
        return nobody_known(council.rules, dossier, submitter=True)

    def _refuse_same_person(self, actor: Actor, dossier: Dossier, asked: Override) -> None:
        sentence = self.cannot_confirm(actor, dossier, asked)
        if sentence:
            raise NotPermitted(sentence)

    def _refuse_gates(self, dossier: Dossier, gates: tuple[str, ...]) -> None:
        situation = Situation(self._store, self._project)
        found = situation.stopping(findings(dossier, situation.champion), self._clock())
        possible = overridable(found)
        wrong = [gate for gate in gates if gate not in possible]
        if wrong or not gates:
            there = ", ".join(possible) or "none"
            raise Invalid(
                f"Break-glass names hard gates that did not pass, here: {there}. "
                f"{'It cannot go past ' + ', '.join(wrong) + '.' if wrong else 'Name at least one.'}"
            )

    def _refuse_second(self, dossier: Dossier) -> None:
        now = self._clock()
        other = next((o for o in dossier.overrides if not closed_because(dossier, o, now)), None)
        if other is not None:
            raise Conflict(
                f"{in_words(dossier, other, now)} End it before you ask for another.", expected="none", actual=other.id
            )


def used_note(actor: Actor, override: Override, gates: tuple[str, ...], promotion_id: str, reason: str) -> Note:
    """The ledger row of a promotion that went past gates."""
    note = _note(actor, override, "used", reason, "used")
    return replace(note, detail={**note.detail, "promotion": promotion_id, "past": ", ".join(gates)})


def _note(actor: Actor, override: Override, what: str, reason: str, after: str) -> Note:
    return Note(
        actor=actor.name,
        channel=actor.channel,
        action=f"break_glass.{what}",
        subject=f"model/{override.model}:{override.version}",
        reason=reason,
        after=after,
        detail={
            "override": override.id,
            "gates": ", ".join(override.gates),
            "asked_by": override.asked_by,
            "confirmed_by": override.confirmed_by,
            "ends_at": override.ends_at.isoformat(),
            "digest": override.digest,
            "threshold": override.threshold,
            "gate_file": override.gate_file,
        },
    )
