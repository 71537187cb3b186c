"""Intervals of ratio figures from sums per base task. Each method was chosen by simulation (docs/metrics.md).

A ratio figure is sum(x) / sum(w), one x and one w per base task. Base tasks are the units of chance: repeats and
variants of one template are not independent.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from harnesslab.score.summary import NO_FIGURE, Figure
from harnesslab_kernels.intervals import clopper_pearson, exact_bound, t_quantile, wilson

Floats = NDArray[np.float64]

SPARSE = 4  # fewer base tasks than this with a success (or a failure) say nothing of clustering: assume the worst
RARE = 3.5  # of pass^k, k > 1: fewer successes (or failures) than this, counted in base tasks, are too few for Wilson
UNCLUSTERED = 1.5  # an effective n above the observations is chance; cutting it off at 1 makes intervals too wide
FEW_BASES = 10  # below, intervals are marked unreliable


def proportion(x: Floats, w: Floats, observations: float, level: float, *, rare: bool = False) -> Figure:
    """A share, 0 <= x <= w in each base task: Wilson's interval with an effective n and Student's t.

    The variance of sum(x)/sum(w) is linearised over base tasks; p(1 - p) over it is the effective n. It may not exceed
    UNCLUSTERED times the observations made, nor, where fewer than SPARSE base tasks hold a success or a failure, the
    number of base tasks. All-zero and all-one figures, and with `rare` those of fewer than RARE successes or failures,
    get Clopper and Pearson's exact interval on base tasks.

    Args:
        x, w: float64[b]; base tasks with w = 0 are ignored.
        observations: trials or calls behind the figure.
        level: 0.95 for 95 %.
        rare: whether the figure is of a kind (pass^k, k > 1) that a few base tasks may decide.
    """
    x, w = x[w > 0], w[w > 0]
    bases = len(w)
    if bases == 0:
        return NO_FIGURE
    p = float(x.sum() / w.sum())
    few = bases < FEW_BASES
    if x.max() <= 0.0:
        return Figure(0.0, 0.0, exact_bound(bases, level), bases, "exact", few)
    if (w - x).min() >= 0.0 and (w - x).max() <= 1e-12 * w.max():
        return Figure(1.0, 1.0 - exact_bound(bases, level), 1.0, bases, "exact", few)
    if bases == 1:
        return Figure(p, 0.0, 1.0, 1, "exact", True)
    if rare and min(p, 1.0 - p) * bases < RARE:
        low, high = clopper_pearson(round(p * bases, 9), bases, level)
        return Figure(p, low, high, bases, "exact", few)
    residual = x - p * w
    variance = float(residual @ residual) / float(w.sum()) ** 2
    n = p * (1.0 - p) / variance if variance > 0.0 else math.inf
    n = min(n, UNCLUSTERED * observations)
    if min(int((x > 0).sum()), int((x < w).sum())) < SPARSE:
        n = min(n, bases)
    low, high = wilson(p, n, t_quantile(level, bases - 1))
    return Figure(p, low, high, bases, "wilson-t", few)


def cost_per(cost: Floats, successes: Floats, level: float) -> Figure:
    """Cost per success, without an upper limit: a t interval of its logarithm, linearised over base tasks.

    Args:
        cost, successes: float64[b]. Without any success there is no figure; with a NaN cost nothing measured it.
    """
    bases = len(cost)
    total = float(successes.sum())
    if bases == 0 or total <= 0.0 or not np.isfinite(cost).all():
        return NO_FIGURE
    ratio = float(cost.sum()) / total
    if bases == 1 or ratio <= 0.0:
        return Figure(ratio, None, None, bases, "", True)
    residual = cost - ratio * successes
    deviation = math.sqrt(float(residual @ residual) * bases / (bases - 1)) / total / ratio
    half = t_quantile(level, bases - 1) * deviation
    if half > 700.0:
        return Figure(ratio, None, None, bases, "", True)
    return Figure(ratio, ratio * math.exp(-half), ratio * math.exp(half), bases, "log-t", bases < FEW_BASES)


def difference(d: Floats, w: Floats, level: float, *, reach: float = 1.0) -> Figure:
    """A paired difference of shares: Student's t after adding one base task that favours each arm.

    The two added ones have the size of a typical discordant base task (root mean square). It generalises the adjusted
    interval of Bonett and Price (2012) for two paired proportions. Without any discordant base task the bound is exact
    on base tasks, both ways.

    Args:
        d: float64[b], B minus A summed over the base task's tasks.
        w: float64[b], how many tasks those are, > 0.
        reach: the largest difference there can be; 2 for a difference of differences.
    """
    bases = len(d)
    if bases == 0:
        return NO_FIGURE
    value = float(d.sum() / w.sum())
    few = bases < FEW_BASES
    discordant = d[np.abs(d) > 1e-12]
    if len(discordant) == 0:
        bound = reach * exact_bound(bases, level)
        return Figure(0.0, -bound, bound, bases, "exact", few)
    if bases == 1:
        return Figure(value, -reach, reach, 1, "adjusted-t", True)
    typical = math.sqrt(float(discordant @ discordant) / len(discordant))
    d = np.append(d, [typical, -typical])
    w = np.append(w, [w.mean(), w.mean()])
    centre = float(d.sum() / w.sum())
    residual = d - centre * w
    rows = bases + 2
    half = t_quantile(level, bases - 1) * math.sqrt(float(residual @ residual) * rows / (rows - 1)) / float(w.sum())
    return Figure(value, max(-reach, centre - half), min(reach, centre + half), bases, "adjusted-t", few)


def excess(a: Figure, b: Figure) -> Figure:
    """a minus b, two shares of the same trials, from their own intervals as if they were independent.

    They go up and down together, so the interval is rather too wide. Source: Zou and Donner 2008 (method of variance
    estimates recovery).
    """
    if None in (a.value, b.value, a.low, a.high, b.low, b.high):
        return NO_FIGURE
    assert a.value is not None and b.value is not None  # noqa: PT018
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None  # noqa: PT018
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Figure(value, max(-1.0, low), min(1.0, high), min(a.n, b.n), "recovered", a.unreliable or b.unreliable)


def mean_difference(d: Floats, w: Floats, level: float) -> Figure:
    """A paired difference of any amount per trial (tokens): Student's t, linearised over base tasks.

    Such amounts are skewed, and 0 wherever a layer had nothing to do, so the variance counts two base tasks more, of
    the root-mean-square size of those that differ. Where none differs there is no scale to bound it by: no interval.

    Args:
        d: float64[b], B minus A summed over the base task's tasks.
        w: float64[b], how many tasks those are, > 0.
    """
    bases = len(d)
    if bases == 0:
        return NO_FIGURE
    value = float(d.sum() / w.sum())
    discordant = d[d != 0.0]
    if bases == 1 or len(discordant) == 0:
        return Figure(value, None, None, bases, "", True)
    residual = d - value * w
    squares = float(residual @ residual) + 2.0 * float(discordant @ discordant) / len(discordant)
    half = t_quantile(level, bases - 1) * math.sqrt(squares * bases / (bases - 1)) / float(w.sum())
    return Figure(value, value - half, value + half, bases, "t", min(bases, len(discordant) / 2) < FEW_BASES)
