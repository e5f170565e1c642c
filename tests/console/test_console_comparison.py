"""What the decision page says of two models: every row with its interval, patients, bands; and of old comparisons."""

from __future__ import annotations

import hospital_models
import pytest
from visitors import text

from backend.domain.comparison import BandShare, BandVerdict, PerThousand
from console.viewmodels.bands import axis_tables, rule, tally
from console.viewmodels.comparison import change, for_patients, metric_rows, patients, span


def compared():
    return hospital_models.comparison()


def of_the_first_release():
    old = compared()
    figures = {"auc": 0.85, "sensitivity": 0.6, "specificity": 0.9, "accuracy": 0.8}
    return old.model_copy(
        update={
            "differences": old.differences[:1],
            "consequence": None,
            "subgroups": None,
            "figures": {"champion": figures, "challenger": figures | {"sensitivity": 0.7}},
        }
    )


def test_every_row_has_an_interval_and_a_verdict():
    rows = metric_rows(compared())
    assert [row.name for row in rows] == [
        "AUC", "Sensitivity", "Specificity", "PPV", "Brier score", "Calibr. slope", "Calibr. intercept",
    ]  # fmt: skip
    assert all(row.interval.startswith("[") and row.verdict for row in rows)


def test_a_comparison_of_the_first_release_is_still_shown():
    rows = metric_rows(of_the_first_release())
    assert [(row.name, row.interval == "–") for row in rows] == [
        ("AUC", False), ("Sensitivity", True), ("Specificity", True), ("Accuracy", True),
    ]  # fmt: skip
    view = patients(of_the_first_release())
    assert (view.missed, view.missed_interval) == ("33 fewer missed", "")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-92.4, -57.6, "58–92"), (71, 109, "71–109"), (-12.4, 8.4, "−12 to +8"), (-0.4, 5, "0–5"), (-5, 0.3, "0–5"),
        (0, 0, "0–0"),
    ],
)  # fmt: skip
def test_an_interval_in_patients(low, high, said):
    assert span(low, high) == said


def test_a_change_in_patients():
    assert (change(-75.2, "missed"), change(0.4, "missed"), change(90)) == (
        "75 fewer missed",
        "as many missed",
        "90 more",
    )


def test_patients_carry_their_intervals():
    view = patients(compared())
    of = compared().consequence
    assert view.missed_interval == f"95 % {-of.missed.high:.0f}–{-of.missed.low:.0f}"
    assert view.false_interval == f"95 % {of.false_alarms.low:.0f}–{of.false_alarms.high:.0f}"


def test_the_pull_requests_page_says_it_in_patients(visit, world):
    view = patients(compared())
    said = f"Per 1,000 patients {view.missed} ({view.missed_interval}), {view.false_alarms} ({view.false_interval})."
    assert said in text(visit("views/pull_requests.py", number="14"))
    assert for_patients(of_the_first_release()) == ""


def test_age_comes_first_and_a_band_too_small_shows_no_figure():
    found = compared().subgroups
    tables = axis_tables(found)
    assert [table.title for table in tables] == ["Age", "Pregnancies", "BMI"]
    old = tables[0].rows[-1]
    assert (old.band, old.rows, old.missed.change, old.missed.interval) == ("60 and over", "60", "–", "–")
    assert old.missed.verdict.text == "too few to judge"
    assert old.missed.verdict.tone != "good"
    assert tally(found).startswith("24 looks: ")
    assert rule(found) == (
        "Pass: a loss of 10 points among the band's ill (missed) or well (false alarms) is excluded. The intervals hold"
        " for all 24 looks together, 95 % by Bonferroni's correction."
    )


def test_an_axis_only_the_evidence_knows_goes_by_its_own_name():
    found = compared().subgroups
    share = BandShare(rows=90, verdict=BandVerdict.WORSE)
    change_of = PerThousand(champion=1, challenger=4, change=3, low=1, high=5)
    band = found.bands[0].model_copy(
        update={"axis": "blood_pressure", "missed": change_of, "sensitivity": share, "false_alarms": None}
    )
    (table,) = axis_tables(found.model_copy(update={"bands": (band,)}))
    assert table.title == "Blood pressure"
    assert (table.rows[0].missed.change, table.rows[0].missed.interval) == ("3 more", "1–5")
    assert table.rows[0].false_alarms.change == "–"


def test_the_decision_page_shows_patients_and_bands(visit, world):
    shown = text(visit("views/deployments.py", version="2"))
    assert 'aria-label="Missed by age"' in shown
    assert "too few to judge" in shown
    assert "Bonferroni" in shown
    assert f"({patients(compared()).missed_interval})" in shown
    assert "Calibr. slope" in shown
