"""Models: the registered versions, or one with its lineage and dossier."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.comparison import METRIC_NAMES
from backend.domain.decisions import Dossier
from backend.domain.endpoints import Endpoint
from backend.domain.people import Actor
from backend.domain.registry import ModelVersion
from backend.domain.value import Reading
from console import navigation, topics, wiring
from console.components.cards import card, cards, pairs
from console.components.comparison_cards import champion_card, patients_card
from console.components.data_profile import profile_card
from console.components.evidence_cards import flips_card, gates_card
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Html, card_head, draw, fill
from console.components.model_card import difference_card, whole_card, written_card
from console.components.standing import pill_of, standing_line, standing_notice
from console.components.states import empty, freshness, waiting
from console.components.tables import Column, code, strong, table
from console.components.threshold import threshold_panel
from console.components.version_cards import compare, descent, retire, served
from console.session import parameter, signed_in, tell
from console.surroundings import find, newest_first
from console.viewmodels.decision import comparison, uncompared
from console.viewmodels.figures import age, ago
from console.viewmodels.flips import production
from console.viewmodels.models import METRICS, figures, history, lineage, where
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

SHOWN = 30
CODE = {"Commit", "Model digest", "Run", "Data asset", "Data digest", "Environment"}


def show() -> None:
    actor = signed_in()
    wired = wiring.current()
    reading = wired.snapshots.watch(topics.versions())
    project = wired.settings.project
    names = (project.endpoint, project.test_endpoint)
    endpoints = tuple(wired.snapshots.watch(topics.endpoint(name)) for name in names)
    number = parameter("version")
    version = find(reading.value or (), number) if number else None
    if version is not None:
        _one(wired, actor, version, reading, endpoints)
        return
    if number and reading.value is not None:
        page_header("Model version", parent=navigation.MODELS, here=Untrusted(number, 40))
        _follow(wired)
        draw(empty("No such version", f"{project.prod_workspace} holds no version of this number.", "help"))
        return
    page_header(
        "Models", meta=fill("Versions of {model} in {place}.", model=project.model, place=project.prod_workspace)
    )
    _follow(wired)
    tell()
    draw(freshness(reading, utc_now()))
    if reading.value is None:
        draw(waiting(reading, "the registered versions"))
        return
    with st.container(border=True, key="card_versions"):
        _list(wired, newest_first(reading.value)[:SHOWN], endpoints)
    draw(served(wired, utc_now()))
    navigation.link(navigation.CONTRACT, "The contract with callers", "to_contract", "api")


def _follow(wired: Wiring) -> None:
    def marks() -> tuple[object, ...]:
        return tuple((p.id, p.phase) for p in wired.backend.promotions.recent(5))

    follow(f"models {parameter('version')}", (topics.versions().key,), marks)


def _list(wired: Wiring, versions: tuple[ModelVersion, ...], endpoints: tuple[Reading[Endpoint | None], ...]) -> None:
    draw(card_head("Versions", "newest first"))
    if not versions:
        would_be = "A merge that touches training trains on production data and registers the next version here."
        draw(empty("No version yet", would_be, "deployed_code"))
        return
    served = tuple(reading.value for reading in endpoints)
    for index, version in enumerate(versions):
        if index:
            draw(Html('<hr class="between">'))
        dossier = wired.backend.models.dossier(version)
        name, state, numbers = st.columns([0.3, 0.25, 0.45], vertical_alignment="center")
        with name:
            navigation.link(
                navigation.MODELS,
                f"{version.name} v{version.version}",
                f"version_{version.version}",
                version=version.version,
            )
            draw(fill('<span class="two">registered {ago}</span>', ago=ago(version.created_at, utc_now())))
        with state:
            draw(standing_line(dossier, where(version, served)))
        with numbers:
            heads = tuple(Column(METRIC_NAMES[m], number=True) for m in METRICS)
            draw(table(heads, [figures(version)], caption=f"Metrics of v{version.version}"))


def _one(
    wired: Wiring,
    actor: Actor,
    version: ModelVersion,
    reading: Reading[tuple[ModelVersion, ...]],
    endpoints: tuple[Reading[Endpoint | None], ...],
) -> None:
    dossier = wired.backend.models.dossier(version)
    page_header(
        f"{version.name} v{version.version}",
        state=pill_of(dossier),
        meta=Untrusted(version.description, 300) or fill("Registered {ago}.", ago=ago(version.created_at, utc_now())),
        parent=navigation.MODELS,
        here=f"v{version.version}",
    )
    _follow(wired)
    tell()
    draw(freshness(reading, utc_now()))
    draw(standing_notice(dossier))
    descent(wired, dossier, reading.value or (), tuple(one.value for one in endpoints))
    facts, links = st.columns([0.71, 0.29], gap="small")
    with facts:
        draw(
            cards(
                (
                    _lineage(version),
                    _deployed(version, endpoints),
                    served(wired, utc_now(), version.version),
                    patients_card(dossier),
                    champion_card(dossier, utc_now()),
                    flips_card(comparison(dossier), production(dossier), uncompared(dossier)),
                )
            )
        )
    with links:
        with st.container(border=True, key="card_links"):
            _links(version)
            retire(wired, actor, dossier)
        threshold_panel(wired, actor, dossier, comparison(dossier))
    draw(cards((gates_card(dossier, wired.backend.models.findings(version)),)))
    compare(wired, version, reading.value or ())
    _model_card(version, reading.value or ())
    profile_card(wired, version.version, [v.version for v in reading.value or () if v.version != version.version])
    draw(_history(dossier))


def _lineage(version: ModelVersion) -> Html:
    rows = [
        (
            fill('<span class="quiet">{n}</span>', n=name),
            strong(code(value) if name in CODE else value),
        )
        for name, value in lineage(version)
    ]
    return card(
        "Lineage",
        table((Column(""), Column("")), rows, caption="Lineage"),
        note="as registered",
        width=6,
        name="lineage tall",
    )


def _deployed(version: ModelVersion, endpoints: tuple[Reading[Endpoint | None], ...]) -> Html:
    now = utc_now()
    served = tuple(reading.value for reading in endpoints)
    rows = [("Deployed", where(version, served), age(endpoints[0], now))]
    rows += [(METRIC_NAMES[name], value, "") for name, value in zip(METRICS, figures(version), strict=True)]
    return card("Where and how good", pairs(rows), note="holdout of its own run", width=6)


def _model_card(version: ModelVersion, versions: tuple[ModelVersion, ...]) -> None:
    """What people wrote, what differs from the champion's card, and below it every figure."""
    releases = wiring.current().backend.releases
    other = releases.compared_with(version, versions)
    compared = releases.difference(version, other) if other else None
    made = compared.after if compared else releases.card(version)
    draw(cards((written_card(made), *((difference_card(compared),) if compared else ()))))
    with st.expander("All figures of the model card", key="card_figures"):
        draw(whole_card(made))


