"""The model card on a version's page: what it is for, its limits, and what differs from the champion's."""

from __future__ import annotations

from backend.domain.model_card import CardChange, CardDifference, CardField, CardPart, ModelCard
from console.components.cards import card
from console.components.markup import Content, Html, fill, icon, join
from console.components.states import empty
from console.components.tables import Column, code, strong, table
from console.viewmodels.text import Untrusted

LONGEST = 2000
WRITTEN = 2
"""The first parts of a card are what people have written; the figures stand in cards of their own on this page."""


def written_card(made: ModelCard) -> Html:
    """Intended use and limits, and what is missing from them."""
    parts = join((_incomplete(made), *(_part(part) for part in made.parts[:WRITTEN])))
    return card("Model card", parts, note="from training/card.toml of its commit", name="model-card")


def whole_card(made: ModelCard) -> Html:
    """Every figure of the card, part by part."""
    return join(_part(part) for part in made.parts[WRITTEN:])


def difference_card(compared: CardDifference) -> Html:
    """Only what differs, field by field."""
    before, after = f"v{compared.before.version}", f"v{compared.after.version}"
    note = f"only differences · {len(compared.changes)} of {len(compared.fields)} fields"
    if not compared.changes:
        body = empty("Nothing differs", f"The cards of {before} and {after} say the same.", "equal")
    else:
        heads = [Column(title, breaks=True) for title in ("Field", before, after)]
        body = table(heads, [_change(change) for change in compared.changes], caption=f"Against the card of {before}")
    return card(f"Against the card of {before}", body, note=note, name="card-difference")


def _incomplete(made: ModelCard) -> Html:
    if not made.problems:
        return Html("")
    said = Untrusted("; ".join(made.problems), LONGEST)
    return fill(
        '<p class="card-problem">{icon}<span>Not complete: {said}.</span></p>', icon=icon("warning", "warn"), said=said
    )


def _part(part: CardPart) -> Html:
    if not part.fields:
        return fill('<h3>{title}</h3><p class="quiet">{said}</p>', title=part.title, said=part.empty)
    rows = [(fill('<span class="quiet">{n}</span>', n=field.name), _values(field)) for field in part.fields]
    return fill(
        "<h3>{title}</h3>{table}", title=part.title, table=table((Column(""), Column("")), rows, caption=part.title)
    )


def _change(change: CardChange) -> tuple[Content, Content, Content]:
    name = fill('{name}<span class="two">{part}</span>', name=change.name, part=change.part)
    before, after = (
        CardField(name=change.name, values=values, code=change.code) for values in (change.before, change.after)
    )
    return name, _values(before), strong(_values(after))


def _values(field: CardField) -> Html:
    told = [Untrusted(value, LONGEST) for value in field.values]
    if not told:
        return Html('<span class="quiet">–</span>')
    if len(told) == 1:
        return code(told[0]) if field.code else fill("{one}", one=told[0])
    return fill("<ul>{items}</ul>", items=join(fill("<li>{one}</li>", one=one) for one in told))
