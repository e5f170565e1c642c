"""What served production at a moment, drawn."""

from __future__ import annotations

from backend.domain.serving import ServedAt, Share
from console.components.markup import Content, Html, fill, join
from console.components.states import empty, notice
from console.components.tables import Column, code, strong, table, two_lines
from console.viewmodels.figures import stamp
from console.viewmodels.serving import Fact, entry, facts, since
from console.viewmodels.text import Untrusted


def served(answer: ServedAt) -> Html:
    """One sentence, then each deployment with who answers for it."""
    if not answer.shares:
        return empty(stamp(answer.moment), answer.sentence, "history")
    parts = [fill("<p><b>{sentence}</b></p>", sentence=Untrusted(answer.sentence, 600))]
    if answer.changing:
        parts.append(notice("The traffic was being changed", "Which of these splits held is not known.", "warn"))
    if answer.because is not None:
        parts.append(
            fill(
                '<p class="quiet">{since}: {why} ({entry})</p>',
                since=since(answer),
                why=Untrusted(answer.because.reason or answer.because.action, 300),
                entry=entry(answer.because),
            )
        )
    return join([*parts, *(_share(share) for share in answer.shares)])


def _share(share: Share) -> Html:
    heads = (
        Column(fill("<b>{name}</b> {weight} %", name=Untrusted(share.deployment, 60), weight=share.weight)),
        Column(fill("with traffic since {since}", since=stamp(share.since))),
        Column("Why"),
        Column("Entry"),
    )
    return table(heads, [_row(fact) for fact in facts(share)], caption=f"What {share.deployment} was")


def _row(fact: Fact) -> tuple[Content, ...]:
    value = code(fact.value) if fact.digest else strong(fact.value)
    return two_lines(fact.name, ""), value, fact.why, code(fact.entry) if fact.entry else ""
