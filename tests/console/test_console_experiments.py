"""Experiments: the list and its address, runs side by side, one run with what is said of it, and a new run."""

from __future__ import annotations

import pytest
from hospital_models import comparison
from hospital_readings import run_detail, runs
from visitors import claims, text

from backend.domain.run_requests import Startable
from backend.domain.run_search import Search
from backend.domain.runs import Artefact, Preview, RunCurves, RunDifference
from backend.gateways.azureml.run_index import shared
from backend.policy.run_params import flat
from console import topics
from console.viewmodels.run_list import DEFAULT, read_address, turned, write_columns, write_view
from tests.unit.test_params_schema import TEXT, TRAINING

PAGE = "views/experiments.py"
FIRST, SECOND = (run.key for run in runs()[:2])


def listed(app):
    """The names in the grid, in its order."""
    (grid,) = app.main.dataframe
    return list(grid.value["Run"])


def put_comparison(world, keys, problem=""):
    first, second = (run_detail(run) for run in runs()[:2])
    curves = tuple(RunCurves(key=d.run.key, curves=d.curves) for d in (first, second))
    world.wired.snapshots.put(topics.run_curves(keys), curves)

    found = RunDifference(
        key=keys[1], rows=3000, differences=() if problem else comparison().differences, problem=problem
    )
    world.wired.snapshots.put(topics.run_differences(keys[0], keys), (found,))


def test_the_address_decides_what_is_listed_and_in_which_order(visit, world):
    assert listed(visit(PAGE))[:2] == ["train 000 boosting", "train 001 logistic"]
    best = visit(PAGE, q="model=logistic metrics.auc > 0.5", sort="started", columns="metrics.auc,params.reg_rate")
    assert listed(best)[0] == "train 023 logistic"
    assert list(best.main.dataframe[0].value.columns) == ["Run", "AUC", "params.reg_rate"]
    assert "24 known" in text(best)
    assert "No run matches" in text(visit(PAGE, q="nobody"))


def test_a_search_that_makes_no_sense_says_why(visit, world):
    shown = text(visit(PAGE, q="acu>0.9"))
    assert "This search was not understood" in shown
    assert "did you mean auc?" in shown


def test_pages_are_short_and_the_last_page_is_the_limit(visit, world):
    many = [runs()[0].model_copy(update={"id": f"many-{n}", "name": f"many {n:03d}"}) for n in range(250)]
    shared(world.wired.settings.home / "cache").take_in(many)
    assert len(listed(visit(PAGE))) == 100
    last = world.wired.backend.runs.find(Search(page=9))
    assert (last.page, last.pages, len(last.runs)) == (3, 3, 74)


def test_a_hundred_runs_are_compared_in_a_grid(visit, world):
    first = runs()[0]
    many = [
        first.model_copy(update={"id": f"many-{n}", "name": f"many {n:03d}", "metrics": {"auc": n / 100}})
        for n in range(100)
    ]
    shared(world.wired.settings.home / "cache").take_in(many)
    app = visit(PAGE, compare=",".join(run.key for run in many))
    assert not app.exception
    (grid,) = app.main.dataframe
    assert list(grid.value["Run"]) == [run.name for run in many]


def test_what_is_selected_can_be_compared(visit, world):
    app = visit(PAGE, pick=f"{FIRST},{SECOND}")
    links = [link.proto.label for link in app.main.get("page_link")]
    assert "Compare 2 runs" in links


def test_selected_runs_are_pinned_and_labelled_with_one_click(visit, world):
    marks = world.wired.backend.run_remarks.marks
    app = visit(PAGE, pick=f"{FIRST},{SECOND}")
    app.button(key="pin_picked").click().run()
    app.text_input(key="pin_picked_why").set_value("Best of the sweep.")
    app.button(key="confirm_pin_picked").click().run()
    assert not app.exception
    assert {run: labels for run, labels in marks().items() if run in (FIRST, SECOND)} == {
        FIRST: frozenset({"pinned"}), SECOND: frozenset({"pinned"}),
    }  # fmt: skip
    app.button(key="label_picked").click().run()
    app.text_input(key="label_picked_add").set_value("sweep 7")
    app.button(key="confirm_label_picked").click().run()
    assert all("sweep 7" in marks()[run] for run in (FIRST, SECOND))
    again = visit(PAGE, pick=FIRST)
    again.button(key="label_picked").click().run()
    again.multiselect(key="label_picked_end").select("sweep 7")
    again.button(key="confirm_label_picked").click().run()
    assert (marks()[FIRST], marks()[SECOND]) == (frozenset({"pinned"}), frozenset({"pinned", "sweep 7"}))
    viewer = visit(PAGE, pick=FIRST, user=claims("viewer"))
    assert viewer.button(key="pin_picked").disabled
    assert viewer.button(key="label_picked").disabled


def test_a_view_is_kept_with_its_search_and_offered_to_everybody(visit, world):
    app = visit(PAGE, q="model=boosting", sort="-metrics.auc")
    app.text_input(key="view_name").set_value("Best boosting").run()
    app.button(key="keep_view").click().run()
    (view,) = world.wired.backend.run_remarks.views()
    assert (view.name, view.query) == ("Best boosting", "q=model%3Dboosting&sort=-metrics.auc")
    labels = [link.proto.label for link in visit(PAGE, user=claims("viewer")).main.get("page_link")]
    assert any("Best boosting" in label for label in labels)


