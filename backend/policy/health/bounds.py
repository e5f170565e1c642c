"""How sure analysis has to be. It looks again and again, and chance gets a turn at every look."""

from __future__ import annotations

from scipy.special import bdtrc

from backend.policy.proportions import wilson_interval

CONFIDENCE = 0.95
"""Of the intervals that are shown."""

CERTAIN = 0.999
"""Of what returns the traffic by itself. With a look at every few calls of a step, a candidate that is exactly at a
limit is failed in fewer than one step of a hundred (`tests/unit/test_health.py` plays it)."""

P95_SHARE = 0.05
"""At most this share of the calls may be slower than a limit on the 95th percentile."""


def beyond_chance(seen: int, of: int, share: float) -> bool:
    """Whether `seen` of `of` says that more than `share` happen: the exact binomial test, one-sided.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934) 404-413. Exact, because a normal bound calls one error in the very first call a proof.
    """
    return seen > 0 and float(bdtrc(seen - 1, of, share)) < 1 - CERTAIN


def difference(seen: float, of: int, other: float, of_other: int, confidence: float) -> tuple[float, float]:
    """The interval of seen/of - other/of_other.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998) 873-890, method 10.
    """
    share, other_share = seen / of, other / of_other
    low, high = wilson_interval(share, of, confidence)
    other_low, other_high = wilson_interval(other_share, of_other, confidence)
    found = share - other_share
    below = ((share - low) ** 2 + (other_high - other_share) ** 2) ** 0.5
    above = ((high - share) ** 2 + (other_share - other_low) ** 2) ** 0.5
    return found - below, found + above
