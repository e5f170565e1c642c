"""Ask the candidate fixed questions at 0 %: patients to be answered, and broken requests to be refused by field."""

from __future__ import annotations

import json
import math
import time

from backend.domain.promotions import Failed, Outcome, Succeeded
from backend.errors import RemoteRejected
from backend.gateways.azureml.scoring import Answer, as_served
from backend.promotion.context import StepContext
from backend.promotion.probes import BREAKS, PLAUSIBLE, Break

SHOWN_FAILURES = 3


def run(ctx: StepContext) -> Outcome:
    failures: list[str] = []
    milliseconds: list[float] = []
    for row in PLAUSIBLE:
        started = time.perf_counter()
        answer = _ask(ctx, json.dumps({"rows": [row]}).encode())
        milliseconds.append(1000 * (time.perf_counter() - started))
        failures += _wrong_answer(ctx, answer, milliseconds[-1])
    for broken in BREAKS:
        failures += _wrong_refusal(broken, _ask(ctx, broken.body))
    requests = len(PLAUSIBLE) + len(BREAKS)
    passed = requests - len(failures)
    output: dict[str, str | int | float | bool] = {
        "requests": requests,
        "passed": passed,
        "p95_ms": round(_p95(milliseconds), 1),
        "failures": "\n".join(failures),
    }
    if failures:
        first = "; ".join(failures[:SHOWN_FAILURES])
        return Failed(reason=f"{passed} of {requests} requests answered as they should: {first}", output=output)
    return Succeeded(reason=f"{passed} of {requests} requests answered as they should.", output=output)


def _ask(ctx: StepContext, body: bytes) -> Answer:
    return ctx.reach.endpoints.raw_score(ctx.target.endpoint, body, ctx.target.deployment)


def _wrong_answer(ctx: StepContext, answer: Answer, milliseconds: float) -> list[str]:
    if answer.status != 200:
        return [f"a plausible patient got {answer.status}: {answer.body[:200].decode(errors='replace')}"]
    try:
        served = as_served(answer, milliseconds)
    except RemoteRejected as error:
        return [str(error)]
    if served.digest != ctx.target.digest:
        return [f"an answer came from {served.digest}"]
    if not 0 <= served.probability <= 1:
        return [f"a probability of {served.probability}"]
    decision = json.loads(answer.body)["predictions"][0].get("decision")
    expected = "positive" if served.probability >= served.threshold else "negative"
    return [] if decision == expected else [f"probability {served.probability:.3f} was called {decision}"]


def _wrong_refusal(broken: Break, answer: Answer) -> list[str]:
    """The endpoint says 424 for the model's 400, and the reason names the field."""
    status = answer.headers.get("ms-azureml-model-error-statuscode", "")
    if (answer.status, status) != (424, "400"):
        model = f" (model {status})" if status else ""
        return [f"{broken.name} got {answer.status}{model} instead of 424 (model 400)"]
    reason = answer.headers.get("ms-azureml-model-error-reason", "")
    return [] if broken.field in reason else [f"the refusal of {broken.name} does not name {broken.field}: {reason}"]


def _p95(values: list[float]) -> float:
    """The nearest-rank 95th percentile."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
