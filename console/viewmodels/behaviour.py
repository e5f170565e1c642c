"""How a model behaves, as rows and charts: each number with its n, each verdict with its band."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from backend.domain.behaviour import (
    TEXTBOOK,
    Behaviour,
    Drift,
    FieldQuality,
    Labels,
    RealisedFigure,
    Refusals,
    Standing,
    titled,
)
from backend.domain.data_profile import DataProfile, FeatureProfile
from backend.domain.retraining import Proposal, ProposalState
from console.viewmodels.figures import duration, interval, metric, plural, share, stamp
from console.viewmodels.series import Chart, Series
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted

STANDINGS = {
    Standing.IN_BAND: Pill("in band", "good", "check_circle"),
    Standing.OUT: Pill("out of band", "bad", "error"),
    Standing.TOO_LITTLE: Pill("not enough data", "quiet", "hourglass_empty"),
}
PROPOSALS = {
    ProposalState.PROPOSED: Pill("waits for a person", "blue", "pending"),
    ProposalState.ACCEPTED: Pill("accepted", "blue", "sync"),
    ProposalState.STARTED: Pill("started", "good", "check_circle"),
    ProposalState.DISMISSED: Pill("dismissed", "quiet", "do_not_disturb_on"),
    ProposalState.FAILED: Pill("could not be started", "bad", "error"),
}


def rule(found: Behaviour) -> str:
    """How the bands are made, for whoever reads the verdicts."""
    return (
        f"A band is what chance alone does with {found.rows:,} rows, resampled from the training data, at "
        f"{100 * found.confidence:.4f} % a test: {found.tests} tests in {found.looks_a_month:,} looks a month raise "
        f"at most {found.false_alarms_a_month:g} false alarm together (Bonferroni). "
        "The textbook limit 0.2 decides nothing."
    )


def drift_rows(found: Behaviour) -> list[tuple[str, str, str, str, Pill, Untrusted]]:
    """Name, n, PSI, top of the band, standing, and what explains it; the farthest out first."""
    order = sorted(found.drift, key=lambda one: -((one.psi or 0.0) - (one.limit or 0.0)))
    return [
        (one.name, f"{one.n:,}", metric(one.psi), metric(one.limit), STANDINGS[one.standing], Untrusted(_cause(one)))
        for one in order
    ]


def _cause(one: Drift) -> str:
    if not one.cause or one.affected is None:
        return "–"
    return f"{one.cause}, {100 * one.affected:.0f} % of the rows"


def quality_rows(found: Behaviour) -> list[tuple[str, str, str, str, str, Pill, Untrusted]]:
    """Name, n, and each kind of bad value with the most that chance makes."""
    return [
        (
            one.name,
            f"{one.n:,}",
            _count(one.missing, one.missing_limit),
            _count(one.implausible, one.implausible_limit),
            _count(one.unseen, one.unseen_limit),
            STANDINGS[one.standing],
            Untrusted(one.cause or "–"),
        )
        for one in _worst_first(found.quality)
    ]


def _worst_first(fields: Sequence[FieldQuality]) -> list[FieldQuality]:
    return sorted(fields, key=lambda one: one.standing is not Standing.OUT)


def _count(number: int, limit: int | None) -> str:
    return f"{number:,}" if limit is None else f"{number:,} (chance: {limit:,})"


def refusal_sentence(found: Refusals) -> str:
    """How many now, how many before, and the most that chance makes of it."""
    before = f"{found.earlier_refused:,} of {found.earlier_calls:,} in the week before"
    told = f"{found.refused:,} of {found.calls:,} calls ({share(found.refused, found.calls, 1)} %); {before}"
    return f"{told}." if found.limit is None else f"{told}; chance makes at most {found.limit:,} of that."


def refusal_rows(found: Refusals) -> list[tuple[Untrusted, str, str]]:
    """Field, refused calls, and their share of all calls."""
    return [
        (Untrusted(one.name, 60), f"{one.refused:,}", f"{share(one.refused, found.calls, 1)} %") for one in found.fields
    ]


def estimate_rows(found: Behaviour) -> list[tuple[str, Pill, str, str, str, str, str]]:
    """Metric, its standing, n, estimate, the bottom of its band, where labels would put it, and the holdout's."""
    return [
        (
            titled(one.metric),
            STANDINGS[one.standing],
            f"{found.rows:,}",
            metric(one.value),
            metric(one.limit),
            interval(one.low, one.high),
            metric(one.reference),
        )
        for one in found.estimated
    ]


