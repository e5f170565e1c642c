"""Contract: what an endpoint promises to the programs that call it, and how to call it."""

from __future__ import annotations

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.contract import Contract, Language, OfVersion
from backend.domain.people import Actor
from console import contract_files, topics, wiring
from console.components.cards import card
from console.components.contract_cards import changes, expectations, promise, use
from console.components.contract_keys import keys_card, take_key, taken
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Html, card_head, draw, fill
from console.components.states import empty, freshness, notice
from console.components.tables import code
from console.components.try_it import asked, try_it
from console.session import signed_in, tell
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

NAMES = {Language.CURL: "curl", Language.PYTHON: "Python", Language.JAVASCRIPT: "JavaScript"}
HIGHLIGHT = {Language.CURL: "bash", Language.PYTHON: "python", Language.JAVASCRIPT: "javascript"}
DAY = topics.WINDOWS["24 h"]

PARTS = ("Call it", "What is promised", "What changes", "Keys")
"""In the address: a notice above the tabs would otherwise bring the first one back."""


def show() -> None:
    actor = signed_in()
    wired = wiring.current()
    project = wired.settings.project
    page_header("Contract", meta=fill("What the app may rely on. Develop against {test}.", test=project.test_endpoint))
    names = [project.test_endpoint, project.endpoint]
    name = st.selectbox("Endpoint", names, key="endpoint", bind="query-params", width=340) or names[0]
    of = wired.backend.contracts.served(name)
    _follow(actor, name, of)
    tell()
    draw(freshness(wired.snapshots.watch(topics.endpoint(name)), utc_now()))
    if of is None:
        would_be = "Its fields with units and ranges, clients to copy, and what each release changes."
        draw(card("The contract", empty(f"Nothing has been brought to {name} yet", would_be, "api")))
        return
    if of.contract is None:
        why = of.problem or "It was trained or tested before contracts were written down. The next version has one."
        draw(notice(f"v{of.version} has no written contract", Untrusted(why, 300), "warn", "help"))
    _tabs(wired, actor, name, of)


def _follow(actor: Actor, name: str, of: OfVersion | None) -> None:
    waited = tuple(topic.key for topic in (asked(actor), taken(actor)) if topic is not None)
    keys = (topics.endpoint(name).key, topics.key_use(name).key, *waited)

    def marks() -> tuple[object, ...]:
        rotations = wiring.current().backend.keyring.rotations(name)
        return (of and (of.version, of.threshold), *((one.id, one.state, one.outcome) for one in rotations[:3]))

    follow(f"contract {name}", keys, marks, every=2.0)


def _tabs(wired: Wiring, actor: Actor, name: str, of: OfVersion) -> None:
    call, promised, changed, keys = st.tabs(PARTS, key="part", bind="query-params", on_change="rerun")
    with call:
        if of.contract is not None:
            _first_call(wired, actor, name)
            if name == wired.settings.project.test_endpoint:
                try_it(wired, actor, of.contract, name)
        draw(use(wired.backend.contracts.card(of)))
    with promised:
        if of.contract is not None:
            _promised(wired, actor, name, of, of.contract)
    with changed:
        draw(changes(wired.backend.contracts.releases(name), utc_now()))
        _feeds(wired, actor, name)
    with keys:
        keys_card(wired, actor, name)


def _first_call(wired: Wiring, actor: Actor, name: str) -> None:
    reading = wired.snapshots.watch(topics.endpoint(name))
    address = reading.value.scoring_uri if reading.value else ""
    with st.container(border=True, key="card_first"):
        draw(card_head("Your first call", "three steps, copied as they are"))
        draw(Html("<h3>1. Say where and with which key</h3>"))
        st.code(
            wired.backend.contracts.environment(name, address, wired.settings.cloud.ca_bundle),
            language="bash",
            wrap_lines=True,
        )
        draw(
            Html('<p class="quiet">No <code>mlops</code> on this machine? Its line fails; paste the key from here.</p>')
        )
        take_key(wired, actor, name)
        draw(Html("<h3>2. Take a client</h3>"))
        choice = st.segmented_control(
            "Language", list(NAMES), format_func=lambda one: NAMES[one], default=Language.CURL, key="language"
        )
        language = choice or Language.CURL
        text = wired.backend.contracts.client(language, name)
        st.code(text, language=HIGHLIGHT[language], wrap_lines=True)
        draw(Html("<h3>3. Run it</h3>"))
        runner = {Language.CURL: "bash", Language.PYTHON: "python3", Language.JAVASCRIPT: "node"}[language]
        st.code(f"{runner} client.{language.suffix}", language="bash", wrap_lines=True)
        st.download_button(
            f"client.{language.suffix}", text, file_name=f"client.{language.suffix}", key="client_file",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        draw(
            Html(
                '<p class="quiet">Keep the key on a server: whoever has a page has what is in it. Without a key, '
                "<code>mlops contract serve --file contract.json</code> answers on your own machine with the same "
                "contract and the same refusals.</p>"
            )
        )


def _promised(wired: Wiring, actor: Actor, name: str, of: OfVersion, contract: Contract) -> None:
    traffic = wired.snapshots.watch(topics.traffic(name, DAY))
    draw(promise(of, contract))
    draw(expectations(contract, traffic, wired.backend.contracts.load(of), utc_now()))
    with st.container(border=True, key="card_files"):
        draw(card_head("For programs", "good for 90 days, for these files alone"))
        files = (
            ("OpenAPI 3.1", "openapi.json"),
            ("JSON Schema of a request", "schema.json"),
            ("Contract with examples, for practice", "contract.json"),
        )
        _addresses(wired, actor, name, files)
        st.download_button(
            "contract.json", of.model_dump_json(indent=2), file_name="contract.json", key="contract_file",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _feeds(wired: Wiring, actor: Actor, name: str) -> None:
    with st.container(border=True, key="card_feeds"):
        draw(card_head("Be told", "good for 90 days, for these files alone"))
        _addresses(wired, actor, name, (("Atom feed", "changes.atom"), ("JSON feed", "changes.json")))


def _addresses(wired: Wiring, actor: Actor, name: str, files: tuple[tuple[str, str], ...]) -> None:
    held = st.session_state.setdefault(f"contract_ticket_{name}", contract_files.ticket(wired, actor.name, name))
    for title, file in files:
        draw(fill('<p class="quiet">{title}, {file}</p>', title=title, file=code(file)))
        st.code(contract_files.address(wired, name, file, held), language=None, wrap_lines=True)


show()
