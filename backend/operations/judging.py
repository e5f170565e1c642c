"""The ledger's row of what a decision was made on, and judging it again from nothing but the ledger."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection

from backend.domain.audit import AuditEntry
from backend.domain.decisions import Dossier
from backend.domain.evidence import Evidence
from backend.domain.gates import Finding, FindingState
from backend.domain.judgement import Judgement, Recorded, Replay, ReplayLine, Word, words
from backend.domain.ledger_chain import entry_hash
from backend.domain.people import Actor
from backend.domain.promotions import Target
from backend.domain.registry import ModelVersion
from backend.errors import BackendError, CorruptState, NotFound
from backend.gateways.azureml.jobs import Jobs
from backend.policy.findings import exhibits, is_champion
from backend.policy.gates import Exhibits, judge_gates
from backend.policy.production_flips import recounted
from backend.store import Store
from backend.store.audit import Note

ACTION = "version.judged"
MOST = 1000


def record(
    store: Store,
    actor: Actor,
    dossier: Dossier,
    champion: Target | None,
    judged: tuple[Finding, ...],
    within: Connection,
) -> None:
    """Into the ledger, in the transaction of the decision; `judged` is what `findings` said of it for the decision.

    Raises CorruptState where it would rest on evidence that nobody is told to have frozen.
    """
    found = judgement(dossier, champion, judged)
    _refuse_untold(store, found)
    store.audit.append(
        Note(
            actor=actor.name,
            channel=actor.channel,
            action=ACTION,
            subject=_subject(found.model, found.version),
            reason=tally(found.words),
            detail={"judgement": found.model_dump_json()},
        ),
        within,
    )


def _refuse_untold(store: Store, found: Judgement) -> None:
    untold = store.audit.untold(_subject(found.model, found.version), found.quoted.values())
    kinds = ", ".join(sorted(kind for kind, digest in found.quoted.items() if digest in untold))
    if kinds:
        raise CorruptState(f"the ledger does not tell of this {kinds} of v{found.version}; do not decide on it")


def tally(said: tuple[Word, ...]) -> str:
    """`9 pass, 2 advisory, 1 inconclusive`."""
    counted = Counter(word.state for word in said)
    return ", ".join(f"{counted[state]} {state.value}" for state in FindingState if counted[state])


def judgement(dossier: Dossier, champion: Target | None, judged: tuple[Finding, ...]) -> Judgement:
    """What the gates have said, and the quotations they said it from."""
    version = dossier.version
    seen = exhibits(dossier, champion)
    measured = (seen.comparison, seen.holdout, seen.smoke, seen.robustness, seen.load, seen.card, seen.production)
    bodies = (*measured, seen.contract, dossier.gates)
    return Judgement(
        model=version.name,
        version=version.version,
        digest=version.digest,
        threshold=version.threshold,
        champion=champion,
        quoted={e.kind: e.digest for e in reversed(dossier.evidence) if getattr(e, e.kind) in bodies},
        words=words(judged),
    )


class Judging:
    """Replays decisions. Only reading the predictions again reaches the network."""

    def __init__(self, store: Store, jobs: Jobs) -> None:
        self._store = store
        self._jobs = jobs

    def recorded(self, version: ModelVersion) -> tuple[Recorded, ...]:
        """The judgements of a version, newest first."""
        rows = self._store.audit.entries(limit=MOST, subject=_subject(version.name, version.version))
        return tuple(_read(row) for row in rows if row.action == ACTION)

    def replay(self, version: ModelVersion, sequence: int | None = None, *, offline: bool = False) -> Replay:
        """Judge again what was judged in this row, or in the newest one. Raises NotFound, CorruptState."""
        known = self.recorded(version)
        chosen = next((r for r in known if sequence in {None, r.sequence}), None)
        if chosen is None:
            there = ", ".join(str(r.sequence) for r in known) or "none"
            raise NotFound(f"No decision about v{version.version} is recorded there; ledger rows: {there}.")
        quoted = self._quoted(chosen.judgement)
        lines = [*_missing(chosen.judgement, quoted), *_gates(chosen.judgement, quoted), *_recounted(quoted)]
        if not offline:
            lines += [self._computed_again(evidence) for evidence in quoted.values() if _computed(evidence)]
        return Replay(recorded=chosen, lines=tuple(lines))

    def _quoted(self, found: Judgement) -> dict[str, Evidence]:
        held = {e.digest: e for e in self._store.evidence.of_version(found.model, found.version)}
        return {kind: held[digest] for kind, digest in found.quoted.items() if digest in held}

    def _computed_again(self, evidence: Evidence) -> ReplayLine:
        what = f"{evidence.kind} computed from its predictions again"
        # numpy comes with it, which every command would otherwise wait for.
        from backend.operations.recomputing import file_of, recomputed

        body = evidence.comparison or evidence.holdout
        assert body is not None
        try:
            again, rows, digest = recomputed(evidence, self._jobs.artefact(evidence.source, file_of(evidence)))
        except BackendError as error:
            return ReplayLine(what=what, same=None, detail=f"The predictions cannot be read: {error}")
        if digest not in body.predictions:
            return ReplayLine(what=what, same=False, detail=f"The predictions are other bytes now: {digest}.")
        return ReplayLine(what=what, same=again == evidence, detail=f"{rows:,} rows, {digest[:19]}…")


def _computed(evidence: Evidence) -> bool:
    return evidence.comparison is not None or evidence.holdout is not None


def _missing(found: Judgement, quoted: dict[str, Evidence]) -> list[ReplayLine]:
    lost = sorted(set(found.quoted) - set(quoted))
    what = f"{len(found.quoted)} quotations under their digests"
    if lost:
        return [ReplayLine(what=what, same=False, detail=f"Not in the store: {', '.join(lost)}.")]
    return [ReplayLine(what=what, same=True, detail=", ".join(sorted(quoted)))]


def _gates(found: Judgement, quoted: dict[str, Evidence]) -> list[ReplayLine]:
    """Each gate's word and sentence again, from the quoted evidence and the quoted gate file alone."""
    rules = quoted["gates"].gates if "gates" in quoted else None
    if rules is None:
        return [ReplayLine(what="gates", same=None, detail="No gate file was quoted.")]
    serves = is_champion(found.champion, found.digest, found.threshold)
    kinds = ("comparison", "holdout", "smoke", "robustness", "load", "card", "production_flips", "contract")
    compared, held, smoke, robust, load, card, production, contract = (quoted.get(kind) for kind in kinds)
    seen = Exhibits(
        comparison=compared.comparison if compared else None,
        holdout=held.holdout if held else None,
        smoke=smoke.smoke if smoke else None,
        robustness=robust.robustness if robust else None,
        load=load.load if load else None,
        card=card.card if card else None,
        production=production.production_flips if production else None,
        contract=contract.contract if contract else None,
        champion=found.champion.version if found.champion and not serves else "",
    )
    again = {word.gate: word for word in words(judge_gates(rules.rules, seen))}
    return [_compared(then, again.get(then.gate)) for then in found.words]


