"""The contract drawn: what is asked, what is answered, what else may come, and what changed."""

from __future__ import annotations

from datetime import datetime

from backend.domain.card_file import CardFile
from backend.domain.contract import Contract, OfVersion, Release
from backend.domain.quality import LoadResult
from backend.domain.telemetry import Traffic
from backend.domain.value import Reading
from console.components.cards import card, cards, pairs
from console.components.markup import Html, fill, icon, join
from console.components.states import empty
from console.components.tables import Column, code, strong, table
from console.viewmodels import contract as view
from console.viewmodels.figures import plural
from console.viewmodels.text import Untrusted

SIGNS = {"good": "check_circle", "warn": "help", "bad": "error", "quiet": "flag"}


def promise(of: OfVersion, contract: Contract) -> Html:
    """Request, answer and refusal, field by field."""
    heads = ("Field", "Type", "Unit", "Without a warning", "Answered at all")
    asked = [(code(strong(row[0])), *row[1:]) for row in map(view.asked, contract.fields)]
    request = table([Column(h) for h in heads], asked, caption="Fields of a row")
    note = f"v{of.version}, every field required, no other taken"
    parts = [card("A row", request, note=note, name="asked")]
    for title, told, note in (
        ("Answer", contract.answer, "200"),
        ("Refusal", contract.refusal, "424, the model's own 400"),
    ):
        rows = [(code(name), kind, meaning) for name, kind, meaning in map(view.told, told)]
        body = table((Column("Value"), Column("Is"), Column("Means")), rows, caption=title)
        parts.append(card(title, body, note=note, name="told"))
    return cards(parts)


def expectations(contract: Contract, traffic: Reading[Traffic], load: LoadResult | None, now: datetime) -> Html:
    """Limits, measured latency, and the other statuses."""
    rows = [(strong(status), when, do) for status, when, do in view.statuses()]
    heads = (Column("Status"), Column("When"), Column("What you do"))
    return cards(
        (
            card("Limits", pairs(view.limits(contract)), width=6, name="bounds"),
            card("What to expect", pairs(view.latency(traffic, load, now)), note="measured", width=6, name="latency"),
            card("Everything but 200", table(heads, rows, caption="Other statuses"), name="statuses"),
        )
    )


def use(card_file: CardFile | None) -> Html:
    """What the model is for, and for whom not."""
    if card_file is None:
        return card("Intended use", empty("No model card yet", "It is read when a version is tested.", "badge"))
    lists = (("Not for", card_file.exclusions), ("Known limits", card_file.known_limits))
    told = join(
        fill(
            "<h3>{title}</h3><ul>{items}</ul>",
            title=title,
            items=join(fill("<li>{item}</li>", item=Untrusted(item, 400)) for item in items),
        )
        for title, items in lists
    )
    body = fill("<p>{use}</p>{told}", use=Untrusted(card_file.intended_use, 800), told=told)
    return card("Intended use", body, note="from the model card", name="use")


def changes(found: tuple[Release, ...], now: datetime) -> Html:
    """Release by release, what a caller has to do."""
    if not found:
        would_be = "Each release of this endpoint, and what it changes for you."
        return card("What changes for you", empty("No release yet", would_be, "update"))
    rows = [
        (
            strong(line.what),
            fill(
                '<span class="{tone}">{icon} {effect}</span>',
                tone=line.tone,
                icon=icon(SIGNS[line.tone]),
                effect=line.effect,
            ),
            join(fill("<div>{s}</div>", s=sentence) for sentence in line.sentences),
            line.when,
        )
        for line in view.releases(found, now)
    ]
    heads = (Column("Release"), Column("For you"), Column("What"), Column("When"))
    body = table(heads, rows, caption="Releases")
    return card("What changes for you", body, note=plural(len(found), "release"), name="changes")


def outcome_card(found: view.Outcome) -> Html:
    facts = pairs((name, value, more) for name, value, more in found.facts)
    title = fill(
        '<span class="{tone}">{icon} {title}</span>',
        tone=found.tone,
        icon=icon(SIGNS[found.tone]),
        title=Untrusted(found.title),
    )
    return card(title, facts, note="the answer", name="outcome")
