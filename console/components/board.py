"""A row of the board: what it waits for, checks, review, model, size and age."""

from __future__ import annotations

from datetime import datetime

from backend.domain.reviews import PullRequest
from console.components.cards import word
from console.components.markup import Content, Html, fill, join
from console.viewmodels.board import ages, compared, marks, reviewed, sizes, waits_for
from console.viewmodels.pulls import counted, headline, told
from console.viewmodels.text import Untrusted

_HEADS = ("Waits for", "Checks", "Review", "Model", "Size and age")


def headings() -> Html:
    cells = join(fill("<span>{head}</span>", head=head) for head in _HEADS)
    return fill('<div class="board heads" aria-hidden="true">{cells}</div>', cells=cells)


def row(pull: PullRequest, now: datetime) -> Html:
    """The cells beside a pull request's name; each says what it is about to whoever hears it read."""
    waits, whom = waits_for(pull)
    review, who = reviewed(pull)
    model, change = compared(pull)
    added, removed, files = sizes(pull)
    opened, active = ages(pull, now)
    size = fill(
        '<span class="good">+{added}</span> <span class="bad">−{removed}</span> in {files}',
        added=f"{added:,}",
        removed=f"{removed:,}",
        files=files,
    )
    cells = (
        _cell("Waits for", word(waits), whom),
        _cell("Checks", word(headline(pull)), Untrusted(told(pull) or counted(pull), 110)),
        _cell("Review", word(review), Untrusted(who, 80)),
        _cell("Model", word(model), change),
        _cell("Size and age", size, f"{opened}, {active}"),
    )
    return fill('<div class="board">{cells}</div>', cells=join(cells))


def name(pull: PullRequest) -> Html:
    """Below the title: who, from where, and what must not be overlooked."""
    noted = join((word(mark) for mark in marks(pull)), " ")
    return fill(
        '<div class="marks"><span><b>{author}</b> · {branch}</span>{noted}</div>',
        author=Untrusted(pull.author, 60),
        branch=Untrusted(f"{pull.fork}:{pull.head_ref}" if pull.fork else pull.head_ref, 60),
        noted=noted,
    )


def _cell(name: str, first: Content, second: Content) -> Html:
    return fill(
        '<div><span class="unseen">{name}: </span>{first}<span class="two">{second}</span></div>',
        name=name,
        first=first,
        second=second,
    )
