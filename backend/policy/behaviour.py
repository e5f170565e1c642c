"""One look at an endpoint, put together from what was read, and the signals in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import numpy as np

from backend.domain.behaviour import Asked, Behaviour, Drift, EstimatedFigure, Labels, Outcome, Standing, Watch, titled
from backend.domain.comparison import signed_well
from backend.domain.data_profile import DataProfile
from backend.domain.production_flips import Collected
from backend.domain.promotions import Target
from backend.domain.quality import HoldoutFigures
from backend.domain.signals import Signal, SignalState
from backend.policy.drift import FALSE_ALARMS_A_MONTH, confidence, drifts, family, looks, newest, qualities
from backend.policy.estimate_band import judged
from backend.policy.expected_performance import calibrated, expected
from backend.policy.realised_performance import by_band, calibration, realised
from backend.policy.refusals import refusal_words, refusals

MONITOR = "monitor"
SHOWN_AT = {
    "drift": ("drift", "feature"),
    "data-quality": ("quality", "feature"),
    "refused-requests": ("refused", ""),
    "estimated-performance": ("estimated", "metric"),
    "realised-performance": ("realised", "metric"),
}
"""The card of the Behaviour section that shows what a rule judged, and what its subject is called in an address."""
STALE_LOOKS = 3
"""So many missed looks in a row say that the monitor stands still."""
STATES = {
    Standing.IN_BAND: SignalState.QUIET,
    Standing.OUT: SignalState.FIRING,
    Standing.TOO_LITTLE: SignalState.UNKNOWN,
}


@dataclass(frozen=True)
class Served:
    """What served, what it was trained on, and what its holdout had shown."""

    target: Target
    digest: str
    profile: DataProfile
    holdout: HoldoutFigures | None


def look(
    served: Served,
    collected: Collected,
    outcomes: Sequence[Outcome],
    labels: Labels,
    watch: Watch,
    asked: tuple[Asked, Asked] | None = None,
) -> Behaviour:
    """Everything that one look finds; `asked` are the calls of the last day and of the week before it."""
    rows = newest(collected.rows)
    profile, sure = served.profile, confidence(served.profile, watch.every_minutes)
    risks = np.array([row.probability for row in rows], dtype=np.float64)
    called = np.array([row.positive for row in rows], dtype=np.bool_)
    said = np.array([one.probability for one in outcomes], dtype=np.float64)
    meant = calibrated(profile.score, said)
    fair = [one.model_copy(update={"probability": float(risk)}) for one, risk in zip(outcomes, meant, strict=True)]
    moments = [row.at for row in rows if row.at is not None]
    return Behaviour(
        endpoint=served.target.endpoint,
        deployment=served.target.deployment,
        version=served.target.version,
        threshold=served.target.threshold,
        run=served.target.run,
        profile=served.digest,
        at=watch.looked_at,
        rows=len(rows),
        oldest=min(moments, default=collected.oldest),
        newest=max(moments, default=collected.newest),
        confidence=sure,
        tests=family(profile),
        looks_a_month=looks(watch.every_minutes),
        false_alarms_a_month=FALSE_ALARMS_A_MONTH,
        drift=drifts(profile, rows, sure),
        quality=qualities(profile, rows, sure),
        estimated=judged(
            expected(profile.score, risks, called, _reference(served.holdout)),
            profile.score,
            served.target.threshold,
            len(rows),
            sure,
        ),
        realised=realised(fair, served.holdout, sure),
        bands=by_band(outcomes),
        calibration=calibration(outcomes),
        labels=labels,
        watch=watch,
        refusals=refusals(*asked, sure) if asked is not None else None,
    )


def _reference(holdout: HoldoutFigures | None) -> dict[str, float]:
    if holdout is None:
        return {}
    known = {"sensitivity": holdout.sensitivity.value, "specificity": holdout.specificity.value}
    return known | ({"auc": holdout.auc.value} if holdout.auc else {})


def overdue(newest_look: datetime | None, every_minutes: float, now: datetime) -> str:
    """Why the monitor is not to be trusted, in a sentence; "" while it looks as often as it should."""
    if newest_look is None:
        return "The monitor has not looked yet."
    late = now - newest_look
    if late <= timedelta(minutes=STALE_LOOKS * every_minutes):
        return ""
    missed = int(late / timedelta(minutes=every_minutes))
    minutes = late.total_seconds() / 60
    return f"The monitor has not looked for {minutes:.0f} min: {missed} looks were missed. Is a worker running?"


def signals(found: Behaviour, now: datetime) -> tuple[Signal, ...]:
    """Every rule's answer at this look, and the monitor's own."""
    return (
        *(_drift(found, one) for one in found.drift),
        *_quality(found),
        *_refused(found),
        *(_estimated(found, one) for one in found.estimated),
        *_realised(found),
        _monitor(found, now),
    )


def _signal(
    found: Behaviour, rule: str, subject: str, standing: Standing, value: float | None, limit: float | None,
    unit: str, n: int, words: str,
) -> Signal:  # fmt: skip
    return Signal(
        rule=rule,
        endpoint=found.endpoint,
        subject=subject,
        state=STATES[standing],
        value=value,
        limit=limit,
        unit=unit,
        n=n,
        version=found.version,
        release=found.deployment,
        chart=_address(rule, subject),
        words=words,
        at=found.at,
    )


def _address(rule: str, subject: str) -> str:
    """The card, and the chart or row in it; the monitor's own words stand above all cards."""
    card, called = SHOWN_AT.get(rule, ("", ""))
    return urlencode(
        {"section": "Behaviour", **({"chart": card} if card else {}), **({called: subject} if called else {})}
    )


