"""Choosing the threshold: a slider with its consequence, and the test that makes it the version's own.

It stands with the evidence and never beside the button that promotes: what is served is what was tested.
"""

from __future__ import annotations

import streamlit as st

from backend.domain.comparison import Comparison
from backend.domain.decisions import Dossier
from backend.domain.people import Actor, Right, who_may
from console.components.charts import chart
from console.components.dialogs import action
from console.components.markup import Html, card_head, draw, fill
from console.session import attempt
from console.viewmodels import threshold as view
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

CHOICE_REASON = "The consequence of this threshold was weighed on the evidence page."


def threshold_panel(wired: Wiring, actor: Actor, dossier: Dossier, comparison: Comparison | None) -> None:
    """Where no comparison holds the consequence of other thresholds, how one is tested all the same."""
    if comparison is None or not comparison.sweep:
        _by_command(dossier)
        return
    with st.container(border=True, key="card_threshold"):
        draw(card_head("Threshold", "part of the release"))
        draw(
            fill(
                '<p class="quiet">{stands}</p>',
                stands=view.where_it_stands(dossier),
            )
        )
        _choose(wired, actor, dossier, comparison)


def _by_command(dossier: Dossier) -> None:
    version = dossier.version.version
    with st.container(border=True, key="card_threshold"):
        draw(card_head("Threshold", "part of the release"))
        draw(
            fill(
                '<p class="quiet">{stands} What another one would do to 1,000 patients is told once it is compared with'
                " a champion; <code>{command}</code> tests it without.</p>",
                stands=view.where_it_stands(dossier),
                command=f'mlops stage {version} --threshold 0.4 --reason "…"',
            )
        )


@st.fragment
def _choose(wired: Wiring, actor: Actor, dossier: Dossier, comparison: Comparison) -> None:
    version = dossier.version
    known = view.choices(comparison)
    chosen = st.slider(
        "Call a patient positive from this probability on",
        min_value=known[0],
        max_value=known[-1],
        value=view.nearest(comparison, version.threshold),
        step=0.01,
        key=f"threshold_{version.version}",
    )
    threshold = view.nearest(comparison, chosen)
    found = view.consequence(view.at(comparison, threshold))
    draw(
        fill(
            '<div class="tiles" role="status"><div class="tile"><b>{missed}</b><span>{missed_said}</span></div>'
            '<div class="tile"><b>{alarms}</b><span>{alarms_said}</span></div></div>'
            '<p class="quiet">Per 1,000 patients against {champion}, which it was compared with; {shares}.</p>',
            missed=found.missed,
            missed_said=found.missed_said,
            alarms=found.false_alarms,
            alarms_said=found.false_said,
            champion=view.champion(comparison),
            shares=found.shares,
        )
    )
    chart(view.chart(comparison))
    st.text_input("Reason, required", value=CHOICE_REASON, key=f"threshold_reason_{version.version}")
    _test_at(wired, actor, dossier, threshold)


def _test_at(wired: Wiring, actor: Actor, dossier: Dossier, threshold: float) -> None:
    version = dossier.version
    refusal = "" if actor.may(Right.APPROVE) else f"Needs the role {who_may(Right.APPROVE)}."
    if not refusal and threshold == version.threshold:
        refusal = f"v{version.version} is tested at {threshold:g} already."

    def stage() -> None:
        reason = str(st.session_state.get(f"threshold_reason_{version.version}", "")).strip()
        attempt(
            f"threshold/{version.version}/{threshold}",
            lambda key: wired.backend.promotions.stage(actor, version, reason, key, threshold),
            f"v{version.version} is tested at {threshold:g}; approvals for another threshold are void.",
        )

    if action(f"Test v{version.version} at {threshold:g}", key="choose_threshold", refusal=refusal, on_click=stage):
        st.rerun()
    draw(
        Html(
            '<p class="quiet">The choice is tested on the test endpoint first, judged by every gate, approved with the'
            " version, served, and returned with every answer.</p>"
        )
    )
    if dossier.approved:
        draw(fill('<p class="warn">{told}</p>', told=Untrusted("Another threshold makes the approval void.", 80)))
