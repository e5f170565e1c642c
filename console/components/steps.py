"""The plan as a timeline, and who did what."""

from __future__ import annotations

from collections.abc import Iterable

from console.components.markup import Html, fill, icon, join
from console.viewmodels.activity import Act
from console.viewmodels.plan import Line


def timeline(lines: Iterable[Line]) -> Html:
    return fill('<ol class="steps">{lines}</ol>', lines=join(_line(line) for line in lines))


def _line(line: Line) -> Html:
    return fill(
        '<li class="{state}"{now}><b>{label}</b><span>{text}</span><time>{when}</time></li>',
        state=line.state,
        now=Html(' aria-current="step"') if line.state == "now" else Html(""),
        label=line.label,
        text=line.text,
        when=line.when,
    )


def activity(acts: Iterable[Act]) -> Html:
    return fill('<ul class="acts">{acts}</ul>', acts=join(_act(act) for act in acts))


def _act(act: Act) -> Html:
    return fill(
        '<li><time title="{full}">{when}</time>{icon}<div>{what}{why}</div><i>{who}</i></li>',
        full=act.full,
        when=act.when,
        icon=icon(act.symbol, "quiet"),
        what=act.what,
        why=fill('<span class="two">{why}</span>', why=act.why) if act.why else Html(""),
        who=act.who,
    )
