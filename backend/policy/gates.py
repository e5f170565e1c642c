"""Every gate of the gate file against the frozen evidence of one version: a word and a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.domain.card_file import CardFile
from backend.domain.comparison import METRIC_NAMES, BandVerdict, Comparison, signed_well
from backend.domain.contract import ContractEffect, ContractEvidence
from backend.domain.evidence import SmokeResult
from backend.domain.gates import Finding, FindingState, GateRule
from backend.domain.production_flips import ProductionFlips
from backend.domain.quality import Estimate, HoldoutFigures, LoadResult, Robustness, RobustnessCheck
from backend.policy.contract.difference import difference, in_words
from backend.policy.production_flips import FEWEST, WITHIN_DAYS

Answer = tuple[FindingState, str]
PASS, FAIL, INCONCLUSIVE = FindingState.PASS, FindingState.FAIL, FindingState.INCONCLUSIVE
NOT_RUN: Answer = (FindingState.NOT_RUN, "Not measured yet.")

SAME_ANSWER = 1e-9
"""Probability: what floating point may differ by when the same row is computed in another batch."""

LARGER_IS_BETTER = {"auc": True, "sensitivity": True, "specificity": True, "brier": False}
NAMED = 3
"""Bands spelt out in a sentence; the others are counted."""


@dataclass(frozen=True)
class Exhibits:
    """What there is to judge: about this digest, this threshold, and, compared, against what serves now."""

    comparison: Comparison | None
    holdout: HoldoutFigures | None
    smoke: SmokeResult | None
    robustness: Robustness | None
    load: LoadResult | None
    champion: str
    """The version that serves, "" before the first: then there is nothing to compare with."""
    stale_comparison: bool = False
    card: CardFile | None = None
    production: ProductionFlips | None = None
    stale_production: bool = False
    contract: ContractEvidence | None = None
    stale_contract: bool = False


def judge_gates(rules: tuple[GateRule, ...], exhibits: Exhibits) -> tuple[Finding, ...]:
    """One finding a rule, in the file's order; rules that compare are left out where nothing serves."""
    asked = [rule for rule in rules if exhibits.champion or rule.name not in COMPARING]
    return tuple(_finding(rule, exhibits) for rule in asked)


def _finding(rule: GateRule, exhibits: Exhibits) -> Finding:
    state, sentence = CHECKS[rule.name](rule, exhibits)
    if state is FAIL and not rule.hard:
        state = FindingState.ADVISORY
    said = signed_well(sentence)
    return Finding(gate=rule.name, group=GROUPS[rule.name], state=state, sentence=said, rule=rule)


def _compared(check: Callable[[float, Comparison], Answer]) -> Callable[[GateRule, Exhibits], Answer]:
    """A check that needs the comparison with exactly what serves."""

    def checked(rule: GateRule, exhibits: Exhibits) -> Answer:
        if exhibits.comparison is not None:
            return check(_limit(rule), exhibits.comparison)
        state = FindingState.STALE if exhibits.stale_comparison else FindingState.NOT_RUN
        return state, f"Not compared with v{exhibits.champion}, which serves now."

    return checked


def _limit(rule: GateRule) -> float:
    return rule.limit or 0.0


def _loss(metric: str) -> Callable[[float, Comparison], Answer]:
    """Non-inferiority: the interval of the paired difference has to exclude a loss of the limit."""

    def check(limit: float, comparison: Comparison) -> Answer:
        found = next((d for d in comparison.differences if d.metric == metric), None)
        if found is None:
            return NOT_RUN
        gain = (found.low, found.high) if LARGER_IS_BETTER[metric] else (-found.high, -found.low)
        figures = f"{METRIC_NAMES[metric]} {found.difference:+.3f} (95 % {found.low:+.3f} to {found.high:+.3f})"
        one = comparison.champion
        against = f"against v{one.version}" if one.version else f"against commit {one.commit[:7]}"
        if gain[0] > -limit:
            return PASS, f"{figures} {against}: a loss of {limit:g} is excluded."
        if gain[1] < 0:
            return FAIL, f"{figures} {against}: it is worse, and a loss of {limit:g} is not excluded."
        return INCONCLUSIVE, f"{figures} {against}: too little data to exclude a loss of {limit:g}."

    return check


