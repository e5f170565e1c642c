"""A model card as HTML: a file that stands alone, and the part of a release dossier."""

from __future__ import annotations

from backend.domain.model_card import CardChange, CardDifference, ModelCard
from backend.operations.html_document import document
from backend.operations.plain_html import Content, Html, code, escaped, heading, pairs, paragraph, section, stamp, table

NOTE = "Figures are computed from the frozen evidence of this version and are not typed."


def card_page(card: ModelCard, against: CardDifference | None = None) -> bytes:
    """The whole file; with `against`, what differs from that card stands first."""
    title = Html(f"<h1>Model card: {escaped(card.name)}</h1>")
    head = pairs((("Made", stamp(card.made_at)), ("Complete", "no" if card.problems else "yes")))
    parts = [title, head, *_problems(card)]
    if against is not None:
        parts.append(_difference(against))
    parts += [section(part_title, body) for part_title, body in card_parts(card)]
    return document(f"Model card: {card.name}", tuple(parts), NOTE)


def card_parts(card: ModelCard) -> tuple[tuple[str, Html], ...]:
    """Title and body of each part."""
    return tuple(
        (
            part.title,
            pairs((field.name, _values(field.values, code_=field.code)) for field in part.fields)
            if part.fields
            else paragraph(part.empty),
        )
        for part in card.parts
    )


def card_in_dossier(card: ModelCard) -> Html:
    """The same card as one section with headings of its own."""
    parts = [part for title, body in card_parts(card) for part in (heading(title), body)]
    return section("Model card", *_problems(card), *parts)


def _problems(card: ModelCard) -> tuple[Html, ...]:
    if not card.problems:
        return ()
    words = f"This card is not complete: {'; '.join(card.problems)}."
    return (Html(f"<p class='warning'>{escaped(words)}</p>"),)


def _difference(against: CardDifference) -> Html:
    told = zip(against.changes, (None, *against.changes), strict=False)
    rows = (
        (Html("") if previous and previous.part == change.part else change.part, change.name, *_sides(change))
        for change, previous in told
    )
    before, after = f"v{against.before.version}", f"v{against.after.version}"
    body = table(("Part", "Field", before, after), rows, f"Nothing differs from {before}.")
    return section(f"What differs from {before}", body)


def _sides(change: CardChange) -> tuple[Html, Html]:
    return _values(change.before, code_=change.code), _values(change.after, code_=change.code)


def _values(values: tuple[str, ...], *, code_: bool) -> Html:
    """One value as it is, several as a list, none as a dash."""
    if len(values) < 2:  # a list of one is no list
        one: Content = values[0] if values else None
        return code(one) if code_ else escaped(one)
    return Html(f"<ul>{''.join(f'<li>{escaped(value)}</li>' for value in values)}</ul>")