def _drift(found: Behaviour, one: Drift) -> Signal:
    return _signal(found, "drift", one.name, one.standing, one.psi, one.limit, "PSI", one.n, drift_words(one))


def drift_words(one: Drift) -> str:
    """What was found of one feature, in a sentence with its figures."""
    if one.psi is None or one.limit is None:
        return f"{one.name}: {one.n} rows are too few to tell drift from chance."
    told = f"PSI {one.psi:.3f} of {one.n:,} rows; chance alone reaches {one.limit:.3f}"
    if one.standing is not Standing.OUT:
        return f"{one.name} is like the training data: {told}."
    if one.cause and one.affected is not None:
        return f"{one.name} looks like {one.cause} in {100 * one.affected:.0f} % of the rows: {told}."
    return f"{one.name} has drifted from the training data: {told}."


def _quality(found: Behaviour) -> Iterator[Signal]:
    for field in found.quality:
        kinds = (
            ("missing", field.missing, field.missing_limit),
            ("implausible", field.implausible, field.implausible_limit),
            ("never seen in training", field.unseen, field.unseen_limit),
        )
        beyond = [kind for kind in kinds if kind[2] is not None and kind[1] > kind[2]]
        worst = max(beyond, key=lambda kind: kind[1], default=kinds[1])
        told = f"{field.name}: {worst[1]:,} of {field.n:,} values are {worst[0]}"
        why = f"; they look like {field.cause}" if field.cause else ""
        top = f", where chance makes at most {worst[2]:,}" if worst[2] is not None else ", too few rows to judge"
        yield _signal(
            found, "data-quality", field.name, field.standing, float(worst[1]),
            None if worst[2] is None else float(worst[2]), "rows", field.n, f"{told}{top}{why}.",
        )  # fmt: skip


def _refused(found: Behaviour) -> Iterator[Signal]:
    one = found.refusals
    if one is not None:
        limit = None if one.limit is None else float(one.limit)
        words = refusal_words(one)
        yield _signal(found, "refused-requests", "", one.standing, float(one.refused), limit, "calls", one.calls, words)


def _estimated(found: Behaviour, one: EstimatedFigure) -> Signal:
    if one.limit is None:
        words = f"{titled(one.metric)}: {found.rows} rows are too few to tell a worse estimate from chance."
    else:
        at_least = f"patients like the holdout's leave at least {one.limit:.3f} by chance"
        low = "lower than" if one.standing is Standing.OUT else "as good as"
        seen = f"{titled(one.metric)} without labels is {low} on the holdout: {one.value:.3f} of {found.rows:,} rows"
        words = f"{seen}; {at_least}."
    return _signal(
        found, "estimated-performance", one.metric, one.standing, one.value, one.limit, "share", found.rows, words
    )


def _realised(found: Behaviour) -> Iterator[Signal]:
    for figure in found.realised:
        low, high, known = figure.difference_low, figure.difference_high, figure.reference
        if figure.value is None or low is None or high is None or known is None:
            words = f"{titled(figure.metric)}: {figure.n} labelled rows are too few."
        else:
            seen = f"{titled(figure.metric)} is {figure.value:.3f} on {figure.n:,} labelled rows, {known:.3f} expected"
            words = signed_well(f"{seen}: the difference lies in {low:+.3f} to {high:+.3f}.")
        yield _signal(
            found, "realised-performance", figure.metric, figure.standing, figure.value, known, "share", figure.n, words
        )


def _monitor(found: Behaviour, now: datetime) -> Signal:
    late = overdue(found.at, found.watch.every_minutes, now)
    problems = (*((late,) if late else ()), *found.watch.problems)
    standing = Standing.OUT if problems else Standing.IN_BAND
    words = " ".join(problems) or "The monitor looks as often as it should, and rows arrive."
    minutes = (now - found.at).total_seconds() / 60
    return _signal(
        found, MONITOR, "", standing, minutes, STALE_LOOKS * found.watch.every_minutes, "min", found.rows, words
    )
