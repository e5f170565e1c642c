"""The queries. Each parses in Kusto and in the subset ClickHouse's kusto dialect takes.

Hence one `percentile()` an aggregate instead of the tuple form, and no `todouble()`.
"""

from __future__ import annotations

PROBES = "mlops-probe"
"""User-Agents of our own tests of a deployment start like this; they count in no figure."""

ERRORS = "countif(ResponseCode >= 500 or ResponseCode == 408 or ResponseCode == 424 or ResponseCode == 429)"
"""What the platform or the model got wrong.

Azure says 408 where the model did not answer in time, 424 where it answered badly, and 429 where it has more calls
waiting than it can take (learn.microsoft.com, "Troubleshoot online endpoints", HTTP status codes).
"""

OURS = "ResponseCode >= 500 or ResponseCode == 408 or ResponseCode == 429"
"""What platform and model answer for whoever called: it failed, it was too slow to answer, it had too much to do."""

MODEL = "ResponseCode == 424 and not(ModelStatusCode >= 400 and ModelStatusCode < 500)"
"""A 424 whose model status is a 4xx is the model's word that the caller's input is wrong: no failure of ours."""

FAILED = f"({OURS} or ({MODEL}))"

MIRRORED = "OperationName endswith '/mirror'"
"""A copy of a call: its answer reaches nobody."""

CLASSES = (
    f"Mirrored=countif({MIRRORED}), Throttled=countif(ResponseCode == 429), "
    f"Platform=countif(ResponseCode >= 500), Model=countif(ResponseCode == 408 or ({MODEL})), "
    "Caller=countif(ResponseCode >= 400 and ResponseCode < 500 and ResponseCode != 408 and ResponseCode != 429 "
    f"and not({MODEL})), "
    "Delay=sum(RequestThrottlingDelayMs + ResponseThrottlingDelayMs)"
)
"""Each call that did not succeed in exactly one class: whose word it was."""

FIGURES = (
    f"Requests=count(), Errors={ERRORS}, P50=percentile(TotalDurationMs, 50), "
    "P95=percentile(TotalDurationMs, 95), P99=percentile(TotalDurationMs, 99)"
)


def literal(text: str) -> str:
    """A Kusto string literal; nothing in the text can end it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _calls(endpoint: str) -> str:
    return (
        f"AmlOnlineEndpointTrafficLog | where EndpointName == {literal(endpoint)} "
        f"and not(UserAgent startswith {literal(PROBES)})"
    )


def points(endpoint: str, bin_seconds: int) -> str:
    return (
        f"{_calls(endpoint)} | summarize {FIGURES}, {CLASSES} by DeploymentName, At=bin(TimeGenerated, {bin_seconds}s) "
        "| order by At asc"
    )


def counted(endpoint: str, within_ms: float) -> str:
    """What the objectives are measured on: calls, those that failed, those answered, and the slow ones of these."""
    answered = "ResponseCode < 400"
    slow = f"{answered} and TotalDurationMs > {within_ms:.3f}"
    return (
        f"{_calls(endpoint)} and not({MIRRORED}) | summarize Calls=count(), Failed=countif{FAILED}, "
        f"Answered=countif({answered}), Slow=countif({slow})"
    )


def summaries(endpoint: str) -> str:
    return f"{_calls(endpoint)} | summarize {FIGURES} by DeploymentName | order by DeploymentName asc"


def one_summary(endpoint: str, deployment: str) -> str:
    return f"{_calls(endpoint)} and DeploymentName == {literal(deployment)} | summarize {FIGURES}"


def slower(endpoint: str, deployment: str, milliseconds: float) -> str:
    """How many calls of a deployment took longer than that. Durations are logged in whole milliseconds."""
    return (
        f"{_calls(endpoint)} and DeploymentName == {literal(deployment)} and TotalDurationMs > {milliseconds:.3f} "
        "| summarize Requests=count()"
    )


def marked_lines(resource_id: str, marker: str, limit: int, deployment: str = "") -> str:
    """The newest lines of an endpoint's scoring scripts with this marker, or of those of one deployment."""
    of_one = f" and DeploymentName == {literal(deployment)}" if deployment else ""
    return (
        f"AmlOnlineEndpointConsoleLog | where _ResourceId endswith {literal(_suffix(resource_id))}{of_one} "
        f"and Message contains {literal(marker)} | project TimeGenerated, Message | top {limit} by TimeGenerated desc"
    )


def refused(endpoint: str) -> str:
    """Calls, and those whose input the model refused."""
    refusal = "ResponseCode == 424 and ModelStatusCode >= 400 and ModelStatusCode < 500"
    return f"{_calls(endpoint)} and not({MIRRORED}) | summarize Calls=count(), Refused=countif({refusal})"


def statuses(endpoint: str) -> str:
    return (
        f"{_calls(endpoint)} | summarize Requests=count() by DeploymentName, ResponseCode, ResponseCodeReason, "
        "ModelStatusCode, ModelStatusReason | top 50 by Requests desc"
    )


def callers(endpoint: str) -> str:
    return f"{_calls(endpoint)} | summarize Requests=count() by UserAgent | top 20 by Requests desc"


def key_callers(endpoint: str) -> str:
    """The log names no key; a caller may name its own in the User-Agent."""
    return (
        f"{_calls(endpoint)} | summarize Requests=count(), Denied=countif(ResponseCode == 401), At=max(TimeGenerated) "
        "by UserAgent | top 200 by Requests desc"
    )


def newest(endpoint: str) -> str:
    """Of all calls, probes included: it says how far the log has come, not who called."""
    return (
        f"AmlOnlineEndpointTrafficLog | where EndpointName == {literal(endpoint)} | summarize At=max(TimeGenerated), "
        "Lines=count()"
    )


def console_lines(resource_id: str, deployment: str, limit: int, search: str = "") -> str:
    """The console table has no endpoint column; the resource id names it."""
    chosen = _of(deployment) + _holding(search)
    return (
        f"AmlOnlineEndpointConsoleLog | where _ResourceId endswith {literal(_suffix(resource_id))}{chosen} "
        f"| project TimeGenerated, DeploymentName, ContainerName, Message | top {limit} by TimeGenerated desc"
    )


def event_lines(resource_id: str, limit: int, deployment: str = "", search: str = "") -> str:
    chosen = _of(deployment) + _holding(search, "Name", "DeploymentName")
    return (
        f"AmlOnlineEndpointEventLog | where _ResourceId endswith {literal(_suffix(resource_id))}{chosen} "
        f"| project TimeGenerated, DeploymentName, Name, Message | top {limit} by TimeGenerated desc"
    )


def _of(deployment: str) -> str:
    return f" and DeploymentName == {literal(deployment)}" if deployment else ""


def _holding(search: str, *columns: str) -> str:
    """That one of the columns, or the message, holds the text somewhere, in upper or lower case."""
    if not search:
        return ""
    return f" and ({' or '.join(f'{column} contains {literal(search)}' for column in ('Message', *columns))})"


def _suffix(resource_id: str) -> str:
    """`/onlineendpoints/<name>`: Monitor writes resource ids in lower case."""
    return "/" + "/".join(resource_id.lower().rstrip("/").split("/")[-2:])
