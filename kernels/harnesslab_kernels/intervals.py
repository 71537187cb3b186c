"""Closed-form statistics of a handful of numbers: Wilson, Clopper-Pearson, McNemar, quantiles, Benjamini-Hochberg.
Nothing compiled.

Which of these a report uses, and why, stands in docs/metrics.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def wilson(p: float, n: float, quantile: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion.

    Args:
        p: the estimate, 0 to 1.
        n: (effective) number of observations, > 0; need not be whole.
        quantile: of the normal or of Student's t, two-sided.

    Source: Wilson 1927; with an effective n and a t quantile for clustered data, Dean and Pagano 2015.
    """
    q2 = quantile * quantile
    centre = (p + q2 / (2 * n)) / (1 + q2 / n)
    half = quantile / (1 + q2 / n) * math.sqrt(p * (1 - p) / n + q2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def exact_bound(n: int, level: float) -> float:
    """Clopper-Pearson's upper bound of a proportion seen 0 times in n; at n of n the interval is [1 - bound, 1]."""
    return 1.0 - ((1.0 - level) / 2.0) ** (1.0 / n) if n else 1.0


@lru_cache(maxsize=4096)
def clopper_pearson(x: float, n: float, level: float) -> tuple[float, float]:
    """Clopper and Pearson's exact interval of a proportion seen x times in n; x need not be whole.

    Source: Clopper and Pearson 1934, as quantiles of beta distributions.
    """
    tail = (1.0 - level) / 2.0
    low = _beta_quantile(tail, x, n - x + 1.0) if x > 0.0 else 0.0
    high = _beta_quantile(1.0 - tail, x + 1.0, n - x) if x < n else 1.0
    return low, high


def mcnemar(one: int, other: int) -> float:
    """McNemar's exact two-sided p of two arms with one trial per task: a binomial test of the discordant tasks.

    Args:
        one, other: tasks that only the one arm, and only the other, passed.

    Source: McNemar 1947; exact, Mosteller 1952. It is the sign-flip test when every difference is one task.
    """
    n, least = one + other, min(one, other)
    term = total = 1
    for i in range(least):
        term = term * (n - i) // (i + 1)
        total += term
    return min(1.0, float(2 * total / 2**n))


def normal_quantile(level: float) -> float:
    """Two-sided: 1.96 at level .95."""
    return NormalDist().inv_cdf((1.0 + level) / 2.0)


@lru_cache(maxsize=256)
def t_quantile(level: float, df: float) -> float:
    """Two-sided quantile of Student's t: 2.093 at level .95 and 19 degrees of freedom. Infinite below 1.

    By bisection on the regularised incomplete beta function; accurate to 1e-9 relative.
    """
    if df < 1:
        return math.inf
    tail = 1.0 - level
    lo, hi = 0.0, 1.0
    while _t_tail(hi, df) > tail:
        hi *= 2.0
    for _ in range(80):
        mid = (lo + hi) / 2.0
        lo, hi = (mid, hi) if _t_tail(mid, df) > tail else (lo, mid)
    return (lo + hi) / 2.0


def _beta_quantile(q: float, a: float, b: float) -> float:
    """x with I_x(a, b) = q, by bisection; accurate to 1e-12."""
    lo, hi = 0.0, 1.0
    for _ in range(40):
        mid = (lo + hi) / 2.0
        lo, hi = (mid, hi) if _beta_inc(a, b, mid) < q else (lo, mid)
    return (lo + hi) / 2.0


def _t_tail(t: float, df: float) -> float:
    """P(|T| > t)."""
    return _beta_inc(df / 2.0, 0.5, df / (df + t * t))


def _beta_inc(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (Numerical Recipes, 6.4)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_inc(b, a, 1.0 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 300):
        step = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / (1.0 + step * d)
        c = 1.0 + step / c
        value *= c * d
        step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / (1.0 + step * d)
        c = 1.0 + step / c
        value *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return front * value / a


def benjamini_hochberg(p: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p-values: p_(i) * m / i, made monotone from the largest down, at most 1.

    Args:
        p: m raw values of one family.

    Returns:
        float64[m] in the order of `p`. Source: Benjamini and Hochberg 1995.
    """
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw, kind="stable")[::-1]
    rank = np.arange(len(raw), 0, -1)
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(np.minimum.accumulate(raw[order] * len(raw) / rank), 1.0)
    return adjusted
