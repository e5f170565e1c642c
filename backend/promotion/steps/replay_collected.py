"""What production was asked in the last days, asked of the candidate: whose answer it would change."""

from __future__ import annotations

import json
from datetime import timedelta

from backend.domain.comparison import Side
from backend.domain.production_flips import Answers, Collected, ProductionFlips
from backend.domain.promotions import Outcome, Skipped, Succeeded, Target
from backend.errors import CredentialsRejected, NotFound, RemoteRejected
from backend.gateways.azureml.scoring import predictions
from backend.policy.production_flips import MOST_ROWS, WITHIN_DAYS, answered, cases, turned
from backend.promotion.context import StepContext

NOTHING = Collected(rows=(), digest="", blobs=0)


def run(ctx: StepContext) -> Outcome:
    """Few inputs, none, or ones that cannot be read stop no test: the gate says so, and is not green."""
    stable = ctx.store.promotions.stable(ctx.project.endpoint)
    if stable is None:
        return Skipped(reason="No champion yet: production has not been asked anything.")
    if stable.target.digest == ctx.target.digest:
        return Skipped(reason=f"v{ctx.target.version} is what serves production.")
    key = f"{ctx.promotion.id}-production"
    known = ctx.store.evidence.find(key)
    found = known.production_flips if known is not None else None
    if found is None:
        found = _replayed(ctx, stable.target)
        ctx.store.evidence.freeze(key, found, ctx.target, found.inputs or stable.target.deployment)
    output: dict[str, str | int | float | bool] = {"rows": found.rows, "changed": found.count}
    return Succeeded(reason=_told(found), output=output)


def _replayed(ctx: StepContext, champion: Target) -> ProductionFlips:
    """The recorded answers beside the candidate's; a refusal on either side is the problem that is frozen."""
    collected, problem = NOTHING, ""
    answers: tuple[Answers, ...] = ()
    try:
        now = ctx.clock()
        collected = ctx.reach.collected.newest(champion, now - timedelta(days=WITHIN_DAYS), now, MOST_ROWS)
        answers = _asked_again(ctx, collected)
    except (RemoteRejected, NotFound) as error:
        problem = str(error)
    except CredentialsRejected as error:
        # A role on the storage account that we lack will not come while a test waits; a sign-in that ended may.
        if not error.lacks_right:
            raise
        problem = str(error)
    rows = collected.rows if answers else ()
    positive, negative = turned(answers)
    return ProductionFlips(
        endpoint=champion.endpoint,
        deployment=champion.deployment,
        champion=_side(champion),
        challenger=_side(ctx.target),
        rows=len(answers),
        turned_positive=positive,
        turned_negative=negative,
        cases=cases(rows, answers),
        answers=answers,
        inputs=collected.digest,
        oldest=collected.oldest,
        newest=collected.newest,
        problem=problem,
        made_at=ctx.clock(),
    )


def _asked_again(ctx: StepContext, collected: Collected) -> tuple[Answers, ...]:
    """In one request: the scoring contract allows twice as many rows."""
    if not collected.rows:
        return ()
    body = json.dumps({"rows": [row.features for row in collected.rows]}).encode()
    answer = ctx.reach.endpoints.raw_score(ctx.target.endpoint, body, ctx.target.deployment)
    return answered(collected.rows, predictions(answer, len(collected.rows)))


def _side(target: Target) -> Side:
    return Side(
        commit=target.commit,
        run=target.run,
        version=target.version,
        digest=target.digest,
        threshold=target.threshold,
    )


def _told(found: ProductionFlips) -> str:
    if found.problem:
        return f"Production's inputs were not replayed: {found.problem}"
    if not found.rows:
        return f"No input of {found.deployment} was collected in the last {WITHIN_DAYS} days."
    return f"{found.count:,} of {found.rows:,} collected inputs of {found.deployment} get another answer."
