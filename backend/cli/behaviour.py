"""`mlops behaviour`: drift, data quality and performance of what serves, and retrainings that were proposed."""

from __future__ import annotations

import click

from backend.cli.output import json_option, moment, print_json, print_table
from backend.cli.session import backend, current_actor
from backend.domain.behaviour import Behaviour, Standing
from backend.domain.data_profile import DataProfile
from backend.domain.retraining import Proposal
from backend.domain.signals import Signal, SignalState
from backend.errors import NotFound
from backend.settings import load

SIGNS = {SignalState.QUIET: "=", SignalState.FIRING: "!", SignalState.UNKNOWN: "?"}


@click.group()
def behaviour() -> None:
    """How the model that serves behaves, as the worker last saw it."""


@behaviour.command()
@json_option
def show(as_json: bool) -> None:
    """The newest look. Exit code 1 where something is out of its band, or the monitor is not to be trusted."""
    known, endpoint = backend(), load().project.endpoint
    found, told = known.behaviour.newest(endpoint), known.behaviour.signals(endpoint)
    problem = known.behaviour.monitor_problem(endpoint)
    if as_json:
        print_json({"behaviour": found, "signals": list(told), "monitor_problem": problem})
        return
    if found is None:
        click.echo(problem)
    else:
        click.echo(_head(found))
        print_table(("", "Rule", "Subject", "n", "What was found"), map(_row, told), "Nothing was tested.")
        _estimates(found)
    if problem or any(one.state is SignalState.FIRING for one in told):
        raise click.exceptions.Exit(1)


@behaviour.command()
@click.argument("version")
@json_option
def profile(version: str, as_json: bool) -> None:
    """What a version was trained on: distributions, missing values, outcome by band, leakage, duplicates."""
    found = backend().behaviour.profile(version.removeprefix("v"))
    if found is None:
        raise NotFound(
            f"Nothing is known of the data of v{version.removeprefix('v')}: its run described none, or it never served."
        )
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    _profile(found)


@behaviour.command()
@json_option
def retrainings(as_json: bool) -> None:
    """Retrainings that the monitoring has proposed, and what people said."""
    known, endpoint = backend(), load().project.endpoint
    found = known.behaviour.proposals(endpoint)
    if as_json:
        print_json(list(found))
        return
    heads = ("Id", "Proposed", "State", "Version", "Trigger", "Why", "Decided by", "Outcome")
    print_table(heads, map(_proposal, found), "None was proposed.")
    if found and (why := known.behaviour.holds_back(endpoint)):
        click.echo(why)


@behaviour.command()
@click.argument("proposal_id")
@click.option("--reason", required=True, help="Why now: the ledger keeps it for ever.")
@json_option
def accept(proposal_id: str, reason: str, as_json: bool) -> None:
    """Have the training workflow started. What it registers is tested and decided about as any version."""
    settings, known = load(), backend()
    _told(known.behaviour.accept(current_actor(settings, known), proposal_id, reason), as_json)


@behaviour.command()
@click.argument("proposal_id")
@click.option("--reason", required=True, help="Why not: the ledger keeps it for ever.")
@json_option
def dismiss(proposal_id: str, reason: str, as_json: bool) -> None:
    """Say no to a proposed retraining."""
    settings, known = load(), backend()
    _told(known.behaviour.dismiss(current_actor(settings, known), proposal_id, reason), as_json)


def _head(found: Behaviour) -> str:
    covered = found.labels.coverage
    share = f"{100 * covered:.0f} %" if covered is not None else "none"
    delay = f", half of them within {found.labels.delay_median:.1f} h" if found.labels.delay_median is not None else ""
    return (
        f"v{found.version} ({found.deployment}) at {moment(found.at)}: {found.rows:,} rows, the newest of "
        f"{moment(found.newest)}; labels of {share} of {found.labels.answered:,} answers{delay}"
    )


def _row(told: Signal) -> tuple[str, ...]:
    return SIGNS[told.state], told.rule, told.subject or "-", f"{told.n:,}", told.words


def _estimates(found: Behaviour) -> None:
    rows = (
        (
            one.metric,
            f"{one.value:.3f}",
            f"{one.low:.3f} to {one.high:.3f}",
            _figure(one.reference),
            _figure(one.limit),
            one.standing.value,
        )
        for one in found.estimated
    )
    heads = ("Estimated", "Without labels", "Where labels would put it", "Holdout", "Chance alone", "Standing")
    print_table(heads, rows, "No row to estimate from.")
    real = (
        (one.metric, _figure(one.value), f"{one.n:,}", _figure(one.reference), one.standing.value)
        for one in found.realised
        if one.standing is not Standing.TOO_LITTLE or one.n
    )
    print_table(("Realised", "With labels", "n", "Expected", "Standing"), real, "No label yet.")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _profile(found: DataProfile) -> None:
    twice = found.duplicates
    click.echo(
        f"{found.rows:,} rows of {found.patients:,} patients, {found.positives:,} ill; {twice.returning_patients} "
        f"return, {twice.rows} rows are alike, {twice.contradicting} of them with another outcome; "
        f"{twice.shared_groups} patients are on both sides of the split"
    )
    heads = ("Feature", "Unit", "Missing", "Least", "Mean", "Most", "AUC alone")
    rows = (
        (f.name, f.unit, f.missing, f"{f.minimum:g}", f"{f.mean:.4g}", f"{f.maximum:g}", f"{f.auc:.3f}")
        for f in found.features
    )
    print_table(heads, rows, "No feature.")
    bands = ((b.axis, b.band, f"{b.rows:,}", f"{b.positives:,}") for b in found.bands)
    print_table(("Axis", "Band", "Rows", "Ill"), bands, "No band.")


def _proposal(one: Proposal) -> tuple[str, ...]:
    return (
        one.id,
        moment(one.proposed_at),
        one.state.value,
        f"v{one.version}",
        one.trigger.value,
        one.why,
        one.decided_by or "-",
        one.outcome or "-",
    )


def _told(one: Proposal, as_json: bool) -> None:
    if as_json:
        print_json(one)
    else:
        click.echo(f"{one.id}: {one.state.value} by {one.decided_by}")
