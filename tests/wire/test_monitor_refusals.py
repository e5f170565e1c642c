"""What the log engine refuses is the service's 400, what we fail at a 5xx in its envelope; never a bare 500."""

from __future__ import annotations

import json
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryClient

from sandbox.accounts import SUBSCRIPTION
from tests.wire.endpoints_lab import credential, lab

pytestmark = pytest.mark.recovery

ROOT = Path(__file__).resolve().parents[2]
AUDIENCE = "https://api.loganalytics.io"
PROVIDER = "Microsoft.MachineLearningServices"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def found(sandbox_python, tmp_path_factory):
    """What `log_store_lab` saw happen."""
    command = [sandbox_python, "-m", "tests.wire.log_store_lab", tmp_path_factory.mktemp("logs")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("refused", "RefusedError", "Unknown table expression identifier 'NoSuchTable'"),
        ("slow", "TimeoutError", "TIMEOUT_EXCEEDED"),
        ("large", "RefusedError", "MEMORY_LIMIT_EXCEEDED"),
        ("empty", "BrokenError", "answered '' instead of JSON"),
        ("no text", "BrokenError", "cannot take the statement"),
        ("sealed", "BrokenError", "SET dialect"),
        ("bad column", "KeyError", "Nonsense"),
        ("no JSON", "TypeError", "not JSON serializable"),
        ("closed", "ClosedError", "the sandbox is stopping"),
        ("unopened", "ClosedError", "could not be opened"),
    ],
)
def test_store_says_in_one_of_four_ways_why_it_gave_no_answer(found, name, kind, words):
    assert (found[name][0], words in found[name][1]) == (kind, True), found[name]


def test_store_goes_on_with_a_new_session_after_one_that_broke(found):
    assert found["after"] == ["answer", [{"one": 1}]]


def test_question_asked_before_the_end_is_answered(found):
    assert found["last"] == ["answer", [{"one": 1}]]


def client(world, audience):
    token = credential(world, "mlops-console").get_token(f"{audience}/.default").token
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    trust = ssl.create_default_context(cafile=str(world.ca_file))
    return httpx.Client(base_url=world.url, headers=headers, verify=trust, timeout=60)


@pytest.fixture(scope="module")
def guid(sandbox):
    return lab(sandbox).ml.workspaces.get("endpoints-lab")._workspace_id


@pytest.fixture(scope="module")
def post(sandbox):
    """`post(path, body)` as the console's identity, with the body exactly as given."""
    with client(sandbox, AUDIENCE) as opened:
        yield lambda path, body: opened.post(path, content=body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (r'{"query": "print 1", "timespan": 5}', "timespan 5 is not valid"),
        (r'{"query": "print \"\ud800\""}', "half of a surrogate pair"),
        (r'{"query": "// only a comment"}', "invalid properties"),
        (r'{"query": "let a = 1; // and then nothing"}', "invalid properties"),
        (r'{"query": 1}', "needs a JSON body with a query"),
        (r"[]", "needs a JSON body with a query"),
        (r"{", "not JSON"),
    ],
)
def test_malformed_question_is_a_bad_argument(post, guid, body, words):
    response = post(f"/v1/workspaces/{guid}/query", body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "BadArgumentError")
    assert words in error["message"]


def test_window_beyond_the_times_of_the_tables_is_answered(post, guid):
    for timespan in ("P700000D", "0001-01-01T00:00:00Z/9999-12-31T00:00:00Z"):
        body = json.dumps({"query": "AmlOnlineEndpointTrafficLog | count", "timespan": timespan})
        response = post(f"/v1/workspaces/{guid}/query", body)
        assert (response.status_code, response.json()["tables"][0]["columns"][0]["name"]) == (200, "Count")


def test_comments_do_not_swallow_what_follows(post, guid):
    query = "let a = 1 // one\n; print b = a // two\n"
    response = post(f"/v1/workspaces/{guid}/query", json.dumps({"query": query}))
    assert response.json()["tables"][0]["rows"] == [[1]]


def test_refusals_and_answers_asked_at_once_keep_apart(sandbox, guid):
    """Eight askers: each good question gets its own answer, each bad one its 400."""

    def ask(number: int) -> object:
        options = {"audience": AUDIENCE, "connection_verify": str(sandbox.ca_file), "retry_total": 0}
        with LogsQueryClient(credential(sandbox, "mlops-console"), endpoint=sandbox.url, **options) as client:
            if number % 2:
                return client.query_workspace(guid, f"print {number}", timespan=HOUR).tables[0].rows[0][0]
            with pytest.raises(HttpResponseError) as raised:
                client.query_workspace(guid, f"NoSuchTable{number} | take 1", timespan=HOUR)
            return raised.value.status_code, f"NoSuchTable{number}" in str(raised.value)

    with ThreadPoolExecutor(max_workers=8) as pool:
        said = list(pool.map(ask, range(40)))
    assert said == [number if number % 2 else (400, True) for number in range(40)]


def test_tables_that_cannot_be_opened_are_a_503_in_the_service_s_words(make_sandbox, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "store").write_text("no folder")
    world = make_sandbox(home=tmp_path)
    endpoint = f"subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/{PROVIDER}/workspaces/w/onlineEndpoints/e"
    query = json.dumps({"query": "AmlOnlineEndpointTrafficLog | count"})
    metrics = f"/{endpoint}/providers/Microsoft.Insights/metrics"
    wanted = {"metricnames": "RequestsPerMinute", "metricnamespace": f"{PROVIDER}/workspaces/onlineEndpoints"}
    with client(world, AUDIENCE) as logs, client(world, "https://management.azure.com") as arm:
        answers = [logs.post(f"/v1/{endpoint}/query", content=query), arm.get(metrics, params=wanted)]
    said = [(answer.status_code, answer.json()["error"]["code"]) for answer in answers]
    assert said == [(503, "ServiceUnavailable")] * 2, [answer.text for answer in answers]
    assert "The log store is not there" in world.log()
