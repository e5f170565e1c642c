"""Who answers the calls: a bar split between stable and candidate, told apart by shape and hatch."""

from __future__ import annotations

from console.components.cards import role_mark
from console.components.markup import Html, fill, join
from console.viewmodels.traffic import Share, Split


def traffic_bar(split: Split) -> Html:
    """A dashed mark shows how far the candidate's share grows in the next step."""
    if not split.shares:
        return Html('<div class="split"><div class="none">No deployment takes traffic yet.</div></div>')
    ahead = (
        fill('<span class="next" style="left:{left}%"></span>', left=100 - split.next_weight)
        if split.next_weight is not None and split.next_weight < 100
        else Html("")
    )
    return fill(
        '<div class="split" role="img" aria-label="{words}">{parts}{ahead}</div>',
        words=", ".join(f"{s.role} {s.deployment} {s.weight} percent" for s in split.shares),
        parts=join(_part(share) for share in split.shares if share.weight > 0),
        ahead=ahead,
    )


def _part(share: Share) -> Html:
    narrow = share.weight < 25
    words = f"{share.weight} %" if narrow else f"{share.role} {share.deployment} · {share.weight} %"
    return fill(
        '<div class="{kind}" style="flex:{weight} 1 0" title="{title}">{mark}{words}</div>',
        kind=("on-c" if share.candidate else "on-s") + (" narrow" if narrow else ""),
        weight=share.weight,
        title=f"{share.role} {share.deployment}",
        mark=Html("") if share.role == "previous" else role_mark(share.candidate),
        words=words,
    )


def progress(label: str, done: float, needed: float, unit: str = "") -> Html:
    """`calls ▬▬ 214 / 300`."""
    part = 100 if needed <= 0 else min(100, round(100 * done / needed))
    return fill(
        '<span>{label} <span class="bar"><i style="width:{part}%"></i></span><b>{done} / {needed}{unit}</b></span>',
        label=label,
        part=part,
        done=f"{done:,.0f}",
        needed=f"{needed:,.0f}",
        unit=unit,
    )
