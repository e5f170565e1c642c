"""Every page draws what is known, and says what would be there where nothing is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hospital_pulls import detail
from hospital_readings import endpoint
from visitors import claims, text

import console
from backend.domain.run_search import IndexState
from console import topics
from console.session import SELECTIONS

RULES = "This change also changes the rules that judge models"
CONSOLE = Path(console.__file__).parent
CONSUMED = {"sign_in", "github"}
"""Read where somebody comes in, and not kept."""
PAGES = ("overview", "pull_requests", "experiments", "models", "deployments", "monitoring", "audit", "setup", "inbox")


@pytest.mark.parametrize("page", [page for page in PAGES if page != "audit"])
def test_a_page_of_an_empty_world_says_what_would_be_there(visit, empty_world, page):
    app = visit(f"views/{page}.py")
    assert not app.exception
    assert 'class="nothing"' in text(app)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (
            "overview",
            ("Nothing waits for you", "Nothing serves yet", "No open pull request", "Nothing has happened yet"),
        ),
        ("pull_requests", ("No open pull request",)),
        ("experiments", ("No run yet",)),
        ("models", ("No version yet",)),
        ("deployments", ("is deployed here when it is promoted", "is deployed here once it is registered")),
        ("deployments", ("Nothing waits", "Nothing has been deployed yet")),
    ],
)
def test_a_list_that_was_read_and_is_empty_says_what_would_be_there(visit, empty_world, page, said):
    snapshots, project = empty_world.wired.snapshots, empty_world.project
    for topic in (topics.pulls(), topics.versions()):
        snapshots.put(topic, ())
    snapshots.put(topics.runs(), IndexState(version=1, runs=0, complete=True))
    for name in (project.endpoint, project.test_endpoint):
        snapshots.put(topics.endpoint(name), endpoint(name, {}))
    shown = text(visit(f"views/{page}.py"))
    assert [words for words in said if words not in shown] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_a_living_world_is_drawn(visit, world, page):
    app = visit(f"views/{page}.py")
    assert not app.exception
    assert "could not be drawn" not in text(app)


@pytest.mark.parametrize(
    ("page", "query", "said"),
    [
        ("pull_requests", {"number": "14"}, "AUC 0.848 → 0.988: better"),
        ("pull_requests", {"number": "15"}, "no detectable difference"),
        ("pull_requests", {"number": "16"}, "AUC 0.848 → 0.745: worse"),
        ("models", {"version": "2"}, "Lineage"),
        ("deployments", {"version": "2"}, "Sends diabetes-endpoint to v2 in steps 10 → 50 → 100 %"),
        ("deployments", {"version": "99"}, "No such version"),
        ("deployments", {"version": "<b>x</b>"}, "No such version"),
        ("deployments", {"promotion": "<b>none</b>"}, "No such promotion"),
        ("deployments", {"promotion": "-1"}, "No such promotion"),
        ("models", {"version": "abc"}, "No such version"),
        ("models", {"version": "<img src=x>"}, "No such version"),
        ("pull_requests", {"number": "abc"}, "No such pull request"),
        ("pull_requests", {"number": "-1"}, "No such pull request"),
        ("pull_requests", {"number": "1" + 20 * "0"}, "No such pull request"),
        ("pull_requests", {"number": "<img src=x>"}, "No such pull request"),
        ("experiments", {"compare": "<img src=x>"}, "Not every run in the address is known"),
        ("experiments", {"compare": "diabetes-prod/run-000,diabetes-dev/run-001"}, "Compared"),
        ("monitoring", {}, "424"),
        ("audit", {"actor": "lead"}, "Promotion of v1 requested"),
    ],
)
def test_the_selection_in_the_url_decides_what_is_shown(visit, world, page, query, said):
    app = visit(f"views/{page}.py", **query)
    assert not app.exception
    assert said in text(app)
    assert "<img" not in text(app)


def test_a_pull_request_that_does_not_exist_is_no_outage(visit, world):
    from console import topics

    world.wired.snapshots.put(topics.pull(999), None)
    shown = text(visit("views/pull_requests.py", number="999"))
    assert "No such pull request" in shown
    assert "does not answer" not in shown


def test_a_change_of_the_rules_is_told_loudly_and_an_ordinary_change_is_not(visit, world):
    assert RULES not in text(visit("views/pull_requests.py", number="14"))
    ordinary = detail(14)
    rules = ordinary.files[0].model_copy(update={"path": "training/gates.toml"})
    changed = ordinary.model_copy(update={"files": (*ordinary.files, rules)})
    world.wired.snapshots.put(topics.pull(14), changed)
    assert RULES in text(visit("views/pull_requests.py", number="14"))


def test_the_search_lists_only_what_matches(visit, world):
    app = visit("views/pull_requests.py", q="reg_rate 1000")
    assert [link.proto.label for link in app.main.get("page_link")] == [r"\#16 Set reg\_rate to 1000"]


def test_what_waits_for_a_lead_is_not_what_waits_for_a_viewer(visit, world):
    assert "Nothing waits for you" not in text(visit())
    assert "Nothing waits for you" in text(visit(user=claims("viewer")))


def test_a_source_that_is_down_leaves_the_last_data_with_its_age_and_the_reason(visit, world):
    from console import topics

    world.wired.snapshots.fail(topics.pulls(), "connection refused by <b>api</b>")
    shown = text(visit("views/pull_requests.py"))
    assert "GitHub does not answer: shown as it was" in shown
    assert "connection refused by &lt;b&gt;api&lt;/b&gt;" in shown
    assert "Checks pass" in shown


def test_the_audit_page_says_that_the_chain_is_whole(visit, world):
    assert "Chain verified" in text(visit("views/audit.py"))


def test_a_filter_without_a_hit_says_so(visit, world):
    assert "No entry matches" in text(visit("views/audit.py", subject="promotion/none"))
    assert "No run matches" in text(visit("views/experiments.py", q="nobody"))
    assert "No pull request matches" in text(visit("views/pull_requests.py", q="nothing"))


def test_what_an_address_says_is_bound_to_a_widget_or_written_by_us():
    """A link to the page that is open changes no address: what nobody writes there is forgotten by the next run."""
    sources = [path.read_text() for path in CONSOLE.rglob("*.py")]
    read = {name for text in sources for name in re.findall(r'parameter\("(\w+)"\)', text)} - CONSUMED
    calls = [call for text in sources for call in re.findall(r"st\.\w+\((?:[^()]|\([^()]*\))*\)", text)]
    bound = {re.search(r'key="(\w+)"', call)[1] for call in calls if 'bind="query-params"' in call}
    assert {"q", "endpoint", "order", "changes"} < bound
    assert read - bound <= SELECTIONS
    assert not bound & SELECTIONS
