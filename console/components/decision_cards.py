"""The cards of the decision page: what changes, by whose hands and why, how production does, and the way back."""

from __future__ import annotations

from datetime import datetime

from backend.domain.decisions import Decision, WayBack
from backend.domain.people import Actor
from backend.domain.telemetry import Traffic
from backend.domain.value import Reading
from console.components.cards import card, pairs, role_mark
from console.components.markup import Content, Html, fill, icon, join
from console.components.states import empty, freshness, waiting
from console.components.tables import Column, code, scrolling, strong, table
from console.viewmodels.change import Why
from console.viewmodels.decision import about_hands, budgets_left, health, who
from console.viewmodels.evidence_ages import Piece, freshness_of
from console.viewmodels.figures import age, ago, duration, plural
from console.viewmodels.now_next import NowNext
from console.viewmodels.text import Untrusted

PULL_PAGE = "pull-requests?number={number}"


def now_next_card(decision: Decision, rows: tuple[NowNext, ...]) -> Html:
    """What differs; what does not is folded away below it."""
    changed = [row for row in rows if row.changed]
    same = [row for row in rows if not row.changed]
    heads = (
        Column(""),
        Column(_deployment(decision.expected_stable, candidate=False)),
        Column(_deployment(decision.target.deployment, candidate=True)),
    )
    body = table(heads, [_now_next_row(row) for row in changed], caption="Now and next")
    if not changed:
        body = empty("Nothing differs", "Production serves exactly this already.", "equal")
    folded = fill(
        '<details class="more"><summary>{what} the same</summary>{rows}</details>',
        what=f"{plural(len(same), 'field')} {'is' if len(same) == 1 else 'are'}",
        rows=table((Column(""), Column("")), [_same(row) for row in same], caption="The same now and next"),
    )
    return card(
        "Now → next",
        fill("{body}{folded}", body=body, folded=folded if same else Html("")),
        note=f"only differences · {len(changed)} of {len(rows)} fields",
        width=6,
        name="now-next",
    )


def _deployment(name: str, *, candidate: bool) -> Html:
    if not name:
        return Html("nothing serves")
    return fill("{mark}<b>{name}</b>", mark=role_mark(candidate), name=name)


def _now_next_row(row: NowNext) -> tuple[Content, Content, Content]:
    field, *said = (fill('<span class="quiet">{field}</span>', field=row.field), row.now, row.after)
    now, after = (_one_line(one) if row.code else one for one in said)
    return field, now, strong(after)


def _same(row: NowNext) -> tuple[Content, Content]:
    field = fill('<span class="quiet">{field}</span>', field=row.field)
    return field, code(row.after) if row.code else row.after


def _one_line(text: Untrusted) -> Html:
    return fill('<code class="cut" title="{whole}">{text}</code>', whole=text.one_line(), text=text)


def flips_link(decision: Decision) -> Html:
    """To the list of cases, without identifiers, whose answer changes."""
    return fill(
        '{what} · <a href="models?version={number}" target="_self">whose answer changes</a>',
        what=Html('<b class="warn">stale</b>') if decision.stale_comparison else "next against now",
        number=decision.dossier.version.version,
    )


def who_card(decision: Decision, actor: Actor) -> Html:
    rows = pairs((name, value, "") for name, value in who(decision, actor))
    said = join(fill('<p class="{tone}">{text}</p>', tone=tone, text=text) for tone, text in about_hands(decision))
    apart = "author ≠ approver" if decision.author_apart else "an author may approve"
    return card("Who", fill("{rows}{said}", rows=rows, said=said), note=apart, width=3, name="who")


