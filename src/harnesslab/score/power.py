"""What a planned grid can see: the paired difference of pass^1 that it detects with 80 % power; and what a difference
that was found could have shown.

    variance of a base task's difference = (p(1-p) + q(1-q)) * (icc * (1 - alike) + (1 - icc) / (variants * repeats))
    detectable = q - p at which  q - p = (t(level, b-3) + t(power, b-3)) * sqrt(variance / (b-2)) + 1 / (b * trials)

for b base tasks of variants * repeats trials, p and q the arms' success rates, icc the correlation of trials of one
task, and alike how much of a task's own effect both arms share. Random streams that arms share make differences
smaller still, so the figure is rather too large than too small. Source: Cohen 1988, chapter 2, with the variance of a
cluster mean (Donner and Klar 2000, chapter 5); b - 2 and the last term, half a step of the sum that is tested, were
fitted to the sign-flip test by simulation (`tests/score/test_power.py`): it is discrete, and rejects less often than t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from harnesslab.score.sample import Floats, Ints, Sample
from harnesslab.score.summary import Figure
from harnesslab_kernels.intervals import t_quantile

POWER = 0.8
_TWO_SIDED = 2.0 * POWER - 1.0  # the level at which t_quantile, which is two-sided, cuts off 1 - POWER above
FEWEST = 8  # base tasks; with 6 or 7 all or nearly all would have to differ, the same way
ENOUGH_TASKS = 8  # of a stored cell, for its own rates to be used


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a plan takes for granted of its arms.

    Attributes:
        trials: stored ones that it was read off; 0: nobody's but ours.
    """

    rate: float = 0.5
    icc: float = 0.3
    alike: float = 0.5
    trials: int = 0


def detectable(bases: int, variants: float, repeats: int, assumed: Assumed, level: float = 0.95) -> float | None:
    """The difference of pass^1, 0 to 1; None where not even the largest possible one would do.

    Args:
        variants: tasks per base task.
        repeats: trials per task.
    """
    if bases < FEWEST:
        return None
    spread = assumed.icc * (1.0 - assumed.alike) + (1.0 - assumed.icc) / (variants * repeats)
    quantiles = t_quantile(level, bases - 3) + t_quantile(_TWO_SIDED, bases - 3)
    step = 1.0 / (bases * variants * repeats)
    p = min(assumed.rate, 1.0 - assumed.rate)  # towards the roomier side
    for difference in np.linspace(0.001, 1.0 - p, 1000):
        q = p + difference
        if difference >= quantiles * math.sqrt((p * (1.0 - p) + q * (1.0 - q)) * spread / (bases - 2)) + step:
            return float(difference)
    return None


def detectable_given(found: Figure, level: float) -> float | None:
    """The smallest true difference that POWER of repeated sweeps would tell from 0, base tasks as many and as noisy.

    (t_level + t_power) standard errors, the error as the interval of `estimate.difference` has it; where no base task
    differs, that interval's bound. None where there is no interval to speak of.
    """
    if found.low is None or found.high is None or found.n < 2:
        return None
    half = (found.high - found.low) / 2.0
    if found.method == "exact":
        return half
    return min(1.0, half * (1.0 + t_quantile(_TWO_SIDED, found.n - 1) / t_quantile(level, found.n - 1)))


def assumed_of(arms: Sequence[Sample]) -> Assumed:
    """Success rate, correlation and common part of the cells of one suite; our own guesses where they say too little.

    icc is the one-way analysis of variance's, with its sums over cells; `alike` the covariance of two cells' task means
    over icc * p(1-p), averaged over pairs.
    """
    ours = Assumed()
    arms = [s for s in arms if int((s.n > 0).sum()) >= ENOUGH_TASKS]
    trials = sum(len(s.task) for s in arms)
    if not trials:
        return ours
    rate = float(sum(s.c.sum() for s in arms) / trials)
    icc = _icc(arms)
    if icc is None or not 0.0 < rate < 1.0:
        return Assumed(rate, ours.icc, ours.alike, trials)
    shared = [_covariance(x, y) for x, y in combinations(arms, 2)]
    known = [c for c in shared if c is not None]
    if not known or icc <= 0.0:
        return Assumed(rate, icc, ours.alike, trials)
    alike = float(np.mean(known)) / (icc * rate * (1.0 - rate))
    return Assumed(rate, icc, min(1.0, max(0.0, alike)), trials)


def _icc(arms: Sequence[Sample]) -> float | None:
    """None where no task has two trials."""
    between = within = 0.0
    tasks = extra = trials = 0
    for s in arms:
        n, c = s.n[s.n > 0].astype(np.float64), s.c[s.n > 0]
        mean = c.sum() / n.sum()
        between += float((n * (c / n - mean) ** 2).sum())
        within += float((c * (1.0 - c / n)).sum())
        tasks += len(n) - 1
        extra += int(n.sum()) - len(n)
        trials += int(n.sum())
    if not extra or not tasks:
        return None
    size = trials / (tasks + len(arms))
    one, other = between / tasks, within / extra
    whole = one + (size - 1.0) * other
    return min(1.0, max(0.0, (one - other) / whole)) if whole > 0.0 else None


def _covariance(x: Sample, y: Sample) -> float | None:
    """Of the success rates of tasks that both ran."""
    rates = [_rates(s) for s in (x, y)]
    _, i, j = np.intersect1d(rates[0][0], rates[1][0], assume_unique=True, return_indices=True)
    if len(i) < ENOUGH_TASKS:
        return None
    return float(np.cov(rates[0][1][i], rates[1][1][j])[0, 1])


def _rates(s: Sample) -> tuple[Ints, Floats]:
    """(positions of tasks, their success rates)."""
    ran = s.n > 0
    return s.task_index[ran], s.c[ran] / s.n[ran]
