"""The report of a pull request: its model against the champion's, both trained on the same data, as a check run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from backend.domain.comparison import METRIC_NAMES, BandShare, BandVerdict, Comparison, Difference, Side, Verdict
from backend.domain.gates import GATES_PATH, Finding
from backend.errors import Invalid
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.github.checks import Checks, Conclusion
from backend.gateways.github.comparisons import COMPARISON_CHECK, change_id, comparison_text
from backend.operations.markdown import plain
from backend.policy.comparison import Origin, comparison_of, in_words, judge
from backend.policy.consequence import consequence_lines
from backend.policy.gate_changes import gate_changes
from backend.policy.gate_file import read_gates
from backend.policy.gates import COMPARED, Exhibits, judge_gates
from backend.policy.holdout import pair
from backend.policy.subgroups import subgroup_rule

CONCLUSIONS: dict[Verdict, Conclusion] = {
    Verdict.BETTER: "success",
    Verdict.NO_DIFFERENCE: "neutral",
    Verdict.TOO_LITTLE_DATA: "neutral",
    # A worse model is the lead's decision to see, not the author's error: the check says so and does not pass.
    Verdict.WORSE: "failure",
}


@dataclass(frozen=True, slots=True)
class TrainedPair:
    """The two runs to compare; written by `ci train`, read by `ci report`."""

    champion_commit: str
    champion_run: str
    challenger_commit: str
    challenger_run: str
    data_asset: str
    data_digest: str

    def to_json(self) -> str:
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> TrainedPair:
        return cls(**json.loads(text))


def compare(jobs: Jobs, pair_of: TrainedPair, now: datetime) -> Comparison:
    """Pair the holdout predictions of both runs. Raises Conflict where they are not the same rows.

    Each model is cut at the threshold that its own commit proposes.
    """
    runs = pair_of.champion_run, pair_of.challenger_run
    one, two = (jobs.artefact(run, "evidence/predictions.parquet") for run in runs)
    holdout = pair(one, two)
    champion, of_champion = _side(jobs, pair_of.champion_commit, pair_of.champion_run)
    challenger, of_challenger = _side(jobs, pair_of.challenger_commit, pair_of.challenger_run)
    judged = judge(holdout, of_champion, of_challenger)
    dataset = json.loads(jobs.artefact(pair_of.challenger_run, "evidence/dataset.json"))
    origin = Origin(pair_of.data_asset, pair_of.data_digest, int(dataset["shared_groups"]), now)
    whole = comparison_of(judged, holdout, champion, challenger, origin)
    # A check run's text is short: the counts go with it, cases and thresholds stay with the evidence of a version.
    return whole.model_copy(update={"flips": judged.flips.model_copy(update={"cases": ()}), "sweep": ()})


@dataclass(frozen=True, slots=True)
class Rules:
    """The gate file of the base branch and of the change, as bytes; None where there is none."""

    base: bytes | None
    head: bytes | None


def publish(checks: Checks, head_sha: str, comparison: Comparison, rules: Rules) -> str:
    """Write the check run that the console reads; its title."""
    title = in_words(comparison.on("auc"), comparison.rows)
    check = checks.create(head_sha, COMPARISON_CHECK, external_id=change_id(comparison.on("auc")))
    conclusion = CONCLUSIONS[comparison.on("auc").verdict]
    said = summary(comparison, rules)
    checks.complete(check, conclusion, title=title, summary=said, text=comparison_text(comparison))
    return title


def summary(comparison: Comparison, rules: Rules) -> str:
    """The tables that GitHub shows, in its markdown."""
    difference = comparison.on("auc")
    holdout = f"{comparison.rows:,} holdout rows of `{comparison.data_asset}`"
    inside = f"{comparison.positives:,} positive, patients in both sides: {comparison.shared_groups}"
    champion, challenger = (_named(side) for side in (comparison.champion, comparison.challenger))
    return "\n".join(
        [
            *_rule_changes(rules),
            f"**{difference.verdict.value}** on {holdout} ({inside}).",
            *_gates(comparison, rules),
            "",
            f"| metric | champion {champion} | this change {challenger} | difference | {_level(difference)} | |",
            "| --- | --- | --- | --- | --- | --- |",
            *(_row(found) for found in comparison.differences),
            *_consequence(comparison),
            *_subgroups(comparison),
        ]
    )


def _rule_changes(rules: Rules) -> list[str]:
    changes = gate_changes(rules.base, rules.head)
    if not changes:
        return []
    return [
        "> [!WARNING]",
        f"> **This change also changes the rules that judge it**, in `{GATES_PATH}`:",
        *(f"> - {plain(change)}" for change in changes),
        "",
    ]


def _gates(comparison: Comparison, rules: Rules) -> list[str]:
    """What the base branch's gates say to it already; those of the whole release come with the registered version."""
    try:
        known = read_gates(rules.base, "") if rules.base is not None else None
    except Invalid:
        known = None
    if known is None:
        return []
    asked = tuple(rule for rule in known.rules if rule.name in COMPARED)
    seen = Exhibits(comparison, None, None, None, None, champion=comparison.champion.commit[:9])
    return ["", "| gate | level | result | found |", "| --- | --- | --- | --- |", *map(_gate, judge_gates(asked, seen))]


def _gate(found: Finding) -> str:
    level = "hard" if found.rule and found.rule.hard else "advisory"
    return f"| {found.title} gate | {level} | {found.state.value} | {found.sentence} |"


def _row(found: Difference) -> str:
    values = f"{found.champion:.4f} | {found.challenger:.4f} | {found.difference:+.4f}"
    name = METRIC_NAMES.get(found.metric, found.metric)
    return f"| {name} | {values} | {found.low:+.4f} to {found.high:+.4f} | {found.verdict.value} |"


def _named(side: Side) -> str:
    at = f" at {side.threshold:g}" if side.threshold is not None else ""
    return f"`{side.commit[:9]}`{at}"


def _level(found: Difference) -> str:
    return f"{100 * found.confidence:.0f} % interval"


def _consequence(comparison: Comparison) -> list[str]:
    if comparison.consequence is None:
        return []
    return ["", *(f"- {line}" for line in consequence_lines(comparison.consequence))]


def _subgroups(comparison: Comparison) -> list[str]:
    """One row a band; those that pass are counted and not listed."""
    found = comparison.subgroups
    if found is None:
        return []
    listed = [band for band in found.bands if band.verdict is not BandVerdict.PASS]
    passed = f"{len(found.bands) - len(listed)} of {len(found.bands)} bands pass"
    lines = ["", f"Subgroups: {passed}. {subgroup_rule(found)}"]
    if listed:
        lines += ["", "| band | rows | ill | sensitivity | specificity |", "| --- | --- | --- | --- | --- |"]
    return lines + [
        f"| {band.axis}: {band.band} | {band.rows:,} | {band.positives:,} | {_share(band.sensitivity)} "
        f"| {_share(band.specificity)} |"
        for band in listed
    ]


def _share(share: BandShare) -> str:
    if share.difference is None:
        return share.verdict.value
    return f"{share.difference:+.3f} ({share.low:+.3f} to {share.high:+.3f}), {share.verdict.value}"


def _side(jobs: Jobs, commit: str, run: str) -> tuple[Side, float]:
    """A side of the comparison, and the threshold that its commit proposes."""
    facts = json.loads(jobs.artefact(run, "evidence/model.json"))
    threshold = float(facts["threshold"])
    return Side(commit=commit, run=run, digest=str(facts["digest"]), threshold=threshold), threshold
