"""The cards of the tracker."""

from __future__ import annotations

from datetime import datetime

from backend.domain.endpoints import Endpoint
from backend.domain.promotions import Promotion
from backend.domain.telemetry import CapacityPoint, Traffic
from backend.domain.value import Reading
from console.components.cards import card, cards, role_mark, word
from console.components.header import pill
from console.components.markup import Html, fill, join
from console.components.states import empty
from console.components.tables import Column, table
from console.components.traffic_bar import progress, traffic_bar
from console.viewmodels.figures import age, clock, duration
from console.viewmodels.text import Untrusted
from console.viewmodels.tracker import Side, checks, observed, sides
from console.viewmodels.traffic import next_shift, split


def traffic_card(
    promotion: Promotion, endpoint: Reading[Endpoint | None], traffic: Reading[Traffic], now: datetime
) -> Html:
    rate = calls_per_minute(traffic.value)
    note = f"{rate:.0f} calls/min on {promotion.target.endpoint}, {age(endpoint, now)}"
    bar = traffic_bar(split(endpoint.value, promotion))
    return card(
        "Live traffic", fill("{bar}{under}", bar=bar, under=_under(promotion, now)), note=note, name="live-traffic"
    )


def calls_per_minute(traffic: Traffic | None) -> float:
    """Over the last five minutes of the window."""
    if traffic is None or not traffic.points:
        return 0.0
    newest = max(point.at for point in traffic.points)
    recent = [p for p in traffic.points if (newest - p.at).total_seconds() < 300]
    span = max(60.0, (newest - min(p.at for p in recent)).total_seconds() + traffic.bin_seconds)
    return 60 * sum(p.requests for p in recent) / span


def _under(promotion: Promotion, now: datetime) -> Html:
    seen = observed(promotion)
    current = promotion.current
    if promotion.phase.final or current is None:
        ended = clock(promotion.finished_at, now)
        said = Untrusted(promotion.reason, 300)
        return fill('<div class="under"><span>Ended at {ended}: {said}</span></div>', ended=ended, said=said)
    ahead = next_shift(promotion)
    step = current.step
    then = fill("<b>next: {weight} %</b>", weight=str(ahead.weight)) if ahead else Html("<b>last step</b>")
    if seen is None or seen.record.ordinal != current.ordinal:
        return fill(
            '<div class="under"><span>{then} · {reason}</span></div>',
            then=then,
            reason=Untrusted(promotion.reason, 300),
        )
    wait = f"after {step.min_calls:,} calls ({seen.calls:,} so far) and {duration(step.min_seconds)}"
    bars = fill(
        "{calls} &nbsp; {time}",
        calls=progress("calls", seen.calls, step.min_calls),
        time=progress("time", seen.seconds, step.min_seconds, " s"),
    )
    return fill(
        '<div class="under"><span>{then} {wait}</span><span>{bars}</span></div>', then=then, wait=wait, bars=bars
    )


def sides_cards(
    promotion: Promotion,
    endpoint: Reading[Endpoint | None],
    traffic: Reading[Traffic],
    capacity: Reading[tuple[CapacityPoint, ...]],
) -> Html:
    weights = endpoint.value.traffic if endpoint.value else {}
    mirror = endpoint.value.mirror_traffic if endpoint.value else {}
    views = sides(promotion, weights, traffic, capacity, "15 min", mirror)
    return cards(_side(view, 6 if len(views) > 1 else 12) for view in views)


def _side(side: Side, width: int) -> Html:
    quads = join(
        fill(
            "<div><span>{label}</span><b>{figure}</b><em>{unit}</em><span>{more}</span></div>",
            label=label,
            figure=figure,
            unit=unit,
            more=more,
        )
        for label, figure, unit, more in side.quads
    )
    return fill(
        '<section class="card side w{width}"><div class="who">{mark}<div><b>{role} · {name}</b>'
        '<span class="two">{since}</span></div>{state}</div><div class="quads">{quads}</div></section>',
        width=width,
        mark=Html("") if side.role == "previous" else role_mark(side.role == "candidate", "big"),
        role=side.role,
        name=side.deployment,
        since=side.since,
        state=pill(side.state),
        quads=quads,
    )


def analysis_card(promotion: Promotion) -> Html:
    seen = observed(promotion)
    if seen is None:
        would_be = "Errors, latency and calls of the candidate against the step's limits, once it takes traffic."
        return card("Analysis", empty("Nothing observed yet", would_be, "analytics"), name="analysis")
    heads = (
        Column("Metric"),
        Column("Measured"),
        Column("Limit", number=True),
        Column("n", number=True),
        Column("Verdict"),
    )
    rows = [(c.metric, c.measured, c.limit, c.n, word(c.verdict)) for c in checks(seen)]
    body = table(heads, rows, caption="Analysis")
    said = (
        fill('<p class="quiet">{reason}</p>', reason=Untrusted(seen.record.reason, 300))
        if seen.record.reason
        else Html("")
    )
    weight = seen.record.step.weight
    note = f"{promotion.target.deployment} · a fail returns traffic by itself"
    return card(f"Analysis at {weight} %", fill("{body}{said}", body=body, said=said), note=note, name="analysis")