def _history(dossier: Dossier) -> Html:
    lines = history(dossier, utc_now())
    if not lines:
        would_be = "Its test, its approval, and each time it went to production or came back."
        return card("Dossier", empty("Nothing decided yet", would_be, "history_edu"))
    rows = [(strong(what), who, why) for what, who, why in lines]
    return card(
        "Dossier", table((Column("What"), Column("Who"), Column("Why")), rows, caption="Dossier"), name="dossier"
    )


def _links(version: ModelVersion) -> None:
    draw(card_head("Follow it"))
    number = version.version
    navigation.link(navigation.DEPLOYMENTS, "Decide about it", "to_decision", "how_to_reg", version=number)
    navigation.link(
        navigation.AUDIT, "Its ledger entries", "to_audit", "history", subject=f"model/{version.name}:{number}"
    )
    _files(version)


def _files(version: ModelVersion) -> None:
    """Each file is made when somebody asks for it, not when the page is drawn."""
    wired = wiring.current()
    releases = wired.backend.releases
    versions = wired.snapshots.watch(topics.versions()).value or ()
    name = f"{version.name}-v{version.version}"
    _file(
        "card_file",
        "Model card",
        lambda: releases.card_file(version, releases.compared_with(version, versions)),
        f"{name}-card.html",
        "What it is for, its limits and its figures as one file, for whoever relies on its answers.",
    )
    _file(
        "sbom_file",
        "Bill of materials",
        lambda: releases.sbom(version),
        f"{name}-sbom.json",
        "Its files, packages and image as CycloneDX JSON; known once the version has been tested.",
        known=releases.has_sbom(version),
    )
    _file(
        "dossier_file",
        "Release dossier",
        lambda: releases.dossier_file(version),
        f"{name}.html",
        "All that is recorded about this version as one file, for a reader without the console.",
    )


def _file(key: str, label: str, make: Callable[[], bytes], name: str, told: str, *, known: bool = True) -> None:
    st.download_button(
        label,
        make,
        file_name=name,
        mime="application/json" if name.endswith(".json") else "text/html",
        key=key,
        icon=":material/download:",
        on_click="ignore",
        disabled=not known,
        help=told,
    )


show()
