"""`mlops approve`, `promote`, `rollback`, `pause`, `resume`, `abort`, `promote-now`: the decisions."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import click

from backend.cli.models import find_version
from backend.cli.output import json_option, print_json
from backend.cli.session import backend, current_actor
from backend.domain.people import Actor
from backend.domain.promotions import Phase, Promotion
from backend.errors import NotFound, PolicyDenied
from backend.settings import load

if TYPE_CHECKING:
    from backend.bootstrap import Backend

WAIT_LIMIT = 24 * 3600


reason_option = click.option("--reason", required=True, help="Kept in the ledger for ever.")
acknowledge_option = click.option(
    "--acknowledge",
    multiple=True,
    metavar="GATE",
    help="An advisory gate that did not pass and is accepted; repeatable.",
)
wait_option = click.option("--wait/--no-wait", default=False, help="Show its progress until it ends.")


def _session() -> tuple[Backend, Actor]:
    known = backend()
    return known, current_actor(load(), known)


@click.command()
@click.argument("version")
@reason_option
@acknowledge_option
@json_option
def approve(version: str, reason: str, acknowledge: tuple[str, ...], as_json: bool) -> None:
    """Approve a tested model version for production."""
    known, actor = _session()
    approval = known.models.approve(actor, find_version(known, version), reason, str(uuid.uuid4()), acknowledge)
    if as_json:
        print_json(approval)
        return
    click.echo(f"Approved v{approval.version} ({approval.digest})")
    missing = known.models.dossier(find_version(known, version)).assent
    if not missing.complete:
        click.echo(f"Still needed: {missing.still_needed}")


@click.command()
@click.argument("version")
@reason_option
@click.option("--approve", "approving", is_flag=True, help="Approve it in the same command, if it is not yet.")
@acknowledge_option
@wait_option
@json_option
def promote(
    version: str, reason: str, approving: bool, acknowledge: tuple[str, ...], wait: bool, as_json: bool
) -> None:
    """Send production traffic to an approved version, in the steps of its rollout."""
    known, actor = _session()
    found = find_version(known, version)
    stable = _stable(known)
    key = str(uuid.uuid4())
    if approving:
        begun = known.promotions.approve_and_promote(actor, found, stable, reason, key, acknowledge)
    else:
        begun = known.promotions.promote(actor, found, stable, reason, key)
    _follow(known, begun, wait, as_json)


@click.command()
@click.argument("version")
@reason_option
@click.option("--threshold", type=float, help="Another threshold than the one last tested: this is how it is chosen.")
@wait_option
@json_option
def stage(version: str, reason: str, threshold: float | None, wait: bool, as_json: bool) -> None:
    """Test a version on the test endpoint again, for fresh evidence."""
    known, actor = _session()
    begun = known.promotions.stage(actor, find_version(known, version), reason, str(uuid.uuid4()), threshold)
    _follow(known, begun, wait, as_json)


@click.command()
@reason_option
@click.option("--to", "to_version", default="", help="A version that has served; the previous one if none is named.")
@wait_option
@json_option
def rollback(reason: str, to_version: str, wait: bool, as_json: bool) -> None:
    """Give all production traffic back to an earlier version, and hold automation."""
    known, actor = _session()
    promotion = known.promotions.roll_back(
        actor, _stable(known), reason, str(uuid.uuid4()), to_version.removeprefix("v")
    )
    _follow(known, promotion, wait, as_json)


@click.command()
@reason_option
@json_option
def pause(reason: str, as_json: bool) -> None:
    """Stay at the present weight until resumed."""
    _control("pause", reason, as_json)


@click.command()
@reason_option
@json_option
def resume(reason: str, as_json: bool) -> None:
    """Go on with a paused promotion."""
    _control("resume", reason, as_json)


@click.command("promote-now")
@reason_option
@json_option
def promote_now(reason: str, as_json: bool) -> None:
    """Go on to the next weight without the rest of the observation."""
    _control("promote now", reason, as_json)


@click.command()
@reason_option
@wait_option
@json_option
def abort(reason: str, wait: bool, as_json: bool) -> None:
    """Give traffic back to the stable deployment and remove the candidate."""
    _control("abort", reason, as_json, wait)


@click.command("release-hold")
@reason_option
def release_hold(reason: str) -> None:
    """Let promotions go on after a rollback or an abort."""
    known, actor = _session()
    known.steering.release_hold(actor, reason)
    click.echo("The hold is released")


def _stable(known: Backend) -> str:
    endpoint = known.endpoints.show(load().project.endpoint)
    return (endpoint.stable or "") if endpoint else ""


def _control(verb: str, reason: str, as_json: bool, wait: bool = False) -> None:
    known, actor = _session()
    active = known.promotions.active(load().project.endpoint)
    if active is None:
        raise NotFound(f"Nothing is being promoted on {load().project.endpoint}, so there is nothing to {verb}.")
    action = {
        "pause": known.steering.pause,
        "resume": known.steering.resume,
        "abort": known.steering.abort,
        "promote now": known.steering.promote_now,
    }[verb]
    wanted = Phase.ROLLED_BACK if verb == "abort" else Phase.SUCCEEDED
    _follow(known, action(actor, active.id, reason), wait, as_json, wanted)


def _follow(known: Backend, promotion: Promotion, wait: bool, as_json: bool, wanted: Phase = Phase.SUCCEEDED) -> None:
    """Print it, or its progress until it ends; ending in another phase than the one wanted is exit code 2."""
    shown, end = "", time.monotonic() + WAIT_LIMIT
    while (
        wait and not promotion.phase.final and promotion.phase is not Phase.NEEDS_ATTENTION and time.monotonic() < end
    ):
        line = f"{promotion.phase.value}: {promotion.reason}"
        if line != shown and not as_json:
            click.echo(line, err=True)
        shown = line
        time.sleep(0.5)
        promotion = known.promotions.get(promotion.id)
    if as_json:
        print_json(promotion)
    else:
        click.echo(
            f"{promotion.kind.value} of v{promotion.target.version}: {promotion.phase.value}. {promotion.reason}"
        )
    if wait and promotion.phase is not wanted:
        raise PolicyDenied(f"It ended as {promotion.phase.value}: {promotion.reason}", (promotion.reason,))
