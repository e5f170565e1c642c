"""The run list's search: what is understood, what is refused and why, and which of ten thousand runs it finds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.run_search import Condition, Kind, Words
from backend.domain.runs import Run, RunState
from backend.errors import Invalid
from backend.gateways.azureml import run_table
from backend.policy.run_filter import parse, resolve
from backend.policy.run_selection import order, select

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def run(number: int, **changes: object) -> Run:
    fields: dict[str, object] = {
        "id": f"train-{number:05d}",
        "name": f"retrain: run {number}",
        "experiment": "diabetes",
        "workspace": "diabetes-prod" if number % 2 else "diabetes-dev",
        "state": RunState.FAILED if number % 10 == 3 else RunState.COMPLETED,
        "started_at": NOW - timedelta(minutes=number),
        "ended_at": NOW - timedelta(minutes=number) + timedelta(seconds=30 + number % 100),
        "author": "Ann" if number % 3 else "bob",
        "metrics": {"auc": 0.5 + (number * 7919 % 10_000) / 20_000},
        "params": {"model": "gbm" if number % 4 == 0 else "logistic", "reg_rate": str(0.001 * (number % 50))},
        "tags": {"commit": f"{number:04x}" * 10, "branch": "feature/x", "pull_request": str(number % 20)},
    }
    return Run.model_validate(fields | changes)


@pytest.fixture(scope="module")
def table():
    return run_table.merged(run_table.empty(), [run(number) for number in range(200)])


def found(table, text, marks=None, sort="-started"):
    terms = resolve(parse(text), run_table.names(table))
    fitting = select(table, terms, marks or {}, NOW)
    return [int(r.id[6:]) for r in run_table.runs_in(fitting.take(order(fitting, sort)))]


ALL = range(200)
CASES = {
    "": lambda _: True,
    "gbm": lambda n: n % 4 == 0,
    "GBM failed": lambda n: n % 4 == 0 and n % 10 == 3,
    "-gbm": lambda n: n % 4 != 0,
    "'run 19'": lambda n: n == 19 or n // 10 == 19,
    "#7": lambda n: n % 20 == 7,
    "auc>0.9": lambda n: 0.5 + (n * 7919 % 10_000) / 20_000 > 0.9,
    "metrics.auc > 0.9 AND params.model = 'gbm'": lambda n: run(n).metrics["auc"] > 0.9 and n % 4 == 0,
    'metrics."auc" <= 0.6': lambda n: run(n).metrics["auc"] <= 0.6,
    "model=gbm": lambda n: n % 4 == 0,
    "params.model != 'gbm'": lambda n: n % 4 != 0,
    "reg_rate>=0.04": lambda n: n % 50 >= 40,
    "tags.branch LIKE 'feature/%'": lambda _: True,
    "tags.branch like 'FEATURE/%'": lambda _: False,
    "tags.branch ILIKE 'FEATURE/%'": lambda _: True,
    "params.model NOT LIKE 'g%'": lambda n: n % 4 != 0,
    "author:an": lambda n: n % 3 != 0,
    "author=ann": lambda n: n % 3 != 0,
    "-author=ann": lambda n: n % 3 == 0,
    "pr=7 branch:feature": lambda n: n % 20 == 7,
    "commit=0011": lambda n: n == 17,
    "attributes.status = 'FINISHED'": lambda n: n % 10 != 3,
    "state:failed": lambda n: n % 10 == 3,
    "tags.`mlflow.user` = 'Ann'": lambda n: n % 3 != 0,
    "attributes.run_id IN ('train-00003', 'train-00005')": lambda n: n in {3, 5},
    "pr NOT IN (1, 2,'3')": lambda n: n % 20 not in {1, 2, 3},
    "started>1h": lambda n: n < 60,
    "started:2026-11-27 started<2026-11-27T11:00": lambda n: n > 60,
    "attributes.start_time > 1795777200000": lambda n: n < 60,
    "took>2m": lambda n: 30 + n % 100 > 120,
    "parent IS NULL": lambda _: True,
    "tags.pull_request IS NOT NULL": lambda _: True,
    "pinned:yes": lambda n: n == 4,
    "label=keep": lambda n: n in {4, 6},
    "label:kee -pinned:yes": lambda n: n == 6,
    "workspace:prod": lambda n: n % 2 == 1,
}
MARKS = {"diabetes-dev/train-00004": frozenset({"pinned", "keep"}), "diabetes-dev/train-00006": frozenset({"Keep"})}


@pytest.mark.parametrize("text", CASES)
def test_what_is_typed_finds(table, text):
    assert found(table, text, MARKS) == [number for number in ALL if CASES[text](number)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("auc >", "After “auc >” a value is missing"),
        ("acu > 0.9", "No run has a metric, parameter or tag acu (did you mean auc?)"),
        ("metrics.acu > 0.9", "No run has acu among its metrics (did you mean auc?)"),
        ("attributes.stat = 'x'", "There is no attribute stat (did you mean state?)"),
        ("metric.auc LIKE 'x'", "auc is a number: LIKE compares text"),
        ("auc > high", "auc is a number, and “high” is none"),
        ("model > high", "model is a number, and “high” is none"),
        ("auc > 0.9 OR auc < 0.1", "OR at character 11: conditions are joined by AND"),
        ("auc > 0.9 AND", "The search ends with AND"),
        ("(auc > 0.9)", "“(” at character 1 has no name before it"),
        ("params.model = 'gbm", "After “model =” a value is missing, or its quote is not closed"),
        ("'never closed", "The quote at character 1 is not closed"),
        ("pr IN (1, 2", "The list after pr IN is not closed"),
        ("pr IN ()", "The list after pr IN reads: ('a', 'b')"),
        ("started > soon", "“soon” is no moment: write 2026-11-01"),
        ("took > long", "“long” is no duration"),
        ("x" * 3000, "The search has 3,000 characters"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_the_reason(table, text, words):
    with pytest.raises(Invalid) as refused:
        found(table, text)
    assert str(refused.value).startswith(words)


def test_an_empty_index_refuses_no_name():
    assert resolve(parse("metrics.auc > 0.9"), run_table.names(run_table.empty())) == (
        Condition(Kind.METRIC, "auc", ">", ("0.9",)),
    )
    assert parse("two words") == (Words("two"), Words("words"))


def test_every_column_sorts_and_what_lacks_a_value_comes_last(table):
    more = run_table.merged(table, [run(500, metrics={}), run(501, metrics={"brier": 0.1})])
    best = found(more, "", sort="-metrics.auc")
    assert best[:2] == sorted(ALL, key=lambda n: -run(n).metrics["auc"])[:2]
    assert set(best[-2:]) == {500, 501}
    assert found(more, "", sort="metrics.brier")[0] == 501
    assert found(more, "", sort="metrics.never") == found(more, "")
    with pytest.raises(Invalid, match="There is no column body"):
        found(more, "", sort="body")


def test_a_run_that_changed_takes_its_own_place(table):
    again = run(7, state=RunState.RUNNING, tags={"purpose": "again"})
    changed = run_table.merged(table, [again])
    assert changed.num_rows == table.num_rows
    assert found(changed, "state=running") == [7]
    assert found(changed, "purpose=again") == [7]
    assert run_table.without(changed, [again.key]).num_rows == table.num_rows - 1


def test_runs_that_invent_a_tag_each_do_not_widen_the_table():
    inventive = [run(n, tags={f"tag-{n}": "odd", "purpose": "x"}) for n in range(run_table.MOST_NAMES + 50)]
    table = run_table.merged(run_table.empty(), inventive)
    assert len(run_table.names(table).tags) == run_table.MOST_NAMES
    last = run_table.MOST_NAMES + 49
    assert found(table, f"tag-{last}=odd".replace("=", " ").split()[0] + " ") == [last]


def test_ten_thousand_runs_are_searched_and_sorted_within_a_frame():
    table = run_table.merged(run_table.empty(), [run(number) for number in range(10_000)])
    began = time.process_time()
    for _ in range(5):
        assert len(found_rows(table, "auc>0.9 author:ann gbm")) > 100
    assert (time.process_time() - began) / 5 < 0.1


def found_rows(table, text):
    fitting = select(table, resolve(parse(text), run_table.names(table)), {}, NOW)
    return order(fitting, "-metrics.auc")
