"""The cards of the decision page."""

from __future__ import annotations

from datetime import datetime

from backend.domain.comparison import Comparison
from backend.domain.decisions import Blocker, Decision, Dossier, Rollout
from backend.domain.people import Actor
from backend.domain.registry import ModelVersion
from backend.domain.telemetry import Traffic
from backend.domain.value import Reading
from console.components.cards import card, pairs, role_mark, word
from console.components.markup import Content, Html, fill, icon, join
from console.components.states import empty, freshness, waiting
from console.components.tables import Column, code, strong, table, two_lines
from console.viewmodels.bands import AxisTable, Change, axis_tables, rule, tally
from console.viewmodels.comparison import MetricRow, holdout, metric_rows, patients, verdict
from console.viewmodels.decision import NowNext, comparison, comparison_of, health, measured, now_next, stop_rules, who
from console.viewmodels.figures import age, duration
from console.viewmodels.state import VERDICTS
from console.viewmodels.text import Untrusted


def now_next_card(decision: Decision, stable: ModelVersion | None, instance: str) -> Html:
    rows = now_next(decision, stable, instance)
    changed = [row for row in rows if row.changed]
    heads = (
        Column(""),
        Column(_deployment(decision.expected_stable, candidate=False)),
        Column(_deployment(decision.target.deployment, candidate=True)),
    )
    body = table(heads, [_now_next_row(row) for row in changed], caption="Now and next")
    if not changed:
        body = empty("Nothing differs", "Production serves exactly this already.", "equal")
    return card(
        "Now → next", body, note=f"only differences · {len(changed)} of {len(rows)} fields", width=6, name="now-next"
    )


def _deployment(name: str, *, candidate: bool) -> Html:
    if not name:
        return Html("nothing serves")
    return fill("{mark}<b>{name}</b>", mark=role_mark(candidate), name=name)


def _now_next_row(row: NowNext) -> tuple[Content, Content, Content]:
    field = fill('<span class="quiet">{field}</span>', field=row.field)
    if row.code:
        return field, code(row.now), strong(code(row.after))
    return field, row.now, strong(row.after)


def patients_card(dossier: Dossier) -> Html:
    compared = comparison(dossier)
    view = patients(compared) if compared else None
    if view is None or compared is None:
        would_be = (
            "How many more or fewer ill patients are missed, once champion and challenger are compared on one holdout."
        )
        return card("Patients per 1,000", empty("No comparison yet", would_be, "compare_arrows"), width=6)
    tiles = fill(
        '<div class="tiles">{missed}{alarms}</div>',
        missed=_tile(view.missed, f"{view.missed_now} → {view.missed_next}", view.missed_interval),
        alarms=_tile(view.false_alarms, f"{view.false_now} → {view.false_next}", view.false_interval),
    )
    body = fill("{tiles}{below}", tiles=tiles, below=bands(compared) if compared.subgroups else _estimated(compared))
    return card("Patients per 1,000", body, note="next against now", width=6, name="patients")


def _tile(headline: str, values: str, interval: str) -> Html:
    said = f"{values} ({interval})" if interval else values
    return fill('<div class="tile"><b>{headline}</b><span>{said}</span></div>', headline=headline, said=said)


def _estimated(compared: Comparison) -> Html:
    return fill(
        '<p class="quiet">Estimated on {rows} holdout rows, each model at its own threshold, for 1,000 patients of whom'
        " {ill} are ill as in the holdout. Missed: ill patients answered as negative.</p>",
        rows=f"{compared.rows:,}",
        ill=f"{1000 * compared.positives / compared.rows:.0f}",
    )


def bands(compared: Comparison) -> Html:
    """Missed patients by age, and everything else that was looked at in a fold."""
    if compared.subgroups is None:
        return Html("")
    tables = axis_tables(compared.subgroups)
    age_table = tables[0]
    heads = (Column(age_table.title), Column("n", number=True), Column("Missed", number=True))
    rows = [
        (row.band, row.rows, strong(row.missed.change), row.missed.interval, word(row.missed.verdict))
        for row in age_table.rows
    ]
    shown = table(
        (*heads, Column("95 %", number=True), Column("Verdict")), rows, caption=f"Missed by {age_table.title.lower()}"
    )
    return fill(
        '{shown}<details class="bands"><summary>{tally}</summary>{estimated}<p class="quiet">{rule}</p>{tables}'
        "</details>",
        shown=shown,
        estimated=_estimated(compared),
        tally=tally(compared.subgroups),
        rule=rule(compared.subgroups),
        tables=join(_axis_table(found) for found in tables),
    )


def _axis_table(found: AxisTable) -> Html:
    heads = (
        Column(found.title),
        Column("n", number=True),
        Column("Missed", number=True),
        Column("False alarms", number=True),
    )
    rows = [(row.band, row.rows, _changed(row.missed), _changed(row.false_alarms)) for row in found.rows]
    return table(heads, rows, caption=f"Changes by {found.title.lower()}")


def _changed(found: Change) -> Html:
    figures = fill("{change} {interval}", change=strong(found.change), interval=found.interval)
    return two_lines(figures, word(found.verdict)) if found.change != found.interval else word(found.verdict)


