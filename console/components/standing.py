"""Where a version stands, with the sentence behind the word."""

from __future__ import annotations

from backend.domain.decisions import Dossier
from backend.domain.registry import VersionState
from console.components.cards import word
from console.components.markup import Html, fill
from console.components.states import notice
from console.viewmodels.state import VERSIONS, Pill
from console.viewmodels.text import Untrusted

_SAID_BY_THE_PAGE = {VersionState.PROMOTING, VersionState.TESTING}
"""What is under way has a page that tells it step by step."""


RETIRED = Pill("Retired", "quiet", "archive")


def pill_of(dossier: Dossier) -> Pill:
    """The state's word; of what is out of use for good, that."""
    gone = dossier.quarantine is not None and dossier.quarantine.retired
    return RETIRED if gone and dossier.state is VersionState.QUARANTINED else VERSIONS[dossier.state]


def standing_line(dossier: Dossier, where: str = "") -> Html:
    """For a list: the word, where it runs, and why it stands there."""
    return fill(
        "{state}{where}{why}",
        state=word(pill_of(dossier)),
        where=_line(where),
        why=_line(_why(dossier, 160)),
    )


def standing_notice(dossier: Dossier) -> Html:
    """For the version's own page; nothing where the word tells everything."""
    why = _why(dossier, 600)
    if not why:
        return Html("")
    state = VERSIONS[VersionState.QUARANTINED] if dossier.quarantine else VERSIONS[dossier.state]
    state = RETIRED if dossier.quarantine and dossier.quarantine.retired else state
    return notice(state.text, why, state.tone if state.tone in {"warn", "bad"} else "info", state.symbol)


def _why(dossier: Dossier, limit: int) -> Untrusted:
    return Untrusted("" if dossier.state in _SAID_BY_THE_PAGE else dossier.why, limit)


def _line(text: str | Untrusted) -> Html:
    return fill('<span class="two">{text}</span>', text=text) if text else Html("")
