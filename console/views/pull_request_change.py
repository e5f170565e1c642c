"""The change itself on a pull request's page: its model, checks, files, and where the model went."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.registry import VersionState
from backend.domain.reviews import CheckState, PullRequestDetail
from backend.domain.runs import RunCurves
from console import navigation, topics
from console.components.cards import card, word
from console.components.charts import chart
from console.components.diff import diff
from console.components.labels import literal
from console.components.markup import Html, card_head, draw, fill, outside_link
from console.components.pull_cards import checks_table, comparison_card
from console.components.states import empty, freshness, waiting
from console.session import numbered
from console.viewmodels.experiments import overlaid
from console.viewmodels.figures import ago, plural
from console.viewmodels.pull_page import comparison_void, descendants
from console.viewmodels.pulls import closed, counted
from console.viewmodels.stages import Surroundings
from console.viewmodels.state import VERSIONS
from console.viewmodels.text import Untrusted
from console.wiring import Wiring

LOG = "log"
"""The job in the address whose log is shown."""
EVERY_FILE = "every file"


def model(wired: Wiring, world: Surroundings, detail: PullRequestDetail) -> None:
    """Metrics against the champion with the verdict, and the curves of both runs."""
    serving = next((d.version.lineage.commit for d in world.dossiers if d.state is VersionState.SERVING), "")
    draw(comparison_card(detail, utc_now(), comparison_void(detail, serving)))
    compared = detail.comparison
    if compared is None:
        return
    place = wired.settings.project.dev_workspace
    sides = (compared.champion.run, compared.challenger.run)
    readings = [wired.snapshots.watch(topics.run(place, run)) for run in sides if run]
    details = [reading.value for reading in readings if reading.value]
    curves = [RunCurves(key=detail.run.key, curves=detail.curves) for detail in details]
    charts = overlaid([detail.run for detail in details], curves)
    if not charts:
        return
    with st.container(border=True, key="card_pull_curves"):
        draw(card_head("Curves on the dev holdout", "first the champion, then this branch"))
        for column, content in zip(st.columns(len(charts)), charts, strict=True):
            with column:
                draw(fill('<p class="quiet">{title}</p>', title=content.title))
                chart(content)


def checks(detail: PullRequestDetail, run_again: Callable[[], None]) -> None:
    """Each check with its plain reason; the log of one a click away."""
    pull = detail.summary
    with st.container(border=True, key="card_checks"):
        if not pull.checks:
            would_be = "Lint, unit tests, data checks and a training run, as the repository's workflows report them."
            draw(card_head("Checks"))
            draw(empty("No check has started", would_be, "rule"))
            return
        draw(checks_table(pull, Untrusted(counted(pull), 120)))
        failed = [c for c in pull.checks if c.state in {CheckState.FAILED, CheckState.CANCELLED}]
        if failed and not closed(detail):
            logged = [check for check in failed if check.job]
            with st.container(horizontal=True, key="check_acts"):
                for check in logged[:6]:
                    _log_button(check.job, check.name)
                with st.container(width=250):
                    run_again()
        _log(detail)


def _log_button(job: int, name: str) -> None:
    def show() -> None:
        st.query_params[LOG] = str(job)

    st.button(f"Log of {literal(name, 40)}", key=f"log_{job}", icon=":material/article:", on_click=show)


def _log(detail: PullRequestDetail) -> None:
    """The end of the log that the address asks for, if it is one of this pull request's."""
    from console import wiring

    job = numbered(LOG)
    check = next((check for check in detail.summary.checks if job and check.job == job), None)
    if job is None or check is None:
        return
    reading = wiring.current().snapshots.watch(topics.job_log(job))
    draw(freshness(reading, utc_now()))
    title = fill("The end of the log of {name}", name=Untrusted(check.name, 60))
    whole = outside_link("The whole log on GitHub", check.url)
    if reading.value is None:
        gone = empty("GitHub keeps this log no more", "Run the check again to have a new one.", "article")
        draw(gone if reading.at else waiting(reading, "the log"))
    else:
        text = Html(html.escape(Untrusted(reading.value).lines(70_000)) or "The log is empty.")
        body = fill('<pre class="log" tabindex="0" aria-label="Log">{text}</pre>', text=text)
        draw(card(title, body, note=whole, name="check-log"))


def files(detail: PullRequestDetail) -> None:
    """Every changed file; one can be chosen to be read alone."""
    pull = detail.summary
    with st.container(border=True, key="card_files"):
        counts = '<span class="good">+{a}</span> <span class="bad">−{d}</span>'
        note = fill(counts, a=f"{pull.additions:,}", d=f"{pull.deletions:,}")
        draw(card_head(f"Files changed, {pull.changed_files:,}", note))
        if not detail.files:
            draw(empty("No changed file", "The diff of each changed file.", "difference"))
            return
        more = f"{pull.url}/files" if pull.url else ""
        chosen = EVERY_FILE
        if len(detail.files) > 1:
            names = [file.path for file in detail.files]
            chosen = st.selectbox(
                "Show",
                [EVERY_FILE, *names],
                key="file",
                bind="query-params",
                format_func=lambda name: Untrusted(name, 160).one_line(),
            )
        alone = [file for file in detail.files if file.path == chosen]
        body = diff(alone or detail.files, more, alone=bool(alone))
        draw(fill('<section class="files">{body}</section>', body=body))
        if len(detail.files) < pull.changed_files:
            left = plural(pull.changed_files - len(detail.files), "more file")
            draw(fill('<p class="quiet">{left} {link}</p>', left=left, link=outside_link("on GitHub", more)))


def lineage(wired: Wiring, world: Surroundings, detail: PullRequestDetail) -> None:
    """Forward: its runs, and the model versions that its merge made."""
    number = str(detail.summary.number)
    draw(card_head("Where it leads", "runs and versions"))
    runs = wired.backend.runs.of_pull(number)
    if runs:
        chosen = ",".join(run.key for run in runs[:6])
        navigation.link(navigation.EXPERIMENTS, plural(len(runs), "run"), "to_runs", "experiment", compare=chosen)
    versions = descendants(detail, world.versions.value or ())
    states = {dossier.version.version: dossier.state for dossier in world.dossiers}
    for version in versions:
        label = f"{version.name} v{version.version}"
        navigation.link(
            navigation.MODELS, label, f"version_{version.version}", "deployed_code", version=version.version
        )
        state = states.get(version.version)
        registered = f"registered {ago(version.created_at, utc_now())}"
        draw(
            fill(
                '{state} <span class="two">{r}</span>', state=word(VERSIONS[state]) if state else Html(""), r=registered
            )
        )
    if not versions:
        draw(fill('<p class="quiet">{words}</p>', words=_no_version(detail)))


def _no_version(detail: PullRequestDetail) -> str:
    if not detail.summary.trains:
        return "It changes no training code, so no model version comes of it."
    if detail.merged_sha:
        return "Its merge retrains on production data now; the version appears here once it is registered."
    return "No model version yet: its merge retrains on production data and registers one."
