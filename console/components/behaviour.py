"""How the model that serves behaves: drift, quality, estimated and realised performance, and proposed retrainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from backend.domain.behaviour import Behaviour
from backend.domain.clock import utc_now
from backend.domain.people import Actor
from backend.domain.retraining import Proposal, ProposalState
from console.components.cards import card, word
from console.components.charts import chart
from console.components.dialogs import action, confirm_body, open_dialog
from console.components.markup import Content, Html, card_head, draw, fill
from console.components.states import empty, notice
from console.components.tables import Column, scrolling, table
from console.session import parameter
from console.viewmodels import behaviour as shown
from console.viewmodels.figures import ago, plural, stamp
from console.viewmodels.series import Chart
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

LOOKS = 60
WOULD_BE = (
    "Drift of every feature and of the score against the training data, bad values, performance estimated before "
    "labels and realised after them. The worker looks once production serves a version whose run described its data."
)


def model_behaviour(wired: Wiring, actor: Actor, endpoint: str) -> None:
    """All of the tab, from what the worker has recorded; no network is waited for."""
    backend = wired.backend.behaviour
    looks = backend.history(endpoint, LOOKS)
    problem = backend.monitor_problem(endpoint)
    if not looks:
        draw(card("Model behaviour", empty("Not looked yet", WOULD_BE, "monitor_heart")))
        return
    found = looks[-1]
    _watch(found, problem)
    _cards(found, looks, parameter("chart"))
    _outcomes(found)
    _retrainings(wired, actor, endpoint)


def _cards(found: Behaviour, looks: Sequence[Behaviour], chosen: str) -> None:
    """The card that a link names stands first and is marked."""
    wide: dict[str, Callable[[], None]] = {
        "drift": lambda: _drift(found, looks),
        "quality": lambda: _quality(found),
        "refused": lambda: _refused(found),
    }
    halves: dict[str, Callable[[], None]] = {
        "estimated": lambda: _estimated(found),
        "realised": lambda: _realised(found),
    }
    first = {**wide, **halves}.get(chosen)
    if first is not None:
        with st.container(key=f"chosen_{chosen}"):
            first()
    for name, draw_card in wide.items():
        if name != chosen:
            draw_card()
    rest = [draw_card for name, draw_card in halves.items() if name != chosen]
    with st.container(key="halves_performance"):
        for column, draw_card in zip(st.columns(len(rest)), rest, strict=True):
            with column:
                draw_card()


def _marked(card_name: str, names: Sequence[str], called: str) -> int | None:
    """The row of these that a link to the card means by its parameter `called`."""
    wanted = parameter(called) if parameter("chart") == card_name else ""
    return list(names).index(wanted) if wanted in names else None


def _watch(found: Behaviour, problem: str) -> None:
    """Which version, how old, on how many rows; and whether the monitor itself is to be trusted."""
    words = (
        f"v{found.version} ({found.deployment}), looked at {ago(found.at, utc_now())} ({stamp(found.at)}): "
        f"{plural(found.rows, 'row')}, the newest of {stamp(found.newest)}."
    )
    draw(fill('<p class="quiet">{words} {labels}</p>', words=words, labels=shown.coverage(found.labels)))
    troubles = (*((problem,) if problem else ()), *found.watch.problems)
    if troubles:
        draw(notice("The monitor is not to be trusted now", Untrusted(" ".join(troubles), 900), "warn", "warning"))


def _drift(found: Behaviour, looks: Sequence[Behaviour]) -> None:
    with st.container(border=True, key="card_drift"):
        draw(card_head("Drift against the training data", f"{len(found.out)} of {len(found.drift)} out of band"))
        heads = (
            Column("What"),
            _number("n"),
            _number("PSI"),
            _number("Top of the band"),
            Column("Standing"),
            Column("Cause"),
        )
        rows = shown.drift_rows(found)
        names = [row[0] for row in rows]
        marked = _marked("drift", names, "feature")
        _wide(heads, map(_cells, rows), "Drift by feature", marked)
        draw(fill('<p class="quiet">{rule}</p>', rule=shown.rule(found)))
        name = st.selectbox("Feature", names, key="feature", bind="query-params") or names[0]
        one = next(each for each in found.drift if each.name == name)
        bins, over_time = st.columns(2)
        with bins:
            of_bins = (Column("Bin"), _number("Training %"), _number("Now %"))
            _chart(shown.distribution(one), of_bins, shown.bin_rows(one))
        with over_time:
            of_looks = (Column("Look"), _number("n"), _number("PSI"), _number("Top of the band"))
            _chart(shown.history(looks, name), of_looks, shown.history_rows(looks, name))


def _quality(found: Behaviour) -> None:
    with st.container(border=True, key="card_quality"):
        draw(card_head("Data quality", f"{found.rows:,} newest rows"))
        names = ("n", "Missing", "Implausible", "Never seen in training")
        heads = (Column("Field"), *map(_number, names), Column("Standing"), Column("Cause"))
        rows = shown.quality_rows(found)
        marked = _marked("quality", [row[0] for row in rows], "feature")
        _wide(heads, map(_cells, rows), "Bad values by field", marked)


def _refused(found: Behaviour) -> None:
    """What never became a row: the model refuses a request without a field, or with an impossible value."""
    one = found.refusals
    with st.container(border=True, key="card_refused"):
        if one is None:
            draw(card_head("Refused requests"))
            draw(empty("Not counted", "Requests that the model refused, by field, out of the log of calls.", "block"))
            return
        draw(card_head("Refused requests", f"of {one.calls:,} calls in a day, until {stamp(one.until)}"))
        state = word(shown.STANDINGS[one.standing])
        draw(fill("<p>{state} {words}</p>", state=state, words=shown.refusal_sentence(one)))
        if one.fields:
            heads = (Column("Field"), _number("Refused"), _number("Of all calls"))
            _wide(heads, shown.refusal_rows(one), "Refused requests by field")
        told = "Nobody got a risk for these (status 424): no other figure holds them. The log tells field, no value."
        draw(fill('<p class="quiet">{told}</p>', told=told))


def _estimated(found: Behaviour) -> None:
    with st.container(border=True, key="card_estimated"):
        draw(card_head("Estimated, before labels", f"{found.rows:,} rows"))
        names = ("n", "Estimate", "Bottom of the band", "Labels would put it", "Holdout")
        heads = (Column("Metric"), Column("Standing"), *map(_number, names))
        marked = _marked("estimated", [one.metric for one in found.estimated], "metric")
        _wide(heads, map(_cells, shown.estimate_rows(found)), "Estimated performance", marked)
        told = (
            "From calibrated risks alone (CBPE); out of band is lower than chance makes it of so many patients like "
            "the holdout's. It holds where patients change; that the illness itself has changed only labels can tell."
        )
        draw(fill('<p class="quiet">{told}</p>', told=told))


def _realised(found: Behaviour) -> None:
    with st.container(border=True, key="card_realised"):
        draw(card_head("Realised, with labels", plural(found.labels.labelled, "labelled answer")))
        names = ("n", "Value", "95 %", "Expected")
        heads = (Column("Metric"), Column("Standing"), *map(_number, names))
        marked = _marked("realised", [one.metric for one in found.realised], "metric")
        _wide(heads, map(_cells, shown.realised_rows(found)), "Realised performance", marked)
        draw(fill('<p class="quiet">{labels}</p>', labels=shown.coverage(found.labels)))


def _outcomes(found: Behaviour) -> None:
    if not found.bands:
        return
    with st.container(key="halves_outcomes"):
        bands, over_time = st.columns(2)
    with bands, st.container(border=True, key="card_behaviour_bands"):
        draw(card_head("By band of patients", "95 % intervals"))
        heads = (Column("Band"), *map(_number, ("n", "Ill", "Sensitivity", "Specificity")))
        _wide(heads, shown.band_rows(found), "Realised performance by band")
    with over_time, st.container(border=True, key="card_calibration"):
        draw(card_head("Calibration over time", f"{found.labels.labelled:,} labelled answers"))
        heads = (Column("From"), *map(_number, ("n", "Said", "Seen", "95 %")))
        _chart(shown.calibration(found), heads, shown.calibration_rows(found))


def _retrainings(wired: Wiring, actor: Actor, endpoint: str) -> None:
    backend = wired.backend.behaviour
    proposals = backend.proposals(endpoint)
    with st.container(border=True, key="card_retrainings"):
        waiting = [one for one in proposals if one.state is ProposalState.PROPOSED]
        draw(card_head("Proposed retrainings", f"{len(waiting)} waiting" if waiting else "none waiting"))
        if not proposals:
            would_be = (
                "Drift, worse outcomes or the schedule propose one here. Nothing trains before a person has said so."
            )
            draw(empty("None was proposed", would_be, "model_training"))
        for one in waiting:
            _decide(wired, actor, one)
        if proposals:
            heads = tuple(map(Column, ("Proposed", "Version", "State", "Trigger", "Why", "Decided", "Outcome")))
            _wide(heads, map(_cells, shown.proposal_rows(proposals)), "Proposed retrainings")
        if why := backend.holds_back(endpoint):
            draw(fill('<p class="quiet">{why}</p>', why=Untrusted(why, 300)))


def _decide(wired: Wiring, actor: Actor, one: Proposal) -> None:
    told, accept, dismiss = st.columns([0.64, 0.18, 0.18], vertical_alignment="center")
    with told:
        draw(fill("<b>Retrain v{version}?</b> {why}", version=one.version, why=Untrusted(one.why, 400)))
    refusal = wired.backend.behaviour.refusal(actor)
    with accept:
        if action("Accept…", key=f"accept_{one.id}", refusal=refusal, symbol="model_training"):
            open_dialog("Retrain", lambda: _accept(wired, actor, one))
    with dismiss:
        if action("Dismiss…", key=f"dismiss_{one.id}", refusal=refusal, symbol="close"):
            open_dialog("Dismiss it", lambda: _dismiss(wired, actor, one))


def _accept(wired: Wiring, actor: Actor, one: Proposal) -> None:
    confirm_body(
        (("State", one.state.value, "accepted"),),
        Html("<p>The worker starts the training workflow. What it registers is tested and decided about as ever.</p>"),
        form=f"accept_{one.id}",
        label="Retrain",
        reason="",
        done="The worker starts the training.",
        wish=lambda _, reason: wired.backend.behaviour.accept(actor, one.id, reason),
    )


def _dismiss(wired: Wiring, actor: Actor, one: Proposal) -> None:
    confirm_body(
        (("State", one.state.value, "dismissed"),),
        Html("<p>Nothing is trained. The next one is proposed after the cool-down at the earliest.</p>"),
        form=f"dismiss_{one.id}",
        label="Dismiss it",
        reason="",
        done="It is dismissed.",
        wish=lambda _, reason: wired.backend.behaviour.dismiss(actor, one.id, reason),
    )


def _wide(heads: Sequence[Column], rows: Iterable[Sequence[Content]], caption: str, marked: int | None = None) -> None:
    draw(scrolling(table(heads, rows, caption=caption, marked=marked), caption))


def _chart(content: Chart, heads: Sequence[Column], rows: Iterable[Sequence[Content]]) -> None:
    """A chart with the table behind it."""
    chart(content)
    with st.expander("Table", key=f"table_{content.name}"):
        draw(table(heads, rows, caption=content.title))


def _cells(row: Sequence[Content | Pill]) -> tuple[Content, ...]:
    return tuple(word(cell) if isinstance(cell, Pill) else cell for cell in row)


def _number(title: str) -> Column:
    return Column(title, number=True)
