"""pass^k, pass@k, their intervals, missing trials and the null split of one cell."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from harnesslab.score.estimate import proportion
from harnesslab.score.sample import Floats, Sample
from harnesslab.score.summary import NO_FIGURE, Figure, Missing, NullSplit


def pass_figures(sample: Sample, k_max: int, level: float) -> tuple[tuple[Figure, ...], tuple[Figure, ...]]:
    """(pass^k, pass@k) for k = 1..k_max. Tasks with fewer than k trials that count are left out of that k.

    In a greedy cell all k > 1 have no value: its repeats are copies, not draws.
    """
    from harnesslab_kernels.pass_k import pass_k

    hat, at = pass_k(sample.n, sample.c, k_max)
    greedy = is_greedy(sample)
    return _figures(sample, hat, level, greedy), _figures(sample, at, level, greedy)


def _figures(sample: Sample, values: Floats, level: float, greedy: bool) -> tuple[Figure, ...]:
    return tuple(
        NO_FIGURE if greedy and k > 0 else task_mean(sample, values[:, k], level, rare=k > 0)
        for k in range(values.shape[1])
    )


def task_mean(sample: Sample, per_task: Floats, level: float, *, rare: bool = False) -> Figure:
    """Mean over tasks of a value from 0 to 1 (float64[T], NaN: left out)."""
    sums, weights = sample.tasks_by_base(per_task)
    return proportion(sums, weights, float(sample.n[~np.isnan(per_task)].sum()), level, rare=rare)


def pass_1(sample: Sample, level: float) -> Figure:
    return pass_figures(sample, 1, level)[0][0]


def is_greedy(sample: Sample) -> bool:
    return bool(sample.cell.facts.get("greedy"))


def missing_as_failed(sample: Sample, k_max: int) -> tuple[float | None, ...]:
    """pass^k under the other convention: a missing trial counts as a failed one."""
    from harnesslab_kernels.pass_k import pass_k

    if not len(sample.tasks):
        return (None,) * k_max
    hat, _ = pass_k(sample.planned, sample.c, k_max)
    greedy = is_greedy(sample)
    return tuple(None if greedy and k > 0 else _mean(hat[:, k]) for k in range(k_max))


def missing_of(sample: Sample, *, bounds: bool) -> Missing:
    """How many trials are missing and, if `bounds`, what pass^1 could have been."""
    trials = int(sample.missing.sum())
    planned = int(sample.planned.sum())
    share = trials / planned if planned else 0.0
    if not bounds or not trials:
        return Missing(trials, share)
    worst = float(np.mean(sample.c / sample.planned))
    best = float(np.mean((sample.c + sample.missing) / sample.planned))
    return Missing(trials, share, worst, best)


def null_split(sample: Sample, level: float) -> NullSplit:
    """What the do-nothing agents pass among this cell's tasks, and the cell's pass^1 where all of them fail."""
    names = sorted({name for task in sample.tasks for name in task.null})
    agents: Mapping[str, float] = MappingProxyType(
        {name: sum(name in t.null for t in sample.tasks) / len(sample.tasks) for name in ("idle", "refuse", *names)}
        if sample.tasks
        else {}
    )
    real: NDArray[np.bool_] = np.array([not t.null for t in sample.tasks], dtype=np.bool_)
    return NullSplit(agents, int(real.sum()), pass_1(sample.only(real), level))


def _mean(values: Floats) -> float | None:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else None
