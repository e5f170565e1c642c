"""The report of a pull request: its model against the champion's, both trained on the same data, as a check run."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from backend.domain.evidence import Comparison, Side, Verdict
from backend.errors import Conflict
from backend.gateways.azureml.jobs import Jobs
from backend.gateways.github.checks import COMPARISON_CHECK, Checks, Conclusion, comparison_text
from backend.policy.comparison import in_words, paired_difference

METRICS = ("auc", "sensitivity", "specificity", "brier", "accuracy")
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


def compare(jobs: Jobs, pair: TrainedPair, now: datetime) -> Comparison:
    """Pair the holdout predictions of both runs. Raises Conflict where they are not the same rows."""
    champion = _predictions(jobs, pair.champion_run)
    challenger = _predictions(jobs, pair.challenger_run)
    same = all(np.array_equal(champion[name], challenger[name]) for name in ("row", "outcome"))
    if not same:
        raise Conflict(
            "The two runs judged different holdout rows, so their models cannot be compared: the pull request changes "
            "the split. Compare after the merge, or leave the split as it is.",
            expected=f"{len(champion['row'])} rows of {pair.champion_run}",
            actual=f"{len(challenger['row'])} rows of {pair.challenger_run}",
        )
    figures = {
        side: _metrics(jobs, run)
        for side, run in (("champion", pair.champion_run), ("challenger", pair.challenger_run))
    }
    dataset = json.loads(jobs.artefact(pair.challenger_run, "evidence/dataset.json"))
    difference = paired_difference(champion["outcome"], champion["probability"], challenger["probability"])
    return Comparison(
        champion=_side(jobs, pair.champion_commit, pair.champion_run),
        challenger=_side(jobs, pair.challenger_commit, pair.challenger_run),
        data_asset=pair.data_asset,
        data_digest=pair.data_digest,
        rows=len(champion["row"]),
        positives=int(champion["outcome"].sum()),
        shared_groups=int(dataset["shared_groups"]),
        differences=(difference,),
        figures=figures,
        made_at=now,
    )


def publish(checks: Checks, head_sha: str, comparison: Comparison) -> str:
    """Write the check run that the console reads; its title."""
    title = in_words(comparison.on("auc"), comparison.rows)
    check = checks.create(head_sha, COMPARISON_CHECK)
    conclusion = CONCLUSIONS[comparison.on("auc").verdict]
    checks.complete(check, conclusion, title=title, summary=summary(comparison), text=comparison_text(comparison))
    return title


def summary(comparison: Comparison) -> str:
    """The table that GitHub shows, in its markdown."""
    difference = comparison.on("auc")
    rows = [
        f"| {name} | {comparison.figures['champion'][name]:.4f} | {comparison.figures['challenger'][name]:.4f} |"
        for name in METRICS
        if all(name in comparison.figures[side] for side in ("champion", "challenger"))
    ]
    holdout = f"{comparison.rows:,} holdout rows of `{comparison.data_asset}`"
    inside = f"{comparison.positives:,} positive, patients in both sides: {comparison.shared_groups}"
    interval = f"{difference.confidence:.0%} interval {difference.low:+.4f} to {difference.high:+.4f}"
    champion, challenger = comparison.champion.commit[:9], comparison.challenger.commit[:9]
    return "\n".join(
        [
            f"**{difference.verdict.value}** on {holdout} ({inside}).",
            "",
            f"AUC {difference.difference:+.4f}, {interval}.",
            "",
            f"| metric | champion `{champion}` | this change `{challenger}` |",
            "| --- | --- | --- |",
            *rows,
        ]
    )


def _side(jobs: Jobs, commit: str, run: str) -> Side:
    facts = json.loads(jobs.artefact(run, "evidence/model.json"))
    return Side(commit=commit, run=run, digest=str(facts["digest"]))


def _metrics(jobs: Jobs, run: str) -> dict[str, float]:
    values = json.loads(jobs.artefact(run, "evidence/metrics.json"))
    return {name: float(value) for name, value in values.items()}


def _predictions(jobs: Jobs, run: str) -> dict[str, Any]:
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(jobs.artefact(run, "evidence/predictions.parquet")))
    return {name: table.column(name).to_numpy() for name in ("row", "outcome", "probability")}
