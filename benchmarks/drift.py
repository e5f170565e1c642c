"""What the watch over a model promises, against simulated patients: false alarms on quiet days, delay of true alarms.

Both are counted next to the rule of the textbook, an alarm wherever the index of the same rows exceeds 0.2. A look
comes every hour, at the newest 2,000 rows of a busy endpoint and at the newest 100 of a small one. The product's own
functions are called; the risks are those of a formula, since what is promised of them needs no model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from backend.domain.behaviour import TEXTBOOK
from backend.domain.data_profile import DataProfile
from backend.policy.confused_units import count
from backend.policy.drift import MONTH_MINUTES, SIZES, confidence
from backend.policy.estimate_band import lowest
from backend.policy.expected_performance import calibrated, estimates
from backend.policy.null_band import limit, most, psi
from benchmarks.measure import Row, Sample
from benchmarks.worlds import say
from training import profile as describing
from training.cohort import draw
from training.data import FEATURE_NAMES, Dataset
from training.split import grouped_split

DAYS = 1000
CALLS_A_DAY = 480
LOOK_EVERY = CALLS_A_DAY // 24
"""Calls between two looks of the busy endpoint."""
LOOK_MINUTES = 60.0
TRAINING_ROWS = 12_000
SEED = 20261127
REPETITIONS = 40
SHIFTED_CALLS = 400
INSULIN, AGE = FEATURE_NAMES.index("SerumInsulin"), FEATURE_NAMES.index("Age")
PMOL = 6.0
THRESHOLD = 0.5
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Alarms:
    """At which of the looks each rule raises an alarm."""

    ours: NDArray[np.bool_]
    textbook: NDArray[np.bool_]


def run(_world: None) -> list[Row]:
    started = time.monotonic()
    profile = _profile()
    rows = []
    for row in chain(_quiet(profile), _delays(profile)):
        say(f"{row.what}: {row.ours}", started)
        rows.append(row)
    return rows


def patients(rows: int, seed: int) -> Floats:
    """Features of new patients of the training population."""
    return np.array([[float(cell) for cell in row[1:-1]] for row in draw(rows, seed)])


def _risk(features: Floats) -> Floats:
    risk: Floats = 1 / (1 + np.exp(-(features[:, 1] - 106) / 30 - np.log(features[:, INSULIN] / 88) / 2))
    return risk


def _profile() -> DataProfile:
    features = patients(TRAINING_ROWS, SEED)
    outcome = (np.random.default_rng(SEED).random(len(features)) < _risk(features)).astype(np.int8)
    dataset = Dataset(features, outcome, np.arange(len(features)), "sha256:simulated")
    split = grouped_split(dataset.groups, holdout_fraction=0.3, seed=0)
    return DataProfile.model_validate(describing.profile(dataset, split, _risk(features[split.holdout])))


def alarms(profile: DataProfile, features: Floats, first: int, most_rows: int, every: int) -> Alarms:
    """Both rules at each look from call `first` on, `every` so many calls: every feature, the score, the estimates."""
    sure = confidence(profile, LOOK_MINUTES)
    looks = range(first, len(features) + 1, every)
    ours, textbook = (np.zeros(len(looks), dtype=bool) for _ in range(2))
    columns = [(one, features[:, place]) for place, one in enumerate(profile.features)]
    risks = _risk(features)
    truth = calibrated(profile.score, risks)
    for place, end in enumerate(looks):
        n = max(size for size in SIZES if size <= min(end, most_rows))
        for known, values in columns:
            part = values[end - n : end]
            seen = tuple(int(number) for number in count(part, known.edges))
            index = psi(known.counts, seen)
            bad = int(((part < known.low) | (part > known.high)).sum())
            unseen = int(((part < known.minimum) | (part > known.maximum)).sum())
            chance = most(0, profile.training_rows, n, sure)
            ours[place] |= index > limit(known.counts, n, sure) or max(bad, unseen) > chance
            textbook[place] |= index > TEXTBOOK
        part = risks[end - n : end]
        seen = tuple(int(number) for number in count(part, profile.score.edges))
        index = psi(profile.score.counts, seen)
        ours[place] |= index > limit(profile.score.counts, n, sure)
        textbook[place] |= index > TEXTBOOK
        expected = estimates(truth[end - n : end], part, part >= THRESHOLD)
        bottoms = lowest(profile.score, THRESHOLD, n, sure)
        ours[place] |= any(expected[metric] < bottom for metric, bottom in bottoms)
    return Alarms(ours, textbook)


def _episodes(raised: NDArray[np.bool_]) -> int:
    """Alarms that begin: one that goes on is one."""
    return int(raised[0]) + int((raised[1:] & ~raised[:-1]).sum())


def _quiet(profile: DataProfile) -> Iterator[Row]:
    """A busy endpoint, and a small one that is looked at as often with far fewer rows."""
    months = DAYS * 24 * 60 / MONTH_MINUTES
    for name, calls, most_rows in (("busy", CALLS_A_DAY, SIZES[-1]), ("small", 24, SIZES[0])):
        features = patients(DAYS * calls, SEED + calls)
        found = alarms(profile, features, most_rows, most_rows, every=calls // 24)
        ours, peer = (_episodes(raised) / months for raised in (found.ours, found.textbook))
        said = f"False alarms a month of a {name} endpoint, {DAYS:,} quiet days of {calls} calls"
        yield Row(said, Sample((ours,), "a month"), Sample((peer,), "a month"), "1")


def _delays(profile: DataProfile) -> Iterator[Row]:
    """Calls from the first wrong one to the look that raises an alarm, after a full window of quiet ones."""
    for name, change in (("insulin in pmol/L", _in_pmol), ("patients of 45 and older", _older)):
        ours, peer = [], []
        for repetition in range(REPETITIONS):
            random = np.random.default_rng(SEED + 2 + repetition)
            quiet = patients(SIZES[-1], SEED + 100 + repetition)
            shifted = change(patients(8 * SHIFTED_CALLS, SEED + 500 + repetition), random)[:SHIFTED_CALLS]
            begin = len(quiet) + int(random.integers(1, LOOK_EVERY + 1))
            found = alarms(profile, np.vstack([quiet, shifted]), begin, SIZES[-1], LOOK_EVERY)
            ours.append(_delay(found.ours, begin - len(quiet)))
            peer.append(_delay(found.textbook, begin - len(quiet)))
        aim = "200" if change is _in_pmol else ""
        yield Row(f"Calls until {name} is found", _calls(ours), _calls(peer), aim)


def _in_pmol(features: Floats, _random: Generator) -> Floats:
    wrong = features.copy()
    wrong[:, INSULIN] *= PMOL
    return wrong


def _older(features: Floats, _random: Generator) -> Floats:
    chosen: Floats = features[features[:, AGE] >= 45]
    return chosen


def _delay(raised: NDArray[np.bool_], first: int) -> float:
    """SHIFTED_CALLS where it was not found within them."""
    found = np.flatnonzero(raised)
    return float(first + LOOK_EVERY * found[0]) if found.size else float(SHIFTED_CALLS)


def _calls(delays: Sequence[float]) -> Sample:
    return Sample(tuple(delays), "calls")
