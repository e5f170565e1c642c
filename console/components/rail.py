"""The six stages and the verdict strip."""

from __future__ import annotations

from backend.domain.evidence import Finding
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
    """One word per gate, its sentence as the tooltip; `not run` is never green."""
    return fill('<ul class="strip" aria-label="Gates">{gates}</ul>', gates=join(_gate(f) for f in findings))


def _gate(finding: Finding) -> Html:
    state = FINDINGS[finding.state]
    return fill(
        '<li class="{tone}" title="{sentence}">{icon}<span>{gate}<b>{word}</b></span></li>',
        tone=state.tone,
        sentence=Untrusted(finding.sentence, 300).one_line(),
        icon=icon(state.symbol, state.tone),
        gate=finding.gate,
        word=state.text,
    )
