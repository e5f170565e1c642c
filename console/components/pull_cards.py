"""The cards of a pull request's page."""

from __future__ import annotations

from datetime import datetime

from backend.domain.reviews import PullRequest, PullRequestDetail
from console.components.cards import card, word
from console.components.comparison_cards import metric_cells
from console.components.diff import prose
from console.components.markup import Html, card_head, fill, join
from console.components.states import empty, notice
from console.components.tables import Column, code, table, two_lines
from console.viewmodels.comparison import for_patients, holdout, metric_rows, sentence, verdict
from console.viewmodels.figures import ago, plural, short_commit
from console.viewmodels.pulls import CheckLine, check_lines, why_not_compared
from console.viewmodels.state import VERDICTS
from console.viewmodels.text import Untrusted


def checks_table(pull: PullRequest, note: Untrusted) -> Html:
    """Failed ones first, each with what it found."""
    rows = [
        (
            two_lines(fill("<b>{name}</b>", name=line.name), "required") if line.required else line.name,
            word(line.state),
            _why(line),
            line.took,
        )
        for line in check_lines(pull)
    ]
    heads = (Column("Check"), Column("Result"), Column("Why", breaks=True), Column("Took", number=True))
    body = table(heads, rows, caption="Checks")
    head = card_head("Checks", note)
    return fill('<section class="checks">{head}{body}</section>', head=head, body=body)


def _why(line: CheckLine) -> Html:
    """The plain reason; what else a failed check found unfolds below it."""
    if not line.reason:
        return Html('<span class="quiet">–</span>')
    reason = fill("{reason}", reason=line.reason)
    problems = line.check.problems
    told = problems[0].message.strip() if problems else ""
    if len(problems) < 2 and "\n" not in told and len(told) <= len(line.reason.one_line()):
        return reason
    found = join(
        fill(
            "<li><code>{place}</code>{words}</li>",
            place=Untrusted(f"{p.path}:{p.line}" if p.line else p.path, 120),
            words=prose(Untrusted(p.message, 2_000), "words"),
        )
        for p in problems
    )
    summary = plural(len(problems), "problem")
    return fill(
        '{reason}<details class="problems"><summary>{summary}</summary><ul>{found}</ul></details>',
        reason=reason,
        summary=summary,
        found=found,
    )


def comparison_card(detail: PullRequestDetail, now: datetime, void: str = "") -> Html:
    """`void` says why it is not to be decided on, "" where it is."""
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
        "{void}<p>{sentence}</p><p>{patients}</p><p class=quiet>{holdout}</p>{table}",
        void=notice("Void", void, "warn", "history") if void else Html(""),
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