def test_runs_side_by_side_show_what_differs_their_curves_and_verdicts(visit, world):
    put_comparison(world, (FIRST, SECOND))
    app = visit(PAGE, compare=f"{FIRST},{SECOND}")
    shown = text(app)
    assert not app.exception
    assert "Against the baseline" in shown
    assert "better" in shown
    assert "reg_rate" in shown
    assert "data_digest" not in shown, "what is equal is left out"
    assert len(app.main.get("plotly_chart")) == 4, "a scatter and three kinds of curves"
    everything = app.toggle(key="differences").set_value(False).run()
    assert "data_asset" in text(everything)


def test_runs_that_cannot_be_compared_say_why(visit, world):
    put_comparison(world, (FIRST, SECOND), problem="judged on other holdout rows than the baseline")
    assert "judged on other holdout rows" in text(visit(PAGE, compare=f"{FIRST},{SECOND}"))


@pytest.mark.parametrize("part", ["Results", "Files", "Log", "Code", "Lineage", "Made again", "Notes"])
def test_each_part_of_a_run(visit, world, part):
    detail = run_detail(runs()[0])
    world.wired.snapshots.put(topics.run(detail.run.workspace, detail.run.id), detail)
    app = visit(PAGE, run=FIRST, part=part)
    said = {
        "Results": "Parameters",
        "Files": "No file yet",
        "Log": "epoch 1 &lt;b&gt;ok&lt;/b&gt;",
        "Code": "Reading the changed files",
        "Lineage": "Where it comes from",
        "Made again": "Not made again yet",
        "Notes": "No note yet",
    }
    assert not app.exception
    assert said[part] in text(app)


def test_a_file_is_previewed_and_nothing_in_it_is_markup(visit, world):
    detail = run_detail(runs()[0]).model_copy(update={"artefacts": (Artefact(path="evidence/a.json", size=12),)})
    world.wired.snapshots.put(topics.run(detail.run.workspace, detail.run.id), detail)
    found = Preview(path="evidence/a.json", kind="text", size=12, text="<img src=x>")
    world.wired.snapshots.put(topics.run_file(detail.run.workspace, detail.run.id, "evidence/a.json"), found)
    shown = text(visit(PAGE, run=FIRST, part="Files"))
    assert "&lt;img src=x&gt;" in shown
    assert "<img" not in shown


def test_notes_labels_and_the_pin_are_written_by_a_scientist_and_not_by_a_viewer(visit, world):
    app = visit(PAGE, user=claims("scientist"), run=FIRST, part="Notes")
    app.text_area(key="new_note").set_value("Overfits the **young**.").run()
    app.button(key="write_note").click().run()
    app.text_input(key="pin_why").set_value("The best so far.").run()
    app.button(key="pin_run").click().run()
    assert "Overfits the **young**." in text(app)
    (found,) = world.wired.backend.runs.find(Search(text="pinned:yes")).runs
    assert found.key == FIRST
    refused = visit(PAGE, user=claims("viewer"), run=FIRST, part="Notes").button(key="write_note")
    assert refused.disabled
    assert "takes the role scientist or lead" in refused.help


def test_a_new_run_is_checked_while_one_types_and_asked_for_once(visit, world):
    of = Startable(
        branch="main", commit="c" * 40, values=flat((TRAINING / "params.toml").read_text()), schema_text=TEXT
    )
    world.wired.snapshots.put(topics.startable("main"), of)
    app = visit(PAGE, user=claims("scientist"), new="run")
    app.text_area(key="changes").set_value("logistic.reg_rate = 0").run()
    assert "logistic.reg_rate must be a number from 1e-09 to 1e+09" in text(app)
    assert app.button(key="start_run").disabled
    app.text_area(key="changes").set_value("logistic.reg_rate = 0.1, 1").run()
    app.text_input(key="why_run").set_value("A look at the penalty.").run()
    button = app.button(key="start_run")
    assert button.label == "Start the sweep of 2 runs"
    button.click().run()
    asked = world.wired.backend.run_requests.recent()
    assert {one.part: one.params for one in asked} == {1: {"logistic.reg_rate": 0.1}, 2: {"logistic.reg_rate": 1.0}}


def test_an_address_that_makes_no_sense_is_the_usual_list():
    assert read_address({"page": "-1", "columns": "", "sort": ""}) == read_address({})
    assert read_address({"columns": "params.a%2Cb"}).columns == ("params.a,b",)
    assert write_columns(DEFAULT) == ""
    assert read_address({"columns": write_columns(("tags.a,b", "state"))}).columns == ("tags.a,b", "state")
    assert (turned("auc", "-auc"), turned("auc", "auc"), turned("auc", "x")) == ("auc", "-auc", "-auc")
    assert write_view({"q": "a b", "page": "3", "pick": "x/y", "sort": "-started"}) == "q=a+b&sort=-started"
