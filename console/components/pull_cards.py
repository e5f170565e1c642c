"""The cards of a pull request's page."""

from __future__ import annotations

from datetime import datetime

from backend.domain.reviews import PullRequest, PullRequestDetail
from console.components.cards import card, word
from console.components.comparison_cards import metric_cells
from console.components.markup import Html, fill
from console.components.states import empty
from console.components.tables import Column, code, table, two_lines
from console.viewmodels.comparison import for_patients, holdout, metric_rows, sentence, verdict
from console.viewmodels.figures import ago, short_commit
from console.viewmodels.pulls import check_lines, counted, why_not_compared
from console.viewmodels.state import VERDICTS
from console.viewmodels.text import Untrusted


def checks_card(pull: PullRequest) -> Html:
    lines = check_lines(pull)
    if not lines:
        would_be = "Lint, unit tests, data checks and a training run, as the repository's workflows report them."
        return card("Checks", empty("No check has started", would_be, "rule"), name="checks")
    rows = [
        (
            two_lines(fill("<b>{name}</b>", name=line.name), "required") if line.required else line.name,
            word(line.state),
            line.reason or Html('<span class="quiet">–</span>'),
            line.took,
        )
        for line in lines
    ]
    heads = (Column("Check"), Column("Result"), Column("Why"), Column("Took", number=True))
    note = Untrusted(counted(pull), 120)
    return card("Checks", table(heads, rows, caption="Checks"), note=note, name="checks")


def comparison_card(detail: PullRequestDetail, now: datetime) -> Html:
    compared = detail.comparison
    if compared is None:
        would_be = "The model of this branch against the champion's commit, both trained on the same dev data and seed."
        title = f"Not compared: {why_not_compared(detail.summary)}"
        return card("Against the champion", empty(title, would_be, "compare_arrows"), name="comparison")
    heads = (
        Column("Metric"),
        Column(two_lines("champion", code(short_commit(compared.champion.commit))), number=True),
        Column(two_lines("this branch", code(short_commit(compared.challenger.commit))), number=True),
        Column("Difference", number=True),
        Column("95 % interval", number=True),
        Column("Verdict"),
    )
    body = table(heads, [metric_cells(row) for row in metric_rows(compared)], caption="Against the champion")
    found = verdict(compared)
    lead = fill(
        "<p>{sentence}</p><p>{patients}</p><p class=quiet>{holdout}</p>{table}",
        sentence=sentence(compared),
        patients=for_patients(compared),
        holdout=Untrusted(holdout(compared), 240),
        table=body,
    )
    note = fill(
        "{verdict} compared {when}",
        verdict=word(VERDICTS[found]) if found else Html(""),
        when=ago(compared.made_at, now),
    )
    return card("Against the champion", lead, note=note, name="comparison")
