"""The Alerts section: what stands, the objectives behind it, and Azure's own rules beside ours."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.objectives import SLO_PATH, Standing
from backend.domain.people import Actor
from console import topics
from console.components.alert_cards import alert_cards, silences
from console.components.azure_rules import TITLE, WOULD_BE, azure_rules_card, no_right
from console.components.cards import card, word
from console.components.live import follow
from console.components.markup import card_head, draw, fill, join
from console.components.states import empty, freshness, notice, waiting
from console.components.tables import Column, table
from console.viewmodels.alerts import budget_pill, budget_rows
from console.viewmodels.azure_rules import azure_rules
from console.viewmodels.figures import age, ago
from console.wiring import Wiring

DECLARED = fill(
    "Availability and latency are declared in <code>{path}</code> on the default branch, by pull request.",
    path=SLO_PATH,
)


def show_alerts(wired: Wiring, actor: Actor) -> None:
    plan, fired = wired.snapshots.watch(topics.plan()), wired.snapshots.watch(topics.azure_alerts())

    def standing_marks() -> object:
        """What redraws the page: an alert that changed, a budget that was measured anew."""
        alerts = tuple((a.id, a.state, a.firing, a.owner) for a in wired.backend.alerts.standing())
        known = wired.backend.objectives.standing()
        return alerts, wired.backend.alerts.silences(), known.at if known else None

    follow("monitoring alerts", (topics.plan().key, topics.azure_alerts().key), standing_marks, every=5.0)
    alert_cards(wired, actor)
    silences(wired, actor)
    _objectives(wired.backend.objectives.standing())
    draw(freshness(plan, utc_now()))
    if plan.value is None:
        draw(card(TITLE, waiting(plan, "the rules") or empty("Not read yet", WOULD_BE)))
        return
    draw(freshness(fired, utc_now()))
    draw(no_right(fired.value))
    draw(azure_rules_card(azure_rules(plan.value), fired.value, age(fired, utc_now()), utc_now()))


def _objectives(standing: Standing | None) -> None:
    with st.container(border=True, key="card_objectives"):
        if standing is None:
            draw(card_head("Objectives"))
            draw(empty("No objective has been measured yet", DECLARED, "speed"))
            return
        draw(card_head("Objectives", f"measured {ago(standing.at, utc_now())}"))
        if standing.stale:
            until = f"The newest line of the log is of {ago(standing.data_until, utc_now())}."
            said = until if standing.data_until else "No call has been logged yet."
            draw(notice("Nothing is known of now", f"{said} No rule judges until calls are logged again.", "warn"))
        burns = [rate.burn for rate in standing.budgets[0].rates] if standing.budgets else []
        heads = (
            Column("Objective"),
            Column("Promised"),
            Column("Budget left", number=True),
            Column("Bad calls", number=True),
            *(Column(f"Burn, {burn.name}", number=True) for burn in burns),
        )
        draw(table(heads, budget_rows(standing), caption="Objectives and their error budgets"))
        pills = join(
            fill(
                "<li><b>{name}</b> {pill}</li>", name=b.objective.measure.value.capitalize(), pill=word(budget_pill(b))
            )
            for b in standing.budgets
        )
        draw(fill('<ul class="key" aria-label="Error budgets">{pills}</ul>', pills=pills))
        stops = "A spent budget stops promotions, unless two people break the glass for the fix."
        draw(
            fill(
                '<p class="quiet">A burn is how many times as fast as evenly the budget is spent, over the long and the'
                " short window of each rule. {stops} Declared in <code>{path}</code>, {digest}.</p>",
                stops=stops if standing.slo.hard else "A spent budget is shown and stops nothing.",
                path=SLO_PATH,
                digest=standing.slo.digest[:19],
            )
        )
