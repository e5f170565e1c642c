"""The evidence about a version: every gate with its rule, and the cases whose answer changes."""

from __future__ import annotations

from backend.domain.comparison import Comparison
from backend.domain.decisions import Dossier
from backend.domain.gates import Finding
from backend.domain.production_flips import ProductionFlips
from console.components.cards import card, word
from console.components.markup import Content, Html, fill, join
from console.components.states import empty, not_compared
from console.components.tables import Column, strong, table
from console.viewmodels.figures import short_commit, short_digest
from console.viewmodels.flips import FlipRow, asked_rows, asked_tally, counts, rows, tally
from console.viewmodels.state import FINDINGS
from console.viewmodels.text import Untrusted


def gates_card(dossier: Dossier, findings: tuple[Finding, ...]) -> Html:
    """Every gate: hard or advisory, its limit, what was found, and why the team asks for it."""
    gates = dossier.gates
    if gates is None:
        would_be = "Each gate of training/gates.toml with its limit and what was found; the test reads them."
        return card("Gates", empty("Not judged yet", would_be, "rule"))
    heads = (Column("Gate"), Column("Level"), Column("Limit", number=True), Column("Result"), Column("Found"))
    judged = [finding for finding in findings if finding.rule is not None]
    note = fill("gate file <code>{digest}</code>", digest=short_digest(gates.digest))
    return card("Gates", table(heads, [_gate(f) for f in judged], caption="Gates"), note=note, name="gates")


def _gate(finding: Finding) -> tuple[Content, ...]:
    rule = finding.rule
    assert rule is not None
    found = fill(
        '{sentence}<span class="two">{reason}</span>',
        sentence=Untrusted(finding.sentence, 400),
        reason=Untrusted(rule.reason, 300),
    )
    level: Content = strong("hard") if rule.hard else Html('<span class="quiet">advisory</span>')
    limit = f"{rule.limit:g}" if rule.limit is not None else "–"
    return strong(finding.title), level, limit, word(FINDINGS[finding.state]), found


def flips_card(comparison: Comparison | None, production: ProductionFlips | None, never: str = "") -> Html:
    """Of the holdout and of what production was asked: how many, then the cases with the largest change of risk.

    `never` is why nothing will be compared, "" where that may still come.
    """
    flips = comparison.flips if comparison else None
    if comparison is None or flips is None:
        would_be = "Patients of the holdout who get another answer than before, the largest change of risk first."
        return card("Who gets another answer", not_compared(never, would_be, "swap_vert"))
    against = f"against v{comparison.champion.version}, commit {short_commit(comparison.champion.commit)}"
    kinds = join(
        fill('<div class="tile"><b class="{tone}">{n}</b><span>{what}</span></div>', tone=tone, n=f"{n:,}", what=what)
        for what, n, tone in counts(flips)
    )
    heads = (
        Column("Case"),
        Column("Outcome"),
        Column("Answer"),
        Column("Risk", number=True),
        Column("Change", number=True),
        Column("Bands"),
    )
    found = rows(comparison)
    body = fill(
        '<h3>On the holdout</h3><p class="quiet">{tally}</p><div class="tiles four">{kinds}</div>'
        '<details class="bands"><summary>The {n} largest changes of risk</summary>'
        '<p class="quiet">A case is a row of the holdout by its ordinal there; nothing here says who it is.</p>{cases}'
        "</details>{production}",
        production=_production(production),
        tally=tally(flips),
        kinds=kinds,
        n=len(found),
        cases=table(heads, [_case(row) for row in found], caption="Cases whose answer changes"),
    )
    return card("Who gets another answer", body, note=against, name="flips")


def _production(found: ProductionFlips | None) -> Html:
    """Counts by direction, since nobody knows yet which of the answers is right."""
    head = Html("<h3>Of what production was asked</h3>")
    if found is None:
        return join((head, Html('<p class="quiet">Not replayed: the test does that once a version serves.</p>')))
    told = fill('<p class="quiet">{tally}</p>', tally=Untrusted(asked_tally(found), 400))
    if not found.cases:
        return join((head, told))
    turned = join(
        fill('<div class="tile"><b>{n}</b><span>{what}</span></div>', n=f"{n:,}", what=what)
        for n, what in ((found.turned_positive, "positive now"), (found.turned_negative, "negative now"))
    )
    listed = asked_rows(found)
    heads = (Column("Answer"), Column("Risk", number=True), Column("Change", number=True), Column("Bands"))
    cells = [(row.answers, row.risks, strong(row.change), Untrusted(row.bands, 120)) for row in listed]
    cases = fill(
        '<details class="bands"><summary>The {n} largest changes of risk</summary><p class="quiet">Which answer was '
        "right is not known yet; what was asked stays in the workspace's own storage.</p>{cases}</details>",
        n=len(listed),
        cases=table(heads, cells, caption="Inputs of production whose answer changes"),
    )
    return join((head, told, fill('<div class="tiles four">{turned}</div>', turned=turned), cases))


def _case(row: FlipRow) -> tuple[Content, ...]:
    answer = fill('<span class="{tone}">{answer}</span>', tone=row.tone, answer=row.answers)
    return row.case, row.ill, answer, row.risks, strong(row.change), Untrusted(row.bands, 120)
