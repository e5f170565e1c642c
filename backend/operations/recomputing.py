"""Frozen figures computed anew from the predictions they were computed from."""

from __future__ import annotations

from backend.domain.comparison import Comparison
from backend.domain.evidence import Evidence
from backend.domain.quality import HoldoutFigures
from backend.policy.comparison import judge
from backend.policy.holdout import Holdout, read_paired, read_single
from backend.policy.holdout_figures import measure
from backend.policy.margins import SUBGROUP_MARGIN


def file_of(evidence: Evidence) -> str:
    """Where the run left the predictions."""
    return f"evidence/{'paired' if evidence.comparison else 'predictions'}.parquet"


def recomputed(evidence: Evidence, content: bytes) -> tuple[Evidence, int, str]:
    """The same quotation from these predictions, their rows, and the sha256 of their bytes. Raises Invalid."""
    holdout = (read_paired if evidence.comparison else read_single)(content)
    return _again(evidence, holdout), len(holdout.outcome), holdout.digests[0]


def _again(evidence: Evidence, holdout: Holdout) -> Evidence:
    """The same quotation with everything that was computed computed anew."""
    if evidence.comparison is not None:
        return evidence.model_copy(update={"comparison": _compare(evidence.comparison, holdout)})
    assert evidence.holdout is not None
    return evidence.model_copy(update={"holdout": _measure(evidence.holdout, holdout)})


def _compare(body: Comparison, holdout: Holdout) -> Comparison:
    margin = body.subgroups.margin if body.subgroups else SUBGROUP_MARGIN
    one, two = body.champion.threshold, body.challenger.threshold
    assert one is not None
    assert two is not None
    found = judge(holdout, one, two, margin)
    names = ("differences", "consequence", "subgroups", "flips", "sweep")
    return body.model_copy(update={name: getattr(found, name) for name in names})


def _measure(body: HoldoutFigures, holdout: Holdout) -> HoldoutFigures:
    found = measure(holdout, body.threshold)
    # A quotation from before the AUC, or the rates of a band, were measured is replayed as it was.
    names = ("sensitivity", "specificity", "brier", "slope", "intercept", "bands", *(("auc",) if body.auc else ()))
    again = {name: getattr(found, name) for name in names}
    if not any(band.sensitivity for band in body.bands):
        before = {"sensitivity": None, "specificity": None}
        again["bands"] = tuple(band.model_copy(update=before) for band in found.bands)
    return body.model_copy(update=again)