def _calibration(rule: GateRule, exhibits: Exhibits) -> Answer:
    figures = exhibits.holdout
    if figures is None:
        return NOT_RUN
    if figures.slope is None or figures.intercept is None:
        return INCONCLUSIVE, "The probabilities separate the outcomes, so calibration cannot be fitted."
    limit = _limit(rule)
    answers = (
        _within("Slope", figures.slope, 1 - limit, 1 + limit),
        _within("intercept", figures.intercept, -limit, limit),
    )
    state = min((state for state, _ in answers), key=(FAIL, INCONCLUSIVE, PASS).index)
    return state, f"{', '.join(words for _, words in answers)}; allowed {1 - limit:g} to {1 + limit:g} and ±{limit:g}."


def _within(name: str, found: Estimate, low: float, high: float) -> Answer:
    words = f"{name} {found.value:.2f} (95 % {found.low:.2f} to {found.high:.2f})"
    if low <= found.low and found.high <= high:
        return PASS, words
    return (FAIL if found.high < low or found.low > high else INCONCLUSIVE), words


def _minimum_sensitivity(rule: GateRule, exhibits: Exhibits) -> Answer:
    if exhibits.holdout is None:
        return NOT_RUN
    found, limit = exhibits.holdout.sensitivity, _limit(rule)
    words = (
        f"Sensitivity {found.value:.3f} (95 % {found.low:.3f} to {found.high:.3f}) at {exhibits.holdout.threshold:g}"
    )
    if found.low >= limit:
        return PASS, f"{words}; at least {limit:g} is asked for."
    state = FAIL if found.high < limit else INCONCLUSIVE
    return state, f"{words}; at least {limit:g} is asked for."


def _subgroups(limit: float, comparison: Comparison) -> Answer:
    found = comparison.subgroups
    if found is None:
        return FindingState.NOT_RUN, "The evidence holds no bands."
    if found.margin != limit:
        asked, used = f"{100 * limit:g}", f"{100 * found.margin:g}"
        return FindingState.STALE, f"The bands were judged for a loss of {used} points; the gate asks for {asked}."
    by_verdict = {v: [f"{b.axis} {b.band}" for b in found.bands if b.verdict is v] for v in BandVerdict}
    for verdict, state in ((BandVerdict.WORSE, FAIL), (BandVerdict.INCONCLUSIVE, INCONCLUSIVE)):
        if by_verdict[verdict]:
            return state, f"{_named(by_verdict[verdict])}: {verdict.value}, of {len(found.bands)} bands."
    if by_verdict[BandVerdict.TOO_FEW]:
        return INCONCLUSIVE, f"{_named(by_verdict[BandVerdict.TOO_FEW])}: too few to judge, which is no pass."
    return PASS, f"In all {len(found.bands)} bands a loss of {100 * limit:g} points is excluded."


def _subgroup_calibration(rule: GateRule, exhibits: Exhibits) -> Answer:
    if exhibits.holdout is None or not exhibits.holdout.bands:
        return NOT_RUN
    limit, bands = _limit(rule), exhibits.holdout.bands
    judged = [(f"{b.axis} {b.band}", b.excess) for b in bands if b.excess is not None]
    off = [f"{name} ({e.value:+.2f})" for name, e in judged if e.low > limit or e.high < -limit]
    unsure = [name for name, e in judged if not (-limit < e.low and e.high < limit)]
    few = [f"{b.axis} {b.band}" for b in bands if b.excess is None]
    if off:
        return FAIL, f"Mean risk is off by more than {limit:g} in {_named(off)}."
    if unsure:
        return INCONCLUSIVE, f"{_named(unsure)}: being off by {limit:g} is not excluded."
    if few:
        return INCONCLUSIVE, f"{_named(few)}: too few to judge, which is no pass."
    return PASS, f"In all {len(bands)} bands mean risk is within {limit:g} of what was seen."