def _recounted(quoted: dict[str, Evidence]) -> list[ReplayLine]:
    """The replay of production's inputs, counted anew from both versions' answers, which are quoted with it."""
    found = quoted["production_flips"].production_flips if "production_flips" in quoted else None
    if found is None:
        return []
    what, same = "production_flips counted from its answers again", recounted(found) == found
    return [ReplayLine(what=what, same=same, detail=f"{len(found.answers):,} rows, inputs {found.inputs[:19]}…")]


def _compared(then: Word, now: Word | None) -> ReplayLine:
    if then == now:
        return ReplayLine(what=f"gate {then.gate}", same=True, detail=f"{then.state.value}: {then.sentence}")
    said = f"{now.state.value}: {now.sentence}" if now else "nothing"
    return ReplayLine(what=f"gate {then.gate}", same=False, detail=f"then {then.state.value}, now {said}")


def _read(row: AuditEntry) -> Recorded:
    if entry_hash(row) != row.hash:
        raise CorruptState(f"entry {row.sequence} was changed after it was written; what it decided is not known")
    found = Judgement.model_validate_json(str(row.detail["judgement"]))
    return Recorded(sequence=row.sequence, at=row.at, actor=row.actor, judgement=found)


def _subject(model: str, version: str) -> str:
    return f"model/{model}:{version}"