def why_card(told: Why) -> Html:
    """The pull request leads to its page, where the whole description and every changed line stand."""
    number, title = told.number, told.title
    link = fill(
        '<p class="two-lines"><a href="{page}" target="_self"><b>#{number}</b> {title}</a></p>',
        page=PULL_PAGE.format(number=number),
        number=number,
        title=title or "GitHub has not been read yet",
    )
    summary = fill('<p class="two-lines">{summary}</p>', summary=told.summary)
    body = fill(
        '{link}{summary}<p class="quiet three-lines">{about}</p>',
        link=link if number else Html(""),
        summary=summary if told.summary else Html(""),
        about=fill("{commits} {size}", commits=told.commits, size=told.size),
    )
    return card("Why", body, note=Untrusted(told.trigger, 60), width=3, name="why")


def health_card(decision: Decision, traffic: Reading[Traffic], now: datetime) -> Html:
    """The last day of what serves now."""
    if traffic.value is None:
        return card("Live health", waiting(traffic, "the calls") or freshness(traffic, now), width=3, name="health")
    rollout = decision.dossier.rollout
    rows = health(traffic, decision.expected_stable, rollout.max_p95_ms if rollout else 0.0)
    if not rows:
        would_be = "Errors, p95 and calls of what serves now, as soon as calls arrive."
        return card("Live health", empty("No calls in 24 h", would_be, "monitor_heart"), width=3, name="health")
    note = fill('<span title="{age}">last 24 h</span>', age=age(traffic, now))
    left = ((fill('<span title="{all}">{name}</span>', all=all_of_it, name=name), value, "")
            for name, value, all_of_it in budgets_left(decision))  # fmt: skip
    return card("Live health", pairs((*rows, *left)), note=note, width=3, name="health")


def way_back_card(decision: Decision, now: datetime) -> Html:
    stable, rollout, back = decision.expected_stable, decision.dossier.rollout, decision.way_back
    if not stable or back is None:
        nothing = empty("First deployment", "There is no earlier version to return to.", "undo")
        return card("Way back", nothing, width=3, name="way-back")
    rows = pairs(
        (
            ("Stays warm", duration(rollout.keep_warm_seconds) if rollout else "a while", ""),
            ("Last return", _last(back, now), ""),
            ("Schema", _schema(back), ""),
        )
    )
    sentence = fill('<p class="warn">{said}</p>', said=back.sentence)
    body = fill(
        '<p>{mark}<b>{stable}</b> <span class="quiet">in one click</span></p>{rows}{sentence}',
        mark=role_mark(candidate=False),
        stable=stable,
        rows=rows,
        sentence=Html("") if back.allowed else sentence,
    )
    return card("Way back", body, width=3, name="way-back")


def _schema(back: WayBack) -> str:
    if back.allowed is None:
        return "not known"
    return "does not allow it" if not back.allowed else "the same" if back.now == back.after else "allows it"


def _last(back: WayBack, now: datetime) -> str:
    if back.last is None:
        return "none yet"
    seconds = f"{back.last.seconds:.1f} s" if back.last.seconds < 60 else duration(back.last.seconds)
    return f"{seconds}, {ago(back.last.at, now)}"


def freshness_card(decision: Decision, now: datetime) -> Html:
    """One line, and every piece of evidence below it."""
    found = freshness_of(decision, now)
    heads = (Column("Evidence"), Column("Age"), Column("About"), Column("From"), Column("Digest"))
    stale = f"{', '.join(found.stale)}: stale, so it is tested again and not accepted"
    return fill(
        '<section class="card w12 fresh"><details><summary><h2>Freshness</h2><span>{line}; {state}</span></summary>'
        "{pieces}</details></section>",
        line=found.line,
        state=fill('<b class="warn">{icon}{stale}</b>', icon=icon("history", "warn"), stale=stale)
        if found.stale
        else Html("nothing is stale"),
        pieces=scrolling(table(heads, [_piece(piece) for piece in found.pieces]), "Evidence and its age"),
    )


def _piece(piece: Piece) -> tuple[Content, ...]:
    return piece.name, strong(piece.age), piece.about, piece.source, code(piece.digest)
