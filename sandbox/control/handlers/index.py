"""The first page of the browser's port: what this world is, who lives in it, what has happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.accounts import PEOPLE, PROGRAMS, TENANT
from sandbox.control.handlers.practitioners import PractitionersControl
from sandbox.control.population import Population, read_population
from sandbox.identity.pages import NOTICE, page
from sandbox.journal import Entry, Journal
from sandbox.world import World

SHOWN = 15


@dataclass(frozen=True, slots=True)
class Index:
    world: World
    practitioners: PractitionersControl

    def read(self, request: Request) -> Response:
        """What this world is, its accounts and addresses, the practitioners' control, the newest requests."""
        journal: Journal = request.app.state.journal
        body = (
            '<p class="quiet">Azure ML, Entra, GitHub and Azure Monitor on this machine, for the MLOps Console.</p>'
            f'<p class="notice">{NOTICE}</p>'
            + _practitioners(self.practitioners.state())
            + _population(read_population(self.world))
            + _accounts()
            + _addresses(self.world)
            + _requests(journal.entries(SHOWN))
        )
        return page("Sandbox", body, wide=True)


def _practitioners(state: dict[str, Any]) -> str:
    doing = "ask the production endpoint" if state["asking"] else "will ask the production endpoint once it serves,"
    until = f" until {escape(state['fixed_until'][11:16])} UTC" if state["fixed_until"] else ", by the time of day"
    buttons = "".join(
        f'<button class="plain" name="change" value="{value}" aria-label="{label}">{text}</button>'
        for value, text, label in (
            ("minus", "&minus;", "Half as often"),
            ("plus", "+", "Twice as often"),
            ("busy", "Busy for 10 minutes", "Busy for 10 minutes"),
            ("daily", "As the day goes", "Back to the shape of the day"),
        )
    )
    trouble = ""
    if state["errors"]:
        when = escape(str(state["last_error_at"])[11:19])
        trouble = f'<p class="notice">Last error at {when} UTC: <code>{escape(state["last_error"])}</code></p>'
    return (
        f"<h2>Practitioners</h2><p>They {doing} {state['per_second']:g} times a second{until}.</p>"
        f'<form method="post" action="/control/practitioners" class="row">{buttons}</form>'
        f'<p class="quiet">{state["sent"]} sent, {state["answered"]} answered, {state["errors"]} errors, '
        f"{state['last_minute']} in the last minute.</p>{trouble}"
    )


def _population(population: Population) -> str:
    """Buttons that say what they do next, and words for how it is now."""
    kinds = (
        ("older", "older patients", population.older),
        ("insulin", "another laboratory's insulin unit (pmol/L)", population.insulin),
        ("stuck", "a device that shows everybody the same blood pressure", population.stuck),
    )
    buttons = "".join(
        f'<button class="plain" name="shift" value="{value}" aria-pressed="{str(on).lower()}">'
        f"{'No longer' if on else 'Now'}: {text}</button>"
        for value, text, on in kinds
    )
    now = ", ".join(text for _, text, on in kinds if on) or "like those whom the model learned from"
    return (
        f"<h2>Patients</h2><p>They are now: {now}. Their outcomes come days later, at a minute a day.</p>"
        f'<form method="post" action="/control/population" class="row">{buttons}'
        '<button class="plain" name="shift" value="before">All as before</button></form>'
    )


def _accounts() -> str:
    people = [(f"<code>{p.login}</code>", escape(p.name), ", ".join(p.roles), p.permission) for p in PEOPLE]
    programs = [
        (f"<code>{p.name}</code>", f"<code>{p.client_id}</code>", ", ".join(p.workspaces).replace("*", "all"),
         "may change endpoints" if p.may_write_endpoints else "")
        for p in PROGRAMS
    ]  # fmt: skip
    return (
        "<h2>People</h2>"
        + _table(("Account", "Name", "Role in the console", "GitHub permission"), people)
        + "<h2>Programs</h2>"
        + _table(("Name", "Client id", "Workspaces", "Rights"), programs)
    )


def _addresses(world: World) -> str:
    settings = world.settings
    rows = [
        ("SDKs, tokens and git", f"<code>{settings.url}</code>"),
        ("Private authority", f"<code>{escape(str(settings.ca_file))}</code>"),
        ("Sign-in metadata", _link(f"/{TENANT}/v2.0/.well-known/openid-configuration")),
        ("Enter a terminal's code", _link("/device")),
        ("Requests, as JSON", _link("/control/journal?limit=100")),
        ("Faults in force", _link("/control/faults")),
    ]
    return "<h2>Addresses</h2>" + _table(("What", "Where"), rows)


def _requests(entries: Sequence[Entry]) -> str:
    if not entries:
        return "<h2>Requests</h2><p class=quiet>None yet: every request to the simulated services appears here.</p>"
    rows = [
        (entry.at[11:19], escape(entry.principal or "nobody"), entry.method, f"<code>{escape(entry.path)}</code>",
         str(entry.status), f"{entry.ms:.0f} ms")
        for entry in entries
    ]  # fmt: skip
    return "<h2>Requests</h2>" + _table(("UTC", "Who", "Method", "Path", "Status", "Took"), rows)


def _link(address: str) -> str:
    return f'<a href="{escape(address)}"><code>{escape(address)}</code></a>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    titles = "".join(f"<th>{title}</th>" for title in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"
