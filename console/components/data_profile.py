"""What a version was trained on, and how another version's data differ."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console.components.markup import card_head, draw, fill
from console.components.states import empty
from console.components.tables import Column, scrolling, table
from console.viewmodels.behaviour import profile_bands, profile_rows, profile_sentence
from console.wiring import Wiring

NOBODY = "none"


def profile_card(wired: Wiring, version: str, others: Sequence[str]) -> None:
    """Distributions, missing values, outcome by band, leakage and duplicates; beside those of one of `others`."""
    with st.container(border=True, key="card_profile"):
        found = wired.backend.behaviour.profile(version)
        draw(card_head("Training data", "as its run described them"))
        if found is None:
            would_be = (
                "Distributions, missing values, outcome by band, leakage and duplicates, as the run counted them."
            )
            draw(empty("Not described", would_be, "dataset"))
            return
        draw(fill("<p>{words}</p>", words=profile_sentence(found)))
        chosen = st.selectbox(
            "Compare with the data of", [NOBODY, *(f"v{other}" for other in others)], key="profile_against"
        )
        name = (chosen or NOBODY).removeprefix("v")
        other = wired.backend.behaviour.profile(name) if name != NOBODY else None
        more = (Column(f"Mean of v{name} (difference)", number=True),) if other else ()
        numbers = ("Missing", "Range", "Mean", "Quartiles", "AUC alone")
        heads = (Column("Feature"), Column("Unit"), *(Column(n, number=True) for n in numbers), *more)
        told = table(heads, profile_rows(found, other), caption="Training data by feature")
        draw(scrolling(told, "Training data by feature"))
        more = (Column(f"Ill % of v{name}", number=True),) if other else ()
        heads = (Column("Band"), *(Column(n, number=True) for n in ("Rows", "Ill", "Ill %")), *more)
        with st.expander("Outcome by band", key="profile_bands"):
            draw(table(heads, profile_bands(found, other), caption="Outcome by band"))
        if name != NOBODY and other is None:
            draw(fill('<p class="quiet">Nothing is known of the data of v{name}.</p>', name=name))
