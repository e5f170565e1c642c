"""Azure Monitor's own rules, with what each does now."""

from __future__ import annotations

from datetime import datetime

from backend.domain.azure_alerts import AzureAlerts
from backend.domain.setup import PlannedResource
from console.components.cards import card, word
from console.components.markup import Content, Html
from console.components.states import empty, notice
from console.components.tables import Column, table
from console.viewmodels.azure_rules import fires_when, now_words, rule_pill
from console.viewmodels.text import Untrusted

TITLE = "Azure Monitor's own rules"
WOULD_BE = "Rules of Azure Monitor that setup declares, on the platform's own metrics."
HEADS = (Column("Rule", breaks=True), Column("Now"), Column("Fires when"), Column("Setup"))


def azure_rules_card(rules: tuple[PlannedResource, ...], alerts: AzureAlerts | None, note: str, now: datetime) -> Html:
    """A row a rule; `alerts` is None until Azure has told which fire."""
    if not rules:
        return card(TITLE, empty("No rule is declared", WOULD_BE), name="azure_rules")
    rows: list[tuple[Content, ...]] = []
    for rule in rules:
        state = now_words(rule, alerts, now)
        shown = word(state) if state else "–"
        rows.append((Untrusted(rule.name, 120), shown, fires_when(rule), word(rule_pill(rule))))
    return card(TITLE, table(HEADS, rows, caption="Rules of Azure Monitor"), note=note, name="azure_rules")


def no_right(alerts: AzureAlerts | None) -> Html:
    """Why Azure tells us of no alert, and which role has the right; nothing where it tells."""
    if alerts is None or not alerts.refused:
        return Html("")
    words = f"{alerts.refused} Monitoring Reader on the resource group has this right."
    return notice("Azure does not tell us which of its rules fire", Untrusted(words, 700), "warn", "visibility_off")
