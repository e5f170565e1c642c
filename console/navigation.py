"""The pages, their addresses, and links between them."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from backend.domain.people import Role
from console.components.labels import literal
from console.viewmodels.text import Untrusted


@dataclass(frozen=True, slots=True)
class Place:
    """One page: its file below `console/`, its name in the menu, its symbol and its path in the URL."""

    file: str
    title: str
    symbol: str
    path: str

    def page(self, *, default: bool = False, shown: bool = True) -> st.Page:
        return st.Page(
            self.file,
            title=self.title,
            icon=f":material/{self.symbol}:",
            url_path=self.path,
            default=default,
            visibility="visible" if shown else "hidden",
        )


OVERVIEW = Place("views/overview.py", "Overview", "home", "overview")
PULL_REQUESTS = Place("views/pull_requests.py", "Pull requests", "merge", "pull-requests")
EXPERIMENTS = Place("views/experiments.py", "Experiments", "experiment", "experiments")
MODELS = Place("views/models.py", "Models", "deployed_code", "models")
DEPLOYMENTS = Place("views/deployments.py", "Deployments", "rocket_launch", "deployments")
MONITORING = Place("views/monitoring.py", "Monitoring", "monitoring", "monitoring")
CONTRACT = Place("views/contract.py", "Contract", "api", "contract")
SETUP = Place("views/setup.py", "Setup", "construction", "setup")
AUDIT = Place("views/audit.py", "Audit", "history", "audit")
INBOX = Place("views/inbox.py", "Inbox", "notifications", "inbox")
"""In nobody's menu: the bell leads there."""

WORK = (OVERVIEW, PULL_REQUESTS, EXPERIMENTS, MODELS, DEPLOYMENTS, MONITORING)
BESIDE = (CONTRACT,)
"""In the menu of those who come for it; models and monitoring lead there."""
GOVERN = (SETUP, AUDIT)
MOST = 6
"""Entries in the menu of one person. Every page has its address for everybody, and is linked where it matters."""

_MENUS = {
    Role.VIEWER: WORK,
    Role.SCIENTIST: WORK,
    Role.LEAD: WORK,
    Role.OPERATOR: (DEPLOYMENTS, OVERVIEW, MODELS, MONITORING, SETUP, AUDIT),
    Role.APP_DEVELOPER: (CONTRACT, OVERVIEW, MODELS, DEPLOYMENTS, MONITORING),
    Role.AUDITOR: (AUDIT, OVERVIEW, PULL_REQUESTS, MODELS, DEPLOYMENTS, SETUP),
    Role.ADMINISTRATOR: (SETUP, OVERVIEW, PULL_REQUESTS, DEPLOYMENTS, MONITORING, AUDIT),
}
"""The first of each is where that role lands: what it came for. The menu keeps one order for everybody."""
_ROLES = (
    Role.LEAD,
    Role.ADMINISTRATOR,
    Role.OPERATOR,
    Role.AUDITOR,
    Role.SCIENTIST,
    Role.APP_DEVELOPER,
    Role.VIEWER,
)
"""Who holds several roles has the menu of the first of these."""


def places_of(roles: frozenset[Role]) -> tuple[Place, ...]:
    """What stands in the menu of somebody with these roles."""
    return next((_MENUS[role] for role in _ROLES if role in roles), WORK)


def menu(roles: frozenset[Role]) -> st.Page:
    """Draw the menu; the page that the URL selects. What is not in the menu keeps its address."""
    mine = places_of(roles)
    work = [place.page(default=place is OVERVIEW, shown=place in mine) for place in (*WORK, *BESIDE)]
    govern = [place.page(shown=place in mine) for place in (*GOVERN, INBOX)]
    return st.navigation({"": work, "Govern": govern}, expanded=True)


def land(page: st.Page, roles: frozenset[Role]) -> None:
    """Whoever opens the console's bare address comes to their role's own view, once a tab; the menu leads to any.

    The default page has no other address (Streamlit 1.67), so making it another one for some would break the links that
    others send them.
    """
    first = places_of(roles)[0]
    arrived = st.session_state.get("landed", False)
    st.session_state["landed"] = True
    if not arrived and first is not OVERVIEW and not page.url_path and not st.query_params:
        st.switch_page(first.file)


def link(place: Place, label: Untrusted | str, key: str, symbol: str | None = None, **selected: str) -> None:
    """A link that keeps this tab's session; `selected` becomes the URL's query."""
    with st.container(key=key, width="content"):
        st.page_link(
            place.file,
            label=literal(label),
            icon=f":material/{symbol}:" if symbol else None,
            query_params=selected or None,
        )
