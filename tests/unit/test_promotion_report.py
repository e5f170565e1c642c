"""The words over a version and its check run: what each standing says, and outside text that GitHub would act on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.decisions import Blocker
from backend.domain.headline import Readiness, headline
from backend.domain.registry import VersionState
from backend.operations.markdown import one_line, plain
from backend.operations.promotion_report import PAGE, report_of
from console.navigation import DEPLOYMENTS
from tests.recovery.hospital import LEAD, VIEWER, Hospital

CONSOLE = "https://console.hospital.example"
UNTIL = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
WINDOW = Blocker(what="Window", why="Frozen.", who="nobody needs to: it ends by itself", until=UNTIL)
LATER = WINDOW.model_copy(update={"until": UNTIL + timedelta(hours=1)})
APPROVAL = Blocker(what="Approval", why="None.", who="lead")
LATENCY = Blocker(what="Latency", why="Slow.", who="lead", hard=False, gate="latency", because="The ward waits.")
PAST = Blocker(what="Sensitivity", why="BREAK-GLASS", who="nobody has to now", hard=False, overridden=True)


@pytest.fixture(scope="module")
def decision(tmp_path_factory):
    """v1 serves, v2 has been tested."""
    hospital = Hospital.after(tmp_path_factory.mktemp("ward"), "1", staged="2")
    yield hospital.decision(VIEWER)
    hospital.close()


def standing(decision, state=VersionState.READY, blockers=(), why=""):
    dossier = decision.dossier.model_copy(update={"state": state, "why": why})
    return decision.model_copy(update={"dossier": dossier, "blockers": blockers})


@pytest.mark.parametrize(
    ("state", "blockers", "readiness", "words", "conclusion"),
    [
        ("ready", (), "ready", "Ready", "success"),
        ("approved", (LATENCY,), "ready", "Ready", "success"),
        ("ready", (PAST,), "ready", "Ready, by break-glass", "success"),
        ("ready", (LATENCY, APPROVAL), "blocked", "Blocked by approval (lead)", "action_required"),
        ("ready", (WINDOW, APPROVAL), "blocked", "Blocked by approval (lead)", "action_required"),
        ("ready", (WINDOW, LATER), "waiting", "Waiting for the window until Fri 27 Nov 19:00 UTC", "neutral"),
        ("testing", (APPROVAL,), "waiting", "Waiting for the test", "neutral"),
        ("registered", (), "waiting", "Waiting for the test", "neutral"),
        ("being promoted", (APPROVAL,), "settled", "Being promoted", "neutral"),
        ("serving", (APPROVAL,), "settled", "Serving", "neutral"),
        ("rejected", (APPROVAL,), "settled", "Rejected", "failure"),
        ("quarantined", (APPROVAL,), "settled", "Quarantined", "failure"),
    ],
)
def test_three_words_or_the_state_and_githubs_word_for_it(decision, state, blockers, readiness, words, conclusion):
    found = standing(decision, VersionState(state), blockers)
    said, report = headline(found), report_of(found, CONSOLE)
    assert (said.readiness, said.words, said.past_a_gate) == (Readiness(readiness), words, PAST in blockers)
    assert (report.title, report.conclusion) == (words, conclusion)


@pytest.mark.parametrize("state", ["superseded", "rolled back", "aborted"])
def test_what_is_over_says_how_and_lists_nothing(decision, state):
    report = report_of(standing(decision, VersionState(state), (APPROVAL,), "v3 has served since."), CONSOLE)
    assert (report.title, report.conclusion) == (state.capitalize(), "neutral")
    assert report.summary.startswith("v3 has served since.\n")
    assert "Approval" not in report.summary


def test_the_list_is_the_decisions_own_and_says_who_can_clear_it(decision):
    report = report_of(standing(decision, blockers=(APPROVAL, LATENCY, PAST)), f"{CONSOLE}/")
    assert [line for line in report.summary.splitlines() if line.startswith("- ")] == [
        "- **Approval** (blocks): None. Can clear it: lead",
        "- **Latency** (advisory): Slow. The ward waits. Can clear it: lead",
        r"- **Sensitivity** (overridden): BREAK\-GLASS Can clear it: nobody has to now",
    ]
    assert report.url == f"{CONSOLE}/deployments?version=2"
    assert f"]({report.url})" in report.summary
    assert "Nothing stands in the way." in report_of(standing(decision), CONSOLE).summary


def test_an_old_one_is_left_with_a_last_word(decision):
    report = report_of(standing(decision, blockers=(APPROVAL,)), CONSOLE, left=True)
    assert (report.conclusion, report.title) == ("neutral", "Blocked by approval (lead)")
    assert "no longer kept up to date" in report.summary


def test_a_reason_that_somebody_wrote_is_words_and_nothing_else(decision):
    reason = "see [here](http://evil.example) @deputy\n\n## Approved <img src=x> | `x` #1"
    blocker = APPROVAL.model_copy(update={"why": reason, "what": "**Hold**\n- x"})
    report = report_of(standing(decision, blockers=(blocker,)), CONSOLE)
    (line,) = [line for line in report.summary.splitlines() if line.startswith("- ")]
    assert line == (
        r"- **\*\*Hold\*\* \- x** (blocks): see \[here\]\(http:&#8288;//evil.example\) @&#8288;deputy "
        r"\#&#8288;# Approved \<img src\=x\> \| \`x\` \#&#8288;1 Can clear it: lead"
    ).replace(r"\#&#8288;# Approved", r"\#\# Approved")
    assert "\n" not in report.title


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a reason", "a reason"),
        ("12. of it", r"12\. of it"),
        ("1) one", r"1\) one"),
        ("v2 fell by 0.1", "v2 fell by 0.1"),
        ("www.evil.example", "www&#8288;.evil.example"),
        ("https://x", "https:&#8288;//x"),
        ("AT&T &amp;", r"AT\&T \&amp;"),
        ("back\\slash", r"back\\slash"),
        ("a\u202eb\u0000c\td", "a b c d"),
        ("hospital/diabetes#12", r"hospital/diabetes\#&#8288;12"),
    ],
)
def test_every_character_that_means_something_is_itself(text, shown):
    assert plain(text) == shown


def test_long_words_are_cut_before_they_are_escaped():
    assert plain("*" * 50, 10) == r"\*" * 9 + "…"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


def test_the_consoles_page_is_where_the_report_sends_people():
    assert PAGE.startswith(f"/{DEPLOYMENTS.path}?version=")


def test_a_lead_who_can_give_what_is_missing_sees_no_block_where_others_do(decision, ready):
    theirs = ready.decision(LEAD)
    assert headline(theirs).words == "Ready"
    assert headline(decision).words == "Blocked by approval (lead)"
    assert [(b.what, b.cause, b.who) for b in theirs.blockers] == [(b.what, b.cause, b.who) for b in decision.blockers]
