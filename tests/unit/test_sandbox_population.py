"""Patients that the control page changes, and the outcomes that follow days later, at a minute a day."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from sandbox.control.outcomes import EVERY, FOLDER, KEPT, MOST_DAYS, Outcomes
from sandbox.control.patients import Visit
from sandbox.control.population import OLDER_FROM, STUCK_PRESSURE, Population, read_population, write_population
from sandbox.world import Settings, World, open_world

YOUNG = Visit({"Age": 24, "SerumInsulin": 90.5, "DiastolicBloodPressure": 71}, ill=False)
OLD = Visit({"Age": 66, "SerumInsulin": 90.5, "DiastolicBloodPressure": 71}, ill=True)


class Time:
    now = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def world(tmp_path, time):
    opened = open_world(Settings(home=tmp_path, runtime_python=None, runner_python=None))
    yield World(opened.settings, opened.documents, opened.events, time)
    opened.documents.close()
    opened.events.close()


def test_one_thing_at_a_time_and_everything_as_before(world):
    assert read_population(world) == Population()
    write_population(world, read_population(world).changed("older").changed("insulin"))
    assert read_population(world) == Population(older=True, insulin=True)
    assert read_population(world).changed("older") == Population(insulin=True)
    assert read_population(world).changed("before") == Population()


def test_older_patients_are_chosen_and_no_young_one_is_changed():
    random, visits = Random(1), [YOUNG] * 9 + [OLD]
    assert {Population(older=True).choose(visits, random).row["Age"] for _ in range(30)} == {66}
    assert {Population().choose(visits, random).row["Age"] for _ in range(60)} == {24, 66}
    assert Population(older=True).choose([YOUNG], random) == YOUNG
    assert YOUNG.row["Age"] < OLDER_FROM <= OLD.row["Age"]


def test_a_unit_and_a_stuck_device_change_what_is_sent_alone():
    assert Population().sent(OLD.row) == OLD.row
    sent = Population(insulin=True, stuck=True).sent(OLD.row)
    assert sent == {"Age": 66, "SerumInsulin": 543.0, "DiastolicBloodPressure": STUCK_PRESSURE}
    assert OLD.row["SerumInsulin"] == 90.5
    assert Population(insulin=True, stuck=True).sent({"BMI": 30}) == {"BMI": 30}


def test_outcomes_come_late_whole_and_once(world, time):
    outcomes = Outcomes(world, Random(3))
    for number in range(100):
        outcomes.answered(f"r{number}", ill=number % 2 == 0)
    outcomes.answered("", ill=True)
    assert outcomes.hand_out() == 0
    time.now += EVERY
    told = outcomes.hand_out()
    assert timedelta(minutes=MOST_DAYS) < EVERY
    assert 60 <= told < 100
    (file,) = (world.settings.home / FOLDER).glob("*.csv")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert len(rows) == told
    assert {row["outcome"] for row in rows if int(row["request_id"][1:]) % 2 == 0} == {"1"}
    assert not list((world.settings.home / FOLDER).glob("*.part"))
    time.now += EVERY
    assert outcomes.hand_out() == 0
    os.utime(file, ((time.now - 2 * KEPT).timestamp(),) * 2)
    time.now += EVERY
    outcomes.hand_out()
    assert not file.exists()
