"""The entry script of every run: look, identity, menu, page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.domain.clock import utc_now
from backend.domain.people import Actor, Right
from console import navigation, wiring
from console.components.alarm import alarm
from console.components.alert_strip import alert_strip
from console.components.bell import bell
from console.components.markup import draw, fill, icon, join
from console.session import keep_address, sign_out, signed_in
from console.styles import style_sheet
from console.viewmodels.figures import ago

HERE = Path(__file__).resolve().parent


def _foot(actor: Actor) -> None:
    """The bell, the environment, the person, and the way out, at the bottom of the menu."""
    bell(actor)
    label = wiring.current().settings.environment_label
    if label:
        draw(fill('<div class="label-box">{icon}{label}</div>', icon=icon("laptop_mac"), label=label))
    _sources()
    draw(
        fill(
            '<div class="me"><span class="face" aria-hidden="true">{initial}</span>'
            "<span><b>{name}</b> · {what}</span></div>",
            initial=actor.name[:1],
            name=actor.name,
            what=_duty(actor),
        )
    )
    st.button("Sign out", key="sign_out", type="tertiary", on_click=sign_out)


def _sources() -> None:
    """A word about each service that does not answer."""
    down = [(s, r) for s, r in wiring.current().snapshots.health().items() if r.problem]
    if down:
        now = utc_now()
        rows = join(
            fill(
                "<li><span>{source} {what}</span><span>{age}</span></li>",
                source=source.value,
                what="does not answer" if reading.at else "has not answered yet",
                age=ago(reading.at, now) if reading.at else "",
            )
            for source, reading in down
        )
        draw(fill('<ul class="sources" aria-label="Services that do not answer">{rows}</ul>', rows=rows))


def _duty(actor: Actor) -> str:
    if actor.may(Right.PROMOTE):
        return "approves and promotes"
    if actor.may(Right.CONTROL):
        return "pauses, aborts, rolls back"
    return "proposes changes" if actor.may(Right.OPEN_PULL_REQUEST) else "reads"


st.set_page_config(page_title="MLOps Console", page_icon=str(HERE / "static" / "icon.svg"), layout="wide")
draw(style_sheet())
person = signed_in()
st.logo(str(HERE / "static" / "logo.svg"), size="medium", icon_image=str(HERE / "static" / "icon.svg"))
page = navigation.menu(person.roles)
navigation.land(page, person.roles)
keep_address(page.url_path)
with st.sidebar:
    _foot(person)
alarm()
alert_strip()
page.run()
