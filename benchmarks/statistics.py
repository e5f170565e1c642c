"""What the paired statistics promise, against simulated holdouts of 3,000 rows whose truth is known; and their time.

Coverage of each 95 % interval, how often a verdict claims a difference that is not there or overlooks one that is, how
surely a lost twentieth of the ill is seen, and the whole evidence of 10,000 rows against a bare loop over them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from backend.domain.comparison import Difference, Verdict
from backend.policy.comparison import Judged, judge
from backend.policy.holdout import Holdout
from benchmarks.measure import Row, Sample, alternate, seconds
from benchmarks.simulation import ALIKE, DIFFERENT, Models, draw
from benchmarks.worlds import say

ROWS = 3_000
REPETITIONS = 4_000
"""Coverage is then known to within 0.35 points, one standard error."""

WITH_BANDS = 1_000
POPULATION = 500_000
SEED = 20261126
LOSS = 0.05
TIMED_ROWS = 10_000
ROUNDS = 20
CLAIMED = (Verdict.BETTER, Verdict.WORSE)


def run(_world: None) -> list[Row]:
    started = time.monotonic()
    truths = {models: _truth(models) for models in (ALIKE, DIFFERENT)}
    say(f"truth of {POPULATION:,} rows", started)
    found = {models: list(_repeated(models, REPETITIONS)) for models in truths}
    say(f"{REPETITIONS:,} holdouts of each kind", started)
    rows = []
    # Told as they come: on a busy machine the whole takes half an hour, and what was measured should not wait for it.
    for row in chain(_coverage(found, truths), _false_claims(found[ALIKE]), _losses(), _bands(), _time()):
        say(f"{row.what}: {row.ours}")
        rows.append(row)
    return rows


def _judged(holdout: Holdout, models: Models) -> Judged:
    return judge(holdout, models.champion_threshold, models.challenger_threshold)


def _truth(models: Models) -> dict[str, float]:
    """Each difference in a population large enough to stand for the truth; models alike differ in nothing at all."""
    population = draw(np.random.default_rng(SEED), POPULATION, models, bands=False)
    return {d.metric: 0.0 if models.alike else d.difference for d in _judged(population, models).differences}


def _repeated(models: Models, times: int) -> Iterator[dict[str, Difference]]:
    random = np.random.default_rng(SEED + 1)
    for _ in range(times):
        holdout = draw(random, ROWS, models, bands=False)
        yield {d.metric: d for d in _judged(holdout, models).differences}


def _coverage(
    found: dict[Models, list[dict[str, Difference]]], truths: dict[Models, dict[str, float]]
) -> Iterator[Row]:
    """By metric: models that are alike, and models that differ. Patients per 1,000 are a linear map of two of them."""
    for metric in truths[ALIKE]:
        covered = (
            _share(of[metric].low <= truths[models][metric] <= of[metric].high for of in repeated)
            for models, repeated in found.items()
        )
        said = f"Coverage of the interval of {metric}, {ROWS:,} rows"
        yield Row(said, Sample(tuple(covered), "%"), _aim(95), "94 to 96 %")


def _bands() -> Iterator[Row]:
    """All bands at once: an interval of any of them that misses is a miss."""
    population = _judged(draw(np.random.default_rng(SEED), POPULATION, DIFFERENT), DIFFERENT).subgroups
    random, covered = np.random.default_rng(SEED + 2), []
    for _ in range(WITH_BANDS):
        bands = _judged(draw(random, ROWS, DIFFERENT), DIFFERENT).subgroups
        pairs = zip(bands.bands, population.bands, strict=True) if bands and population else ()
        covered.append(
            all(
                one.low <= true.difference <= one.high
                for band, whole in pairs
                for one, true in ((band.sensitivity, whole.sensitivity), (band.specificity, whole.specificity))
                if None not in (one.low, one.high, true.difference)
            )
        )
    yield Row("Coverage of all 24 band intervals together", Sample((_share(covered),), "%"), _aim(95), "at least 95 %")


def _false_claims(repeated: list[dict[str, Difference]]) -> Iterator[Row]:
    shares = {metric: _share(of[metric].verdict in CLAIMED for of in repeated) for metric in repeated[0]}
    said = Sample(tuple(shares.values()), "%")
    yield Row("Better or worse said of models alike, by metric", said, _aim(5), "at most 5 %")


def _losses() -> Iterator[Row]:
    """A challenger cut so that it misses a twentieth more of the ill."""
    population = draw(np.random.default_rng(SEED), POPULATION, ALIKE, bands=False)
    ill = population.challenger[population.ill]
    higher = float(np.quantile(ill, (ill < ALIKE.challenger_threshold).mean() + LOSS))
    found = [of["sensitivity"] for of in _repeated(replace(ALIKE, challenger_threshold=higher), WITH_BANDS)]
    discordant = _share((population.champion[population.ill] >= ALIKE.champion_threshold) != (ill >= higher))
    said = f"a loss of {100 * LOSS:.0f} points of sensitivity ({discordant:.0f} % of the ill answered otherwise)"
    seen, overlooked = (_share(d.verdict is word for d in found) for word in (Verdict.WORSE, Verdict.NO_DIFFERENCE))
    yield Row(f"Worse said of {said}", Sample((seen,), "%"), _aim(80), "at least 80 %")
    yield Row("No detectable difference said of it", Sample((overlooked,), "%"), _aim(2.5), "at most 2.5 %")


def _time() -> Iterator[Row]:
    holdout = draw(np.random.default_rng(SEED), TIMED_ROWS, ALIKE)
    columns = [column.tolist() for column in (holdout.outcome, holdout.champion, holdout.challenger)]
    times = alternate(
        lambda: 1000 * seconds(lambda: _judged(holdout, ALIKE)),
        lambda: 1000 * seconds(lambda: bare(*columns)),
        ROUNDS,
        "ms",
    )
    yield Row(f"All evidence of {TIMED_ROWS:,} rows, against a loop that counts", *times, aim="5000 ms")


def bare(outcome: list[float], champion: list[float], challenger: list[float]) -> dict[tuple[float, bool, bool], int]:
    """The least that a comparison has to do: how many rows of each outcome each model calls positive."""
    counts: dict[tuple[float, bool, bool], int] = {}
    for truth, one, two in zip(outcome, champion, challenger, strict=True):
        key = (truth, one >= ALIKE.champion_threshold, two >= ALIKE.challenger_threshold)
        counts[key] = counts.get(key, 0) + 1
    return counts


def _share(happened: Iterable[bool]) -> float:
    return 100 * float(np.mean(list(happened)))


def _aim(percent: float) -> Sample:
    return Sample((float(percent),), "%")
