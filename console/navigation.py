"""The pages, their addresses, and links between them."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from console.components.labels import literal
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Place:
    """One page: its file below `console/`, its name in the menu, its symbol and its path in the URL."""

    file: str
    title: str
    symbol: str
    path: str

    def page(self, *, default: bool = False) -> st.Page:
        return st.Page(
            self.file, title=self.title, icon=f":material/{self.symbol}:", url_path=self.path, default=default
        )


OVERVIEW = Place("views/overview.py", "Overview", "home", "overview")
PULL_REQUESTS = Place("views/pull_requests.py", "Pull requests", "merge", "pull-requests")
EXPERIMENTS = Place("views/experiments.py", "Experiments", "experiment", "experiments")
MODELS = Place("views/models.py", "Models", "deployed_code", "models")
DEPLOYMENTS = Place("views/deployments.py", "Deployments", "rocket_launch", "deployments")
MONITORING = Place("views/monitoring.py", "Monitoring", "monitoring", "monitoring")
AUDIT = Place("views/audit.py", "Audit", "history", "audit")

WORK = (OVERVIEW, PULL_REQUESTS, EXPERIMENTS, MODELS, DEPLOYMENTS, MONITORING)
GOVERN = (AUDIT,)


def menu() -> st.Page:
    """Draw the menu; the page that the URL selects."""
    work = [place.page(default=place is OVERVIEW) for place in WORK]
    return st.navigation({"": work, "Govern": [place.page() for place in GOVERN]}, expanded=True)


def link(place: Place, label: Untrusted | str, key: str, symbol: str | None = None, **selected: str) -> None:
    """A link that keeps this tab's session; `selected` becomes the URL's query."""
    with st.container(key=key, width="content"):
        st.page_link(
            place.file,
            label=literal(label),
            icon=f":material/{symbol}:" if symbol else None,
            query_params=selected or None,
        )
