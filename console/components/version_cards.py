"""A version among the others: its descent as links, where it served, any two apart, and putting one out of use."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from backend.domain.contract import ContractChange
from backend.domain.decisions import Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.people import Actor, Right
from backend.domain.registry import ModelVersion, VersionState
from backend.domain.runs import Run
from backend.errors import NotFound
from console import navigation, topics
from console.components.cards import card
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import Html, card_head, draw, fill, join
from console.components.states import empty
from console.components.tables import Column, strong, table
from console.session import parameter
from console.viewmodels import version_pages as view
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
PAGES = {
    "pull": navigation.PULL_REQUESTS,
    "run": navigation.EXPERIMENTS,
    "audit": navigation.AUDIT,
    "decision": navigation.DEPLOYMENTS,
    "deployments": navigation.DEPLOYMENTS,
}


def descent(
    wired: Wiring, dossier: Dossier, versions: tuple[ModelVersion, ...], endpoints: tuple[Endpoint | None, ...]
) -> None:
    """From the commit to what it serves, each a link; below, the way back to its relatives."""
    run = _run(wired, dossier.version)
    with st.container(border=True, key="card_descent"):
        draw(card_head("Where it comes from, and what came of it", "links lead there"))
        with st.container(horizontal=True, gap="small", key="descent"):
            for index, node in enumerate(view.descent(dossier, run.key if run else "", endpoints)):
                with st.container(key=f"node_{index}", width="content"):
                    draw(fill('<span class="two">{kind}</span>', kind=node.kind))
                    if node.page:
                        place = PAGES[node.page]
                        navigation.link(place, node.label, f"node_link_{index}", node.symbol, **dict(node.selected))
                    else:
                        draw(fill("<b>{label}</b>", label=node.label))
        for name, others in view.relatives(dossier.version, versions):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.html(fill('<span class="quiet">{name}</span>', name=name), width="content")
                for other in others[:8]:
                    key = f"relative_{name.replace(' ', '_')}_{other}"
                    navigation.link(navigation.MODELS, f"v{other}", key, "deployed_code", version=other)


def _run(wired: Wiring, version: ModelVersion) -> Run | None:
    if not version.lineage.run:
        return None
    wired.snapshots.watch(topics.runs())
    project = wired.settings.project
    places = (project.prod_workspace, project.dev_workspace)
    return next(iter(wired.backend.runs.known([f"{place}/{version.lineage.run}" for place in places])), None)


def served(wired: Wiring, now: datetime, version: str = "") -> Html:
    """When production was served by this version, or by which it was served; told by our own ledger."""
    rows = view.spans(wired.backend.telemetry.serving(LONG_AGO, now), now, version)
    title = f"v{version} in production" if version else "What served production"
    if not rows:
        return card(title, empty("Never yet", "From when until when it held most of the traffic.", "timeline"), width=6)
    told = [(strong(who), since, until, long) for who, since, until, long in rows]
    heads = (Column("Version"), Column("From"), Column("Until"), Column("For", number=True))
    note = "most of the traffic, by the ledger"
    return card(title, table(heads, told, caption=title), note=note, width=6 if version else 12, name="served")


def compare(wired: Wiring, version: ModelVersion, versions: tuple[ModelVersion, ...]) -> None:
    """Any other version beside this one, what differs by default."""
    others = {v.version: v for v in versions if v.version != version.version}
    if not others:
        return
    champion = wired.backend.releases.compared_with(version, versions)
    with st.container(border=True, key="card_apart"):
        draw(card_head("Against any other version", "only what differs"))
        numbers = list(others)
        wanted = parameter("against") or (champion.version if champion else "")
        place = numbers.index(wanted) if wanted in numbers else 0
        left, right = st.columns([0.4, 0.6], vertical_alignment="bottom")
        with left:
            chosen = st.selectbox("Version", numbers, index=place, format_func=lambda n: f"v{n}", key="against_version")
        with right:
            everything = st.toggle("Show what is the same, too", key="against_all")
        other = others[chosen or numbers[place]]
        rows = view.apart(
            other, version, _params(wired, other, version), _signatures(wired, other, version), everything=everything
        )
        heads = (Column(""), Column(f"v{other.version}"), Column(f"v{version.version}"), Column("Change", number=True))
        told = [(strong(row[0]), *row[1:]) for row in rows]
        draw(table(heads, told, caption="Differences") if told else empty("Nothing differs", "", "check_circle"))
        draw(_contract(wired, other, version))


def _params(wired: Wiring, *pair: ModelVersion) -> dict[str, tuple[str, str]]:
    """Of both training runs, where the tracking service has told of them."""
    runs = [_run(wired, version) for version in pair]
    if None in runs:
        return {}
    one, other = (run.params for run in runs if run is not None)
    return {name: (one.get(name, "–"), other.get(name, "–")) for name in one.keys() | other.keys()}


def _signatures(wired: Wiring, *pair: ModelVersion) -> tuple[str, str]:
    """As the latest test found it in the files."""
    names = []
    for version in pair:
        found = (e.supply_chain for e in wired.backend.models.dossier(version).evidence if e.supply_chain)
        signature = next((chain.signature for chain in found if chain.signature), None)
        names.append(signature.name if signature else "not looked at")
    return names[0], names[1]


def _contract(wired: Wiring, before: ModelVersion, after: ModelVersion) -> Html:
    contracts = wired.backend.contracts
    try:
        changes: tuple[ContractChange, ...] = contracts.difference(contracts.of(before), contracts.of(after))
    except NotFound as absent:
        return fill('<p class="quiet">Contract: {why}</p>', why=Untrusted(str(absent), 300))
    if not changes:
        return Html('<p class="quiet">Contract: nothing changes for a caller.</p>')
    items = join(fill("<li><b>{e}</b> {s}</li>", e=e, s=s) for e, s in view.contract_rows(changes))
    return fill('<p class="quiet">Contract with callers</p><ul>{items}</ul>', items=items)


def retire(wired: Wiring, actor: Actor, dossier: Dossier) -> None:
    """Out of use for good; quarantine, which a lead can take back, stands on the decision page."""
    version, gone = dossier.version, dossier.quarantine
    refusal = ""
    if not actor.may(Right.APPROVE):
        refusal = "Only a lead retires a version."
    elif dossier.state is VersionState.SERVING:
        refusal = f"v{version.version} serves: bring another version there first."
    if gone is not None and gone.retired:
        refusal = f"v{version.version} is retired."
    with st.container(key="danger_retire"):
        clicked = action("Retire…", key="retire", refusal=refusal, symbol="archive")
    if not clicked:
        return
    open_dialog(
        f"Retire v{version.version}",
        lambda: confirm_body(
            ((f"v{version.version}", dossier.state.value, "out of use for good"),),
            Html("<p>Nothing brings it back: no test, no approval, no rollback. Its records stay.</p>"),
            form=f"retire_{version.version}",
            label=f"Retire v{version.version}",
            danger=True,
            reason="",
            done=f"v{version.version} is retired.",
            wish=lambda _, reason: wired.backend.quarantines.retire(actor, version, reason),
        ),
    )
