"""From the evidence that training writes to the sentence on a pull request: real models on a synthetic cohort."""

from __future__ import annotations

import io
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from backend.cli.output import comparison_lines
from backend.domain.comparison import BandVerdict, Comparison, Side, Verdict
from backend.domain.gates import FindingState
from backend.errors import Conflict, Invalid
from backend.operations.report import Rules, summary
from backend.policy.comparison import figures, judge
from backend.policy.gate_changes import gate_changes
from backend.policy.gate_file import read_gates
from backend.policy.gates import Exhibits, judge_gates
from backend.policy.holdout import pair, read_paired
from training import bands, cohort, data, evidence, params
from training.train import train

PARAMETERS = """
seed = 0
model = "logistic"
threshold = 0.5
[split]
holdout_fraction = 0.3
minimum_rows = 200
[logistic]
reg_rate = 0.01
solver = "liblinear"
[hist_gradient_boosting]
learning_rate = 0.1
max_iter = 100
max_leaf_nodes = 31
min_samples_leaf = 20
l2_regularization = 0.0
"""


FILE = (Path(__file__).parents[2] / "training" / "gates.toml").read_bytes()
RULES = Rules(FILE, FILE)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The predictions of four models of one cohort, as their runs would leave them."""
    folder = tmp_path_factory.mktemp("runs")
    cohort.write(folder / "cohort.csv", rows=6000, seed=5)
    dataset = data.load(folder / "cohort.csv")
    reference = params.parse(tomllib.loads(PARAMETERS))
    penalty = reference.logistic
    chosen = {
        "reference": reference,
        "0.1": replace(reference, logistic=replace(penalty, reg_rate=0.1)),
        "1000": replace(reference, logistic=replace(penalty, reg_rate=1000)),
        "boosting": replace(reference, model="hist_gradient_boosting"),
        "other split": replace(reference, seed=1),
    }
    for name, parameters in chosen.items():
        trained = train(dataset, parameters)
        columns = {"probability": trained.probability}
        evidence.write_predictions(folder / f"{name}.parquet", dataset, trained.split.holdout, columns)
    return {name: (folder / f"{name}.parquet").read_bytes() for name in chosen}


def verdicts(runs, challenger):
    return {d.metric: d.verdict for d in judge(pair(runs["reference"], runs[challenger]), 0.5, 0.5).differences}


def test_a_tenfold_penalty_is_no_detectable_difference(runs):
    found = judge(pair(runs["reference"], runs["0.1"]), 0.5, 0.5)
    assert {d.metric: d.verdict for d in found.differences if d.verdict is not Verdict.NO_DIFFERENCE} == {}
    of_bands = [band.verdict for band in found.subgroups.bands]
    assert BandVerdict.WORSE not in of_bands
    # In bands of 1,800 rows a single changed answer can already leave a loss of the margin open.
    assert of_bands.count(BandVerdict.PASS) >= 6


def test_an_absurd_penalty_is_worse(runs):
    found = verdicts(runs, "1000")
    for metric in ("auc", "sensitivity", "ppv", "brier"):
        assert found[metric] is Verdict.WORSE, metric
    bands_of = judge(pair(runs["reference"], runs["1000"]), 0.5, 0.5).subgroups.bands
    young = next(band for band in bands_of if band.band == "under 30")
    assert young.sensitivity.verdict is BandVerdict.WORSE
    assert young.missed.low > 0


def test_boosting_is_better_for_the_ill_and_for_the_well(runs):
    found = judge(pair(runs["reference"], runs["boosting"]), 0.5, 0.5)
    named = {d.metric: d.verdict for d in found.differences}
    for metric in ("auc", "sensitivity", "specificity", "ppv", "brier"):
        assert named[metric] is Verdict.BETTER, metric
    assert found.consequence.missed.high < 0
    assert found.consequence.false_alarms.high < 0


def test_the_bands_are_those_of_training(runs):
    holdout = pair(runs["reference"], runs["boosting"])
    assert [(axis.name, axis.labels) for axis in holdout.axes] == [(axis.name, axis.labels) for axis in bands.AXES]
    assert {len(axis.codes) for axis in holdout.axes} == {len(holdout.outcome)}
    assert len(holdout.digests) == 2


def test_other_rows_are_refused(runs):
    with pytest.raises(Conflict, match="the pull request changes the split"):
        pair(runs["reference"], runs["other split"])


def test_evidence_of_before_the_bands_is_compared_without_them(runs):
    table = parquet.read_table(io.BytesIO(runs["reference"]))
    plain = written(table.drop_columns([name for name in table.column_names if name.startswith("band_")]))
    assert judge(pair(plain, plain), 0.5, 0.5).subgroups is None
    assert len(pair(plain, runs["reference"]).axes) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nothing", "no Parquet file"),
        ({"outcome": [0, 1], "champion": [0.1, 0.2], "challenger": [0.1, 0.2]}, "no column group"),
        (
            {"outcome": [0], "champion": [0.1], "challenger": [0.1], "group": [0],
             "band_age": pa.DictionaryArray.from_arrays(pa.array([None], pa.int8()), ["young"])},
            "1 rows without a band",
        ),
    ],
)  # fmt: skip
def test_evidence_that_cannot_be_read_is_refused(content, words):
    with pytest.raises(Invalid, match=words):
        read_paired(content if isinstance(content, bytes) else written(pa.table(content)))


def written(table):
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def compared(runs, challenger, thresholds=(0.5, 0.5)):
    return of_pair({"a": runs["reference"], "b": runs[challenger]}, thresholds)


def of_pair(runs, thresholds=(0.5, 0.5)):
    holdout = pair(runs["a"], runs["b"])
    judged = judge(holdout, *thresholds)
    one, two = (Side(commit=letter * 40, run=letter, threshold=t) for letter, t in zip("ab", thresholds, strict=True))
    return Comparison(
        champion=one, challenger=two, data_asset="diabetes-dev:1", data_digest="sha256:1", rows=len(holdout.outcome),
        positives=int(holdout.ill.sum()), shared_groups=0, differences=judged.differences,
        figures=figures(judged.differences), made_at=datetime(2026, 11, 26, tzinfo=UTC),
        consequence=judged.consequence, subgroups=judged.subgroups, predictions=holdout.digests,
    )  # fmt: skip


def test_a_comparison_computed_again_is_the_same_to_the_bit(runs):
    assert compared(runs, "boosting").model_dump_json() == compared(runs, "boosting").model_dump_json()


def test_the_pull_request_shows_every_interval(runs):
    comparison = compared(runs, "1000", (0.5, 0.4))
    text = summary(comparison, RULES)
    assert "champion `aaaaaaaaa` at 0.5 | this change `bbbbbbbbb` at 0.4" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "metric" not in line and "---" not in line]
    for name in ("AUC", "Sensitivity", "Specificity", "PPV", "Brier score", "Calibration slope"):
        (row,) = (line for line in rows if line.startswith(f"| {name} |"))
        assert " to " in row
    assert "Missed per 1,000 patients" in text
    assert "Bonferroni" in text
    assert "| age: 60 and over |" in text
    assert "too few to judge" in text


def test_the_pull_request_shows_what_the_gates_of_main_say_and_that_the_rules_change(runs):
    comparison = compared(runs, "1000")
    text = summary(comparison, RULES)
    assert re.search(r"\| Sensitivity gate \| hard \| fail \| .*against commit aaaaaaa: it is worse", text)
    assert "changes the rules" not in text
    weaker = FILE.replace(b'level = "hard"\nlimit = 0.05', b'level = "advisory"\nlimit = 0.5')
    loud = summary(comparison, Rules(FILE, weaker))
    assert loud.startswith("> [!WARNING]\n> **This change also changes the rules that judge it**")
    assert "> - sensitivity: hard → advisory, it no longer stops a promotion." in loud
    assert "> - sensitivity: limit 0.05 → 0.5." in loud
    assert re.search(r"\| Sensitivity gate \| hard \| fail", loud), "the change is judged by the rules of main"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (FILE, FILE, ()),
        (None, FILE, ("training/gates.toml is new: 14 gates.",)),
        (FILE, None, ("training/gates.toml is deleted: nothing could be promoted without it.",)),
        (FILE, b"# a remark\n" + FILE, ("training/gates.toml changes in its comments alone.",)),
        (b"broken [", FILE, ("training/gates.toml is new: 14 gates.",)),
        (FILE, FILE.replace(b"limit = 500", b"limit = 900"), ("latency: limit 500 → 900.",)),
    ],
)
def test_what_a_change_does_to_the_rules(before, after, told):
    assert gate_changes(before, after) == told


def test_a_gate_file_that_cannot_be_read_any_more_says_so():
    (told,) = gate_changes(FILE, FILE.replace(b"[auc]", b"[area]"))
    assert told == "training/gates.toml: auc: field required. Nothing could be promoted with it."


def test_the_terminal_shows_every_interval(runs):
    lines = list(comparison_lines(compared(runs, "boosting")))
    assert sum(line.count("[") for line in lines) >= 7 + 2 * 11
    assert any(line.startswith("age under 30 (n ") for line in lines)
    assert [line for line in lines if re.search(r"\b(nan|inf)\b", line)] == []


@pytest.mark.recovery
def test_on_every_cohort_a_strong_penalty_is_blocked_and_a_weak_one_changes_nothing(tmp_path):
    """Ten cohorts of 6,000 rows: the hard gate stops the one each time, and the AUC sees no difference in the other."""
    rules = read_gates(FILE, "main").rules
    reference = params.parse(tomllib.loads(PARAMETERS))
    for seed in range(10):
        path = tmp_path / f"{seed}.csv"
        cohort.write(path, rows=6000, seed=seed)
        dataset = data.load(path)
        rates = {
            rate: replace(reference, logistic=replace(reference.logistic, reg_rate=rate)) for rate in (0.01, 0.1, 1000)
        }
        trained = {rate: train(dataset, parameters) for rate, parameters in rates.items()}
        split = trained[0.01].split
        predictions = {}
        for rate, found in trained.items():
            file = tmp_path / f"{seed}-{rate}.parquet"
            evidence.write_predictions(file, dataset, split.holdout, {"probability": found.probability})
            predictions[rate] = file.read_bytes()
        weak, strong = ({"a": predictions[0.01], "b": predictions[rate]} for rate in (0.1, 1000))
        assert of_pair(weak).on("auc").verdict is Verdict.NO_DIFFERENCE, seed
        seen = Exhibits(of_pair(strong), None, None, None, None, champion="1")
        states = {finding.gate: finding.state for finding in judge_gates(rules, seen)}
        assert states["sensitivity"] is FindingState.FAIL, seed
