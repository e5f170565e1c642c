"""Making a run once more: retry, reproduce, and whether the reproduction said the same."""

from __future__ import annotations

from backend.domain.clock import utc_now
from backend.domain.people import Actor
from backend.domain.run_requests import RequestKind, RunRequest
from backend.domain.runs import Run, RunState
from console import navigation
from console.components.cards import card, word
from console.components.dialogs import confirm_body
from console.components.markup import Content, Html, card_head, draw, fill
from console.components.states import empty
from console.components.tables import Column, table
from console.viewmodels.figures import ago, metric
from console.viewmodels.state import RUNS, Pill
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

SAME, OTHER = Pill("within tolerance", "good", "check_circle"), Pill("differs", "bad", "error")
WORDS = {
    RequestKind.RETRY: ("Retry this run", "once more from the same code, data and environment"),
    RequestKind.REPRODUCE: (
        "Reproduce this run",
        "from the same commit, data and environment; its metrics are compared",
    ),
}


def ask_again(wired: Wiring, actor: Actor, run: Run, kind: RequestKind) -> None:
    """The dialog's body."""
    title, what = WORDS[kind]
    confirm_body(
        [("Runs", "1", "2")],
        fill("<p>The worker submits {name} {what}.</p>", name=Untrusted(run.name or run.id, 80), what=what),
        form=f"{kind.value}_{run.id}",
        label=title,
        reason="",
        done=f"Asked for: {kind.value} of {run.id}.",
        wish=lambda key, why: wired.backend.run_requests.again(actor, kind, run.workspace, run.id, why, key),
    )


def again_tab(wired: Wiring, run: Run) -> None:
    """What was asked about this run, and what came of each."""
    asked = wired.backend.run_requests.of_run(run.workspace, run.id)
    if not asked:
        would_be = "Each retry and reproduction of this run, with its metrics beside these and whether they agree."
        draw(card("Made again", empty("Not made again yet", would_be, "replay")))
        return
    keys = [f"{one.workspace}/{one.run}" for one in asked if one.run]
    known = {found.id: found for found in wired.backend.runs.known(keys)}
    for number, one in enumerate(asked):
        _one(wired, run, one, known.get(one.run), number)


def _one(wired: Wiring, run: Run, asked: RunRequest, made: Run | None, number: int) -> None:
    said = fill(
        "{kind} asked for by {by}, {ago}: {reason}",
        kind=asked.kind.value,
        by=Untrusted(asked.by, 40),
        ago=ago(asked.at, utc_now()),
        reason=Untrusted(asked.reason, 300),
    )
    state: Content = word(RUNS[made.state]) if made is not None else Untrusted(asked.outcome or asked.state.value, 300)
    draw(card_head(asked.kind.value.capitalize(), state))
    draw(fill('<p class="quiet">{said}</p>', said=said))
    if asked.run:
        navigation.link(navigation.EXPERIMENTS, Untrusted(asked.run, 60), f"again_{number}", "experiment",
                        run=f"{asked.workspace}/{asked.run}")  # fmt: skip
    if made is not None and made.state is RunState.COMPLETED:
        draw(_metrics(wired, run, made))


def _metrics(wired: Wiring, run: Run, made: Run) -> Html:
    rows: list[tuple[Content, ...]] = [
        (
            Untrusted(one.metric, 60),
            metric(one.before, 4),
            metric(one.after, 4),
            word(SAME if one.within else OTHER),
        )
        for one in wired.backend.runs.repeated(run, made)
    ]
    heads = (Column("Metric"), Column("Then", number=True), Column("Now", number=True), Column(""))
    return table(heads, rows, caption="Reproduced metrics")
