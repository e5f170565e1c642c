"""The six stages and the verdict strip."""

from __future__ import annotations

from backend.domain.gates import Finding, StripWord, strip
from console.components.markup import Html, draw, fill, icon, join
from console.viewmodels.stages import Stage, StageView
from console.viewmodels.state import FINDINGS
from console.viewmodels.text import Untrusted


def stage_rail(stages: tuple[StageView, ...], current: Stage | None = None) -> None:
    draw(
        fill(
            '<ol class="rail" aria-label="Stages">{stages}</ol>',
            stages=join(_stage(view, current) for view in stages),
        )
    )


def _stage(view: StageView, current: Stage | None) -> Html:
    return fill(
        '<li{here}><b>{icon}{name}</b><span class="fact">{fact}</span></li>',
        here=Html(' aria-current="step"') if view.stage is current else Html(""),
        icon=icon(view.symbol, view.tone),
        name=view.stage.value,
        fact=view.fact,
    )


def verdict_strip(findings: tuple[Finding, ...]) -> Html:
    """One word a group of gates, the gravest of its findings, with every sentence as the tooltip."""
    return fill('<ul class="strip" aria-label="Gates">{words}</ul>', words=join(_word(w) for w in strip(findings)))


def _word(found: StripWord) -> Html:
    state = FINDINGS[found.state]
    return fill(
        '<li class="{tone}" title="{sentences}">{icon}<span>{group}<b>{word}</b></span></li>',
        tone=state.tone,
        sentences=Untrusted(" ".join(found.sentences), 900).one_line(),
        icon=icon(state.symbol, state.tone),
        group=found.group,
        word=state.text,
    )