def realised_rows(found: Behaviour) -> list[tuple[str, Pill, str, str, str, str]]:
    return [
        (
            titled(one.metric),
            STANDINGS[one.standing],
            f"{one.n:,}",
            metric(one.value),
            _interval(one),
            metric(one.reference),
        )
        for one in found.realised
    ]


def _interval(one: RealisedFigure) -> str:
    return "–" if one.low is None or one.high is None else interval(one.low, one.high)


def band_rows(found: Behaviour) -> list[tuple[str, str, str, str, str]]:
    """Band, n, ill, sensitivity and specificity with their intervals."""
    rows = []
    for one in found.bands:
        shares = (
            f"{metric(each.value, 2)} {interval(each.low, each.high, 2)}" if each is not None else "–"
            for each in (one.sensitivity, one.specificity)
        )
        rows.append((f"{one.axis} {one.band}", f"{one.n:,}", f"{one.positives:,}", *shares))
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def coverage(labels: Labels) -> str:
    """How far the labels reach, in a sentence that is always on screen."""
    if not labels.answered and not labels.labelled:
        return "No label yet: realised performance is unknown."
    delay = ""
    if labels.delay_median is not None and labels.delay_p90 is not None:
        half, most = (duration(3600 * hours) for hours in (labels.delay_median, labels.delay_p90))
        delay = f" Half came within {half}, nine of ten within {most}."
    open_ = f" {plural(labels.pending, 'label')} not searched for yet." if labels.pending else ""
    lost = f" {plural(labels.unmatched, 'label')} fit no collected answer." if labels.unmatched else ""
    return (
        f"Labels of {labels.labelled:,} of {labels.answered:,} collected answers "
        f"({share(labels.labelled, labels.answered, 1)} %).{delay}{open_}{lost}"
    )


def distribution(one: Drift) -> Chart:
    """The bins of training and of the newest rows, side by side in percent."""
    places = tuple(float(place) for place in range(len(one.bins)))
    return Chart(
        name=f"bins_{one.name}",
        title=one.name,
        note=f"% of {one.n:,} rows; {one.unit}",
        unit="%",
        x_title="bins of the training data, low to high",
        over_time=False,
        series=(
            Series("Newest rows", places, tuple(100 * part for part in one.shares) or (None,) * len(places), bars=True),
            Series("Training data", places, tuple(100 * part for part in one.reference), style=1),
        ),
    )


def bin_rows(one: Drift) -> list[tuple[str, str, str]]:
    shares = one.shares or (0.0,) * len(one.bins)
    return [
        (name, f"{100 * known:.1f}", f"{100 * now:.1f}")
        for name, known, now in zip(one.bins, one.reference, shares, strict=True)
    ]


def history(looks: Sequence[Behaviour], name: str) -> Chart:
    """The index of one feature at each look, under the top of its band at that look's n."""
    points = [(look.at, one) for look in looks for one in look.drift if one.name == name]
    at = tuple(moment for moment, _ in points)
    first, last = (at[0], at[-1]) if at else (None, None)
    if first is not None and last is not None and first == last:
        first, last = first - timedelta(minutes=30), last + timedelta(minutes=30)
    return Chart(
        name=f"psi_{name}",
        title=f"{name} over time",
        note=plural(len(at), "look"),
        unit="PSI",
        series=(
            Series("PSI", at, tuple(one.psi for _, one in points)),
            Series("Top of the band", at, tuple(one.limit for _, one in points), style=1),
        ),
        start=first,
        end=last,
        limit=TEXTBOOK,
        limit_text="textbook 0.2",
    )