def _contract(rule: GateRule, exhibits: Exhibits) -> Answer:  # noqa: ARG001  # the gates' common signature
    smoke = exhibits.smoke
    if smoke is None:
        return FindingState.NOT_RUN, "Not asked on the test endpoint yet."
    first = f" {smoke.failures[0]}" if smoke.failures else ""
    words = f"{smoke.passed} of {smoke.requests} requests answered as the contract says.{first}"
    promised, promise = _promised(exhibits)
    kept = PASS if smoke.passed == smoke.requests else FAIL
    state = min((kept, promised), key=(FAIL, FindingState.STALE, PASS).index)
    return state, f"{promise} {words}".strip()


def _promised(exhibits: Exhibits) -> Answer:
    """The written contract beside that of what serves: who calls today must be served tomorrow.

    Evidence from before contracts were written down says nothing about it.
    """
    found = exhibits.contract
    if found is None:
        return (FindingState.STALE, _other_champion(exhibits)) if exhibits.stale_contract else (PASS, "")
    if found.contract is None:
        if found.before is None and not found.problem:
            return PASS, "Its run has left no contract to compare."
        left = found.problem or "its run has left no contract"
        return FAIL, f"v{found.champion} has a written contract; of this version {left}." if found.before else left
    if found.before is None:
        beside = f"v{found.champion} has none to compare with" if found.champion else "the first"
        return PASS, f"A written contract of {len(found.contract.fields)} fields, {beside}."
    changes = difference(found.before, found.contract)
    breaking = [change for change in changes if change.effect is ContractEffect.BREAKING]
    told = f"Against v{found.champion}: {in_words(changes)}"
    said = " ".join(change.sentence for change in (breaking or changes)[:NAMED])
    return (FAIL if breaking else PASS), f"{told}. {said}".strip()


def _other_champion(exhibits: Exhibits) -> str:
    return f"The contract was not compared with that of v{exhibits.champion}, which serves now."


def _robustness(rule: GateRule, exhibits: Exhibits) -> Answer:
    found, limit = exhibits.robustness, _limit(rule)
    if found is None:
        return NOT_RUN
    if found.batch.share > SAME_ANSWER:
        return FAIL, f"The same row in another batch got an answer that differs by {found.batch.share:.2g}."
    wrong = [c for c in found.let_through if c.share > 0]
    wrong += [c for c in (*found.falls, *found.silent) if c.share > limit]
    tried = len(found.let_through) + len(found.falls) + len(found.silent) + 1
    if wrong:
        return FAIL, f"{len(wrong)} of {tried} checks: {_worst(wrong)}."
    return PASS, f"{tried} checks: spoilt input is refused, told or changes at most {100 * limit:g} % of answers."


def _worst(wrong: list[RobustnessCheck]) -> str:
    worst = max(wrong, key=lambda check: check.share)
    return f"{worst.check}, {100 * worst.share:.1f} % of {worst.rows:,} rows"


def _flips(limit: float, comparison: Comparison) -> Answer:
    found = comparison.flips
    if found is None:
        return NOT_RUN
    share = found.count / found.rows
    ill, well = f"{found.rescued} ill found, {found.lost} ill missed", f"{found.alarmed} well alarmed"
    who = f"{ill}, {well}, {found.cleared} well cleared"
    words = f"{found.count:,} of {found.rows:,} patients get another answer ({100 * share:.1f} %): {who}"
    return (PASS if share <= limit else FAIL), f"{words}; at most {100 * limit:g} % without a lead's review."


