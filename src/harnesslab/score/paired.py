"""Paired comparison of two cells: difference of pass^1, interval, sign-flip test, correction for many comparisons.

Arms that share random numbers are positively correlated, so they are judged by differences, never by two intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

from harnesslab.errors import UserError, unknown_name
from harnesslab.score.estimate import difference
from harnesslab.score.sample import Floats, Ints, Sample, samples
from harnesslab.score.summary import Comparison, HarnessByModel
from harnesslab.store.columns import Columns
from harnesslab_kernels.intervals import benjamini_hochberg, mcnemar

FLIPS = 20_000

Tested = TypeVar("Tested", Comparison, HarnessByModel)


def compare(columns: Columns, a: str, b: str, *, seed: int = 0, level: float = 0.95) -> tuple[Comparison, ...]:
    """The paired differences B minus A of two cells named MODEL/HARNESS or MODEL/HARNESS/SUITE, one per common suite.

    Raises:
        UserError: a name fits no cell, or the cells share no suite.
    """
    every = samples(columns)
    left, right = named(every, a), named(every, b)
    pairs = [(x, y) for x in left for y in right if x.cell.suite == y.cell.suite]
    found = compare_pairs(pairs, seed=seed, level=level)
    if not found:
        raise UserError(f"{a} and {b} share no suite", "a paired difference needs tasks that both have run")
    return adjust(found)


def named(every: Sequence[Sample], name: str) -> list[Sample]:
    """Samples of cells called so.

    Raises:
        UserError: there is none.
    """
    found = [s for s in every if name in (s.cell.label, f"{s.cell.model}/{s.cell.harness}")]
    if not found:
        raise unknown_name("cell", name, [s.cell.label for s in every])
    return found


def all_pairs(every: Sequence[Sample], *, seed: int, level: float) -> tuple[Comparison, ...]:
    """Every two cells of a suite that differ in the harness only, then those that differ in the model only."""
    pairs = [(x, y) for x, y in combinations(every, 2) if x.cell.suite == y.cell.suite and _kind(x, y) != "other"]
    found = compare_pairs(pairs, seed=seed, level=level)
    return adjust(sorted(found, key=lambda c: c.kind))


def _kind(x: Sample, y: Sample) -> str:
    if x.cell.model == y.cell.model:
        return "harness" if x.cell.harness != y.cell.harness else "other"
    return "model" if x.cell.harness == y.cell.harness else "other"


def adjust(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same comparisons with p adjusted within each kind."""
    out = list(found)
    for kind in {c.kind for c in out}:
        at = [i for i, c in enumerate(out) if c.kind == kind]
        for i, c in zip(at, as_family([out[i] for i in at]), strict=True):
            out[i] = c
    return tuple(out)


def as_family(found: Sequence[Tested]) -> list[Tested]:
    """The same tests, Benjamini-Hochberg adjusted as one family; those without a task are no part of it."""
    out = list(found)
    at = [i for i, c in enumerate(out) if c.tasks]
    for i, p in zip(at, benjamini_hochberg([out[i].p for i in at]), strict=True):
        out[i] = replace(out[i], p_adjusted=float(p))
    return out


@dataclass(frozen=True, slots=True)
class Verdict:
    """A test of the differences of base tasks; see `Comparison`."""

    p: float
    test: str
    discordant: int
    can_reach: bool


def tested(grid: Sequence[Floats], single: Sequence[bool], *, seed: int, level: float) -> list[Verdict]:
    """Tests many differences at once, each float64[b].

    Sign flips; McNemar's test where `single`: one trial per arm and base task, so that each difference is -1, 0 or 1.
    """
    from harnesslab_kernels.resample import sign_flips

    live = np.zeros((len(grid), max((len(d) for d in grid), default=0)))
    for row, d in zip(live, grid, strict=True):
        row[: len(d)] = np.where(np.abs(d) > 1e-12, d, 0.0)
    p = np.ones(len(grid))
    flipped = np.flatnonzero(~np.array(single, dtype=np.bool_))
    p[flipped] = sign_flips(live[flipped], FLIPS, np.full(len(flipped), seed))
    for i in np.flatnonzero(single):
        p[i] = mcnemar(int((live[i] > 0).sum()), int((live[i] < 0).sum()))
    return [
        Verdict(
            float(p[i]),
            "mcnemar" if single[i] else "sign-flip",
            discordant,
            can_reach=2.0 ** (1 - discordant) <= 1.0 - level + 1e-12,
        )
        for i, discordant in enumerate(np.count_nonzero(live, axis=1).tolist())
    ]


def compare_pairs(pairs: Sequence[tuple[Sample, Sample]], *, seed: int, level: float) -> list[Comparison]:
    """One comparison per pair, second minus first, not yet adjusted."""
    sums = [by_base(x, *task_differences(x, y)) for x, y in pairs]
    single = [
        bool((w == 1.0).all()) and max(int(s.n.max(initial=0)) for s in pair) <= 1
        for pair, (_, w) in zip(pairs, sums, strict=True)
    ]
    verdicts = tested([d for d, _ in sums], single, seed=seed, level=level)
    return [
        Comparison(
            kind=_kind(x, y),
            a=x.cell.label,
            b=y.cell.label,
            difference=difference(d, w, level),
            p=verdict.p,
            p_adjusted=verdict.p,
            test=verdict.test,
            tasks=int(w.sum()),
            base_tasks=len(d),
            discordant=verdict.discordant,
            can_reach=verdict.can_reach,
        )
        for (x, y), (d, w), verdict in zip(pairs, sums, verdicts, strict=True)
    ]


def task_differences(x: Sample, y: Sample) -> tuple[Ints, Floats]:
    """(position of each task that both ran, y minus x of its success rate), int64[t] and float64[t].

    Within one model, repeat r of a task is paired with repeat r: both drew the same random numbers. Across models there
    is no such pairing, and a task's rates are compared.
    """
    return _by_repeat(x, y) if x.cell.model == y.cell.model else _by_task(x, y)


def by_base(x: Sample, task: Ints, value: Floats) -> tuple[Floats, Floats]:
    """(sums, tasks) per base task, float64[b], of values per task; `task` are positions among tasks that x ran."""
    base = x.base[np.searchsorted(x.task_index, task)]
    weights = np.bincount(base, minlength=x.bases).astype(np.float64)
    there = weights > 0
    return np.bincount(base, weights=value, minlength=x.bases).astype(np.float64)[there], weights[there]


def _by_repeat(x: Sample, y: Sample) -> tuple[Ints, Floats]:
    top = 1 + max(int(s.repeat.max(initial=0)) for s in (x, y))
    in_x, in_y = (s.task_index[s.task] * top + s.repeat for s in (x, y))
    at_x: Any = slice(None)
    at_y: Any = slice(None)
    common = in_x
    if not np.array_equal(in_x, in_y):
        common, at_x, at_y = np.intersect1d(in_x, in_y, assume_unique=True, return_indices=True)
    task, place = np.unique(common // top, return_inverse=True)
    d = y.passed[at_y].astype(np.float64) - x.passed[at_x]
    pairs = np.bincount(place, minlength=len(task))
    return task, np.bincount(place, weights=d, minlength=len(task)) / np.maximum(pairs, 1)


def _by_task(x: Sample, y: Sample) -> tuple[Ints, Floats]:
    ran = [s.task_index[s.n > 0] for s in (x, y)]
    rates = [s.c[s.n > 0] / s.n[s.n > 0] for s in (x, y)]
    task, at_x, at_y = np.intersect1d(ran[0], ran[1], assume_unique=True, return_indices=True)
    return task, rates[1][at_y] - rates[0][at_x]