def history_rows(looks: Sequence[Behaviour], name: str) -> list[tuple[str, str, str, str]]:
    return [
        (stamp(look.at), f"{one.n:,}", metric(one.psi), metric(one.limit))
        for look in reversed(looks)
        for one in look.drift
        if one.name == name
    ]


def calibration(found: Behaviour) -> Chart:
    """What was said and what was seen, by stretches of the time of the answers."""
    middles = tuple(one.start + (one.end - one.start) / 2 for one in found.calibration)
    return Chart(
        name="calibration_over_time",
        title="Calibration over time",
        note=f"{sum(one.n for one in found.calibration):,} labelled answers",
        unit="share ill",
        series=(
            Series("Said (mean risk)", middles, tuple(one.said for one in found.calibration)),
            Series("Seen (share ill)", middles, tuple(one.seen for one in found.calibration), style=2),
        ),
        start=found.calibration[0].start if found.calibration else None,
        end=found.calibration[-1].end if found.calibration else None,
    )


def calibration_rows(found: Behaviour) -> list[tuple[str, str, str, str, str]]:
    return [
        (stamp(one.start), f"{one.n:,}", metric(one.said), metric(one.seen), interval(one.low, one.high))
        for one in found.calibration
    ]


def proposal_rows(proposals: Sequence[Proposal]) -> list[tuple[str, str, Pill, str, Untrusted, Untrusted, Untrusted]]:
    """When, which version, the state, the trigger, why, by whom and what came of it."""
    return [
        (
            stamp(one.proposed_at),
            f"v{one.version}",
            PROPOSALS[one.state],
            one.trigger.value,
            Untrusted(one.why, 300),
            Untrusted(f"{one.decided_by}: {one.reason}" if one.decided_by else "–", 300),
            Untrusted(one.outcome or "–", 300),
        )
        for one in proposals
    ]


def profile_rows(profile: DataProfile, other: DataProfile | None) -> list[tuple[str, ...]]:
    """A feature a row; with another version beside it, its mean and the distance between both."""
    return [
        (
            one.name,
            one.unit,
            f"{one.missing:,}",
            f"{one.minimum:g} to {one.maximum:g}",
            f"{one.mean:.4g}",
            f"{one.quantiles[25]:.4g} / {one.quantiles[50]:.4g} / {one.quantiles[75]:.4g}",
            f"{one.auc:.3f}",
            *_against(one, other),
        )
        for one in profile.features
    ]


def _against(one: FeatureProfile, other: DataProfile | None) -> tuple[str, ...]:
    if other is None:
        return ()
    theirs = other.feature(one.name)
    return ("–",) if theirs is None else (f"{theirs.mean:.4g} ({one.mean - theirs.mean:+.3g})",)


def profile_bands(profile: DataProfile, other: DataProfile | None) -> list[tuple[str, ...]]:
    """Outcome by band, with the share that is ill."""
    before = {(b.axis, b.band): b for b in other.bands} if other else {}
    rows = []
    for one in profile.bands:
        row = [f"{one.axis} {one.band}", f"{one.rows:,}", f"{one.positives:,}", share(one.positives, one.rows, 1)]
        if other is not None:
            then = before.get((one.axis, one.band))
            row.append(share(then.positives, then.rows, 1) if then else "–")
        rows.append(tuple(row))
    return rows


def profile_sentence(profile: DataProfile) -> str:
    """Size, duplicates and leakage in words."""
    twice = profile.duplicates
    leak = "no patient is on both sides of the split"
    if twice.shared_groups:
        leak = f"{plural(twice.shared_groups, 'patient')} on both sides of the split: the holdout leaks"
    alike = f"{plural(twice.rows, 'row')} alike in every feature, {twice.contradicting:,} of them with another outcome"
    return (
        f"{profile.rows:,} rows of {profile.patients:,} patients, {share(profile.positives, profile.rows, 1)} % ill; "
        f"{plural(twice.returning_patients, 'patient')} return; {alike}; {leak}."
    )