def _production_flips(rule: GateRule, exhibits: Exhibits) -> Answer:
    """Only what was answered by exactly what serves now, and by this version at its threshold of now."""
    found, limit = exhibits.production, _limit(rule)
    if found is None:
        state = FindingState.STALE if exhibits.stale_production else FindingState.NOT_RUN
        return state, f"What v{exhibits.champion} was asked in production has not been asked of this version."
    if found.problem:
        return FindingState.NOT_RUN, f"Production's inputs could not be replayed: {found.problem}"
    if not found.rows:
        return FindingState.NOT_RUN, f"Of {found.deployment} no input was collected in the {WITHIN_DAYS} days before."
    turned = f"{found.turned_positive} positive now, {found.turned_negative} negative now"
    of = f"{found.count:,} of {found.rows:,} inputs of {found.deployment}"
    words = f"{of} get another answer ({100 * found.share:.1f} %): {turned}"
    if found.rows < FEWEST:
        return INCONCLUSIVE, f"{words}; fewer than {FEWEST} say too little."
    state = PASS if found.share <= limit else FAIL
    return state, f"{words}; at most {100 * limit:g} % without a lead's review."


def _latency(rule: GateRule, exhibits: Exhibits) -> Answer:
    load, limit = exhibits.load, _limit(rule)
    if load is None:
        return NOT_RUN
    words = f"p95 {load.p95_ms:.0f} ms, {load.errors} errors in {load.requests:,} requests, {load.at_a_time} at a time"
    return (PASS if load.p95_ms <= limit and not load.errors else FAIL), f"{words}; limit {limit:g} ms."


def _card(rule: GateRule, exhibits: Exhibits) -> Answer:  # noqa: ARG001  # the gates' common signature
    card = exhibits.card
    if card is None:
        return FindingState.NOT_RUN, "The card of its commit has not been read yet."
    if not card.complete:
        return FAIL, f"The model card is not complete: {_named(list(card.problems))}."
    return PASS, f"All required fields are written, last reviewed on {card.reviewed:%d %b %Y} by {card.owner}."


def _named(bands: list[str]) -> str:
    rest = len(bands) - NAMED
    return ", ".join(bands[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


CHECKS: dict[str, Callable[[GateRule, Exhibits], Answer]] = {
    "sensitivity": _compared(_loss("sensitivity")),
    "calibration": _calibration,
    "contract": _contract,
    "minimum_sensitivity": _minimum_sensitivity,
    "specificity": _compared(_loss("specificity")),
    "auc": _compared(_loss("auc")),
    "brier": _compared(_loss("brier")),
    "subgroups": _compared(_subgroups),
    "subgroup_calibration": _subgroup_calibration,
    "robustness": _robustness,
    "flips": _compared(_flips),
    "production_flips": _production_flips,
    "latency": _latency,
    "card": _card,
}
RESTS_ON = {
    "sensitivity": "comparison",
    "specificity": "comparison",
    "auc": "comparison",
    "brier": "comparison",
    "subgroups": "comparison",
    "flips": "comparison",
    "production_flips": "production_flips",
    "calibration": "holdout",
    "minimum_sensitivity": "holdout",
    "subgroup_calibration": "holdout",
    "contract": "smoke",
    "robustness": "robustness",
    "latency": "load",
    "card": "card",
}
"""The kind of evidence that each gate reads."""
COMPARED = frozenset(gate for gate, kind in RESTS_ON.items() if kind == "comparison")
"""What a comparison on one holdout answers, a pull request's too."""
COMPARING = COMPARED | {"production_flips"}
"""What asks nothing of a first version: nothing serves that it could be compared with."""
GROUPS = {
    "sensitivity": "Quality",
    "minimum_sensitivity": "Quality",
    "specificity": "Quality",
    "auc": "Quality",
    "brier": "Quality",
    "flips": "Quality",
    "production_flips": "Quality",
    "subgroups": "Fairness",
    "subgroup_calibration": "Fairness",
    "calibration": "Calibration",
    "contract": "Contract",
    "robustness": "Contract",
    "latency": "Contract",
    "card": "Contract",
}
"""The verdict strip's word that a gate speaks to."""
