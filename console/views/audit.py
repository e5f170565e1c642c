"""Audit: the append-only ledger, filtered, with the proof that it is whole."""

from __future__ import annotations

import streamlit as st

from backend.domain.audit import AuditEntry, AuditKind, ChainReport
from backend.domain.ledger_words import wording
from backend.domain.serving import ServedAt
from backend.errors import Rejected
from console import wiring
from console.components.cards import word
from console.components.header import page_header
from console.components.live import follow
from console.components.markup import Content, card_head, draw
from console.components.serving import served
from console.components.states import empty, notice
from console.components.tables import Column, copyable, strong, table, two_lines
from console.components.unexplained import unexplained_events
from console.session import signed_in, tell
from console.viewmodels.activity import ALARM, change, symbol
from console.viewmodels.figures import stamp
from console.viewmodels.state import Pill
from console.viewmodels.text import Untrusted

PAGE = 100
ALL = "all"


@st.cache_resource(max_entries=4, show_spinner=False)
def _verified(home: str, newest: int) -> ChainReport:  # noqa: ARG001  both only say which ledger, as of when
    return wiring.current().backend.ledger.verify()


def show() -> None:
    person = signed_in()
    wired = wiring.current()
    ledger = wired.backend.ledger
    newest = ledger.entries(limit=1)
    report = _verified(str(wired.settings.home), newest[0].sequence if newest else 0)
    page_header(
        "Audit",
        state=_chain(report),
        meta="Who did what, when and why. Rows are only ever added; each carries the hash of the one before.",
    )
    follow("audit", (), lambda: (ledger.entries(limit=1) or (None,))[0])
    tell()
    if not report.whole:
        draw(notice("The chain is broken", Untrusted(report.problem, 400), "bad", "link_off"))
    unexplained_events(wired, person)
    with st.container(border=True, key="card_served"):
        _served(newest[0].sequence if newest else 0)
    kind, subject, actor = st.columns([0.24, 0.48, 0.28])
    with kind:
        options = [ALL, *(kind.value for kind in AuditKind)]
        chosen = st.selectbox("Kind", options, key="kind", bind="query-params")
    with subject:
        about = st.text_input(
            "Subject",
            key="subject",
            bind="query-params",
            placeholder="promotion/…, model/…, pull_request/14, or promotion/*",
        )
    with actor:
        who = st.text_input("Actor", key="actor", bind="query-params", placeholder="lead, worker, …")
    kinds = () if chosen in {ALL, None} else (AuditKind(chosen),)
    entries = ledger.entries(limit=PAGE, subject=(about or "").strip(), actor=(who or "").strip(), kinds=kinds)
    with st.container(border=True, key="card_ledger"):
        draw(card_head(_counted(len(entries), report.entries), "newest first, times in UTC"))
        _rows(entries, bool(about or who or kinds))


def _counted(shown: int, all_of_them: int) -> str:
    """How many entries are shown, and that there may be more where the page is full."""
    newest = "the newest " if shown == PAGE else ""
    return f"{newest}{shown} of {all_of_them:,} entries".capitalize()


@st.cache_resource(max_entries=16, show_spinner=False)
def _answered(home: str, newest: int, when: str) -> tuple[ServedAt, ...]:  # noqa: ARG001  both only say which ledger, as of when
    return wiring.current().backend.auditing.served(when)


def _served(newest: int) -> None:
    """The auditor's question, asked by a moment in the URL, and the ledger as a file."""
    draw(card_head("What served at a moment", "times in UTC"))
    ask, save = st.columns([0.7, 0.3], vertical_alignment="bottom")
    with ask:
        moment = st.datetime_input("Moment", value=None, key="at", bind="query-params", step=60, format="YYYY-MM-DD")
    with save:
        _download()
    if moment is None:
        return
    try:
        answers = _answered(str(wiring.current().settings.home), newest, moment.isoformat(timespec="minutes"))
    except Rejected as refusal:
        draw(notice("No answer", Untrusted(str(refusal), 300), "warn", "schedule"))
        return
    for answer in answers:
        draw(served(answer))


def _download() -> None:
    """The file is made when somebody asks for it, not when the page is drawn."""
    auditing = wiring.current().backend.auditing
    st.download_button(
        "Export the ledger",
        lambda: b"".join(auditing.export()),
        file_name="ledger.jsonl",
        mime="application/x-ndjson",
        key="export_ledger",
        icon=":material/download:",
        on_click="ignore",
        help="Every entry as JSON lines. `mlops audit verify --file ledger.jsonl` proves it without a network.",
    )


def _chain(report: ChainReport) -> Pill:
    if report.whole:
        return Pill(f"Chain verified, {report.entries} entries", "good", "verified")
    return Pill("Chain broken", "bad", "link_off")


def _rows(entries: tuple[AuditEntry, ...], filtered: bool) -> None:
    if not entries:
        if filtered:
            draw(
                empty("No entry matches", "Subject and actor must match exactly; a subject may end in *.", "search_off")
            )
        else:
            would_be = "Every approval, promotion, change of traffic and setup, with who did it and why."
            draw(empty("The ledger is empty", would_be, "history"))
        return
    heads = (
        Column("#", number=True),
        Column("When"),
        Column("Who", breaks=True),
        Column("What", breaks=True),
        Column("Why", breaks=True),
        Column("Hash"),
    )
    draw(table(heads, [_row(entry) for entry in entries], caption="Ledger"))


def _what(entry: AuditEntry) -> Content:
    said = wording(entry)
    return word(Pill(said, "bad", symbol(entry.action))) if entry.action.startswith(ALARM) else strong(said)


def _row(entry: AuditEntry) -> tuple[Content, ...]:
    return (
        str(entry.sequence),
        stamp(entry.at).removesuffix(" UTC"),
        two_lines(strong(Untrusted(entry.actor, 60)), entry.channel),
        two_lines(_what(entry), Untrusted(entry.subject, 100)),
        two_lines(Untrusted(entry.reason or "–", 300), Untrusted(change(entry), 120)),
        copyable(entry.hash.removeprefix("sha256:")),
    )


show()
