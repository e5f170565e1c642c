"""What champion and challenger do on one holdout: for a thousand patients, by band, and figure by figure."""

from __future__ import annotations

from datetime import datetime

from backend.domain.comparison import Comparison
from backend.domain.decisions import Dossier
from console.components.cards import card, word
from console.components.markup import Content, Html, fill, icon, join
from console.components.states import not_compared
from console.components.tables import Column, strong, table, two_lines
from console.viewmodels.bands import AxisTable, Change, axis_tables, rule, tally
from console.viewmodels.comparison import MetricRow, holdout, metric_rows, patients, verdict
from console.viewmodels.decision import comparison, comparison_of, measured, uncompared
from console.viewmodels.state import VERDICTS
from console.viewmodels.text import Untrusted

FOLDED = frozenset({"Calibr. slope", "Calibr. intercept"})
"""Judged by gates of their own; a lead who wants the figures opens them."""


def patients_card(dossier: Dossier, note: Content = "", stale: str = "") -> Html:
    """`stale` says why the comparison is not about now; without a note it is told which versions are compared."""
    compared = comparison(dossier)
    view = patients(compared) if compared else None
    if view is None or compared is None:
        would_be = (
            "How many more or fewer ill patients are missed, once champion and challenger are compared on one holdout."
        )
        return card("Patients per 1,000", not_compared(uncompared(dossier), would_be, "compare_arrows"), width=6)
    tiles = fill(
        '<div class="tiles">{missed}{alarms}</div>',
        missed=_tile(view.missed, f"{view.missed_now} → {view.missed_next}", view.missed_interval),
        alarms=_tile(view.false_alarms, f"{view.false_now} → {view.false_next}", view.false_interval),
    )
    body = fill(
        "{stale}{tiles}{below}",
        stale=_stale(stale),
        tiles=tiles,
        below=bands(compared) if compared.subgroups else _estimated(compared),
    )
    return card("Patients per 1,000", body, note=note or _sides(compared), width=6, name="patients")


def _sides(compared: Comparison) -> Html:
    challenger, champion = compared.challenger.version, compared.champion.version
    return fill(
        "{challenger} against {champion}",
        challenger=Untrusted(f"v{challenger}" if challenger else "challenger", 20),
        champion=Untrusted(f"v{champion}" if champion else "champion", 20),
    )


def _stale(why: str) -> Html:
    """Above the figures: they are true of what was compared, and not of what a click would change."""
    if not why:
        return Html("")
    return fill('<p class="warn">{icon} <b>Stale.</b> {why}</p>', icon=icon("history", "warn"), why=Untrusted(why, 200))


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


def champion_card(dossier: Dossier, now: datetime, width: int = 6, stale: str = "") -> Html:
    compared = comparison(dossier)
    if compared is None:
        would_be = "Both models scored on the same holdout rows, with the difference and its interval."
        nothing = not_compared(uncompared(dossier), would_be, "compare_arrows")
        return card("Champion vs challenger", nothing, width=width)
    heads = (
        Column("Metric"),
        Column(f"v{compared.champion.version}" if compared.champion.version else "champion", number=True),
        Column(f"v{compared.challenger.version}" if compared.challenger.version else "challenger", number=True),
        Column("Difference", number=True),
        Column("95 % interval", number=True),
    )
    rows = metric_rows(compared)
    first = [metric_cells(row)[:-1] for row in rows if row.name not in FOLDED]
    more = [metric_cells(row)[:-1] for row in rows if row.name in FOLDED]
    folded = fill(
        '<details class="more"><summary>Calibration: slope and intercept</summary>{rows}</details>',
        rows=table(heads, more, caption="Calibration of champion and challenger"),
    )
    found = verdict(compared)
    note = fill(
        "AUC {verdict} {when}" if found else "{verdict} {when}",
        verdict=word(VERDICTS[found]) if found else Html(""),
        when=measured(comparison_of(dossier), now),
    )
    about = fill(
        '{stale}<p class="quiet">{holdout}</p>{rows}{folded}',
        stale=_stale(stale),
        holdout=Untrusted(holdout(compared, ill=False)),
        rows=table(heads, first, caption="Champion against challenger"),
        folded=folded if more else Html(""),
    )
    return card("Champion vs challenger", about, note=note, width=width, name="champion")


def metric_cells(row: MetricRow) -> tuple[Content, ...]:
    word_of: Content = word(row.verdict) if row.verdict else Html('<span class="quiet">–</span>')
    quiet = fill('<span class="quiet">{value}</span>', value=row.champion)
    return row.name, quiet, strong(row.challenger), strong(row.difference), row.interval, word_of