def champion_card(dossier: Dossier, now: datetime, width: int = 6) -> Html:
    compared = comparison(dossier)
    if compared is None:
        would_be = "Both models scored on the same holdout rows, with the difference and its interval."
        return card("Champion vs challenger", empty("Not compared yet", would_be, "compare_arrows"), width=width)
    heads = (
        Column("Metric"),
        Column(f"v{compared.champion.version}" if compared.champion.version else "champion", number=True),
        Column(f"v{compared.challenger.version}" if compared.challenger.version else "challenger", number=True),
        Column("Difference", number=True),
        Column("95 % interval", number=True),
    )
    rows = table(
        heads, [metric_cells(row)[:-1] for row in metric_rows(compared)], caption="Champion against challenger"
    )
    found = verdict(compared)
    note = fill(
        "AUC {verdict} {when}" if found else "{verdict} {when}",
        verdict=word(VERDICTS[found]) if found else Html(""),
        when=measured(comparison_of(dossier), now),
    )
    about = fill('<p class="quiet">{holdout}</p>{rows}', holdout=Untrusted(holdout(compared, ill=False)), rows=rows)
    return card("Champion vs challenger", about, note=note, width=width, name="champion")


def metric_cells(row: MetricRow) -> tuple[Content, ...]:
    word_of: Content = word(row.verdict) if row.verdict else Html('<span class="quiet">–</span>')
    quiet = fill('<span class="quiet">{value}</span>', value=row.champion)
    return row.name, quiet, strong(row.challenger), strong(row.difference), row.interval, word_of


def blockers_card(decision: Decision, now: datetime) -> Html:
    checked = f"{len(decision.findings)} checks at {now:%H:%M:%S} UTC"
    if not decision.blockers:
        body = fill(
            "<p>{icon} <b>Nothing blocks.</b> {checked}.</p>", icon=icon("check_circle", "good"), checked=checked
        )
        return card("Blockers", body, width=6, name="blockers")
    stopping = join(blocker(b) for b in decision.blockers if b.hard)
    advisory = join(_advisory(b) for b in decision.blockers if not b.hard)
    body = fill(
        '{none}<ul class="blockers">{stopping}</ul><ul class="advisories">{advisory}</ul>',
        none=Html("" if stopping else "<p><b>Nothing stops it.</b> To be accepted, or given with the click:</p>"),
        stopping=stopping,
        advisory=advisory,
    )
    return card("Blockers", body, note=checked, width=6, name="blockers")


def blocker(found: Blocker) -> Html:
    tone, symbol = ("bad", "block") if found.hard else ("warn", "warning")
    return fill(
        '<li class="{tone}">{icon}<div><b>{kind}{what}</b><p>{why}</p>{because}'
        '<span class="two">Can clear it: {who}</span></div></li>',
        tone=tone,
        icon=icon(symbol, tone),
        kind="" if found.hard else "Advisory, ",
        what=Untrusted(found.what, 120),
        why=Untrusted(found.why, 400),
        because=_because(found),
        who=Untrusted(found.who, 120),
    )


def _advisory(found: Blocker) -> Html:
    """Two lines; why the team asks for it opens below."""
    return fill(
        "<li><details><summary>{icon}<span><b>{what}</b> {why}</span></summary><p>{why}</p>{because}</details></li>",
        icon=icon("warning", "warn"),
        what=Untrusted(found.what, 120),
        why=Untrusted(found.why, 400),
        because=_because(found),
    )


def _because(found: Blocker) -> Html:
    return (
        fill('<span class="two">{because}</span>', because=Untrusted(found.because, 300)) if found.because else Html("")
    )


def who_card(decision: Decision, actor: Actor) -> Html:
    rows = pairs((name, value, "") for name, value in who(decision, actor))
    return card("Who", rows, note="author ≠ approver", width=4)


def health_card(decision: Decision, traffic: Reading[Traffic], now: datetime) -> Html:
    if traffic.value is None:
        return card("Live health", waiting(traffic, "the calls") or freshness(traffic, now), width=4)
    rollout = decision.dossier.rollout
    rows = health(traffic, decision.expected_stable, rollout.max_p95_ms if rollout else 0.0)
    if not rows:
        would_be = "Errors, p95 and calls of what serves now, as soon as calls arrive."
        return card("Live health", empty("No calls in the last hour", would_be, "monitor_heart"), width=4)
    return card("Live health", pairs(rows), note=f"last hour, {age(traffic, now)}", width=4)


def way_back_card(decision: Decision) -> Html:
    stable, rollout = decision.expected_stable, decision.dossier.rollout
    if not stable:
        return card("Way back", empty("First deployment", "There is no earlier version to return to.", "undo"), width=4)
    warm = duration(rollout.keep_warm_seconds) if rollout else "a while"
    body = fill(
        '<p>{mark}<b>{stable} stays warm</b></p><p class="quiet">One click returns 100 % to v{version} for {warm}'
        " after the last step.</p>",
        mark=role_mark(candidate=False),
        stable=stable,
        version=decision.stable_version,
        warm=warm,
    )
    return card("Way back", body, width=4)


def rules(rollout: Rollout, decision: Decision) -> Html:
    found = stop_rules(rollout, decision.expected_stable)
    if not found:
        return Html("")
    rows = join(fill("<div><span>{rule}</span><i>{when}</i></div>", rule=rule, when=when) for rule, when in found)
    return fill(
        '<div class="sub">Returns to v{version} by itself if</div><div class="pairs">{rows}</div>',
        version=decision.stable_version,
        rows=rows,
    )
