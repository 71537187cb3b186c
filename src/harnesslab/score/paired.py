"""Paired comparison of two cells: difference of pass^1, interval, sign-flip test, correction for many comparisons.

Arms that share random numbers are positively correlated, so they are judged by differences, never by two intervals.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harnesslab.errors import UserError, unknown_name
from harnesslab.score.estimate import difference
from harnesslab.score.reliability import is_greedy
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


def all_pairs(
    every: Sequence[Sample], *, seed: int, level: float, arms: Collection[str] = ()
) -> tuple[Comparison, ...]:
    """Every two cells of a suite that differ in the harness only, then those that differ in the model only.

    Args:
        arms: labels of cells that are not compared by harness: an ablation's, which has a table of its own.
    """

    def wanted(x: Sample, y: Sample) -> bool:
        kind = _kind(x, y)
        return kind == "model" or (kind == "harness" and not {x.cell.label, y.cell.label} & set(arms))

    pairs = [(x, y) for x, y in combinations(every, 2) if x.cell.suite == y.cell.suite and wanted(x, y)]
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
    sums = [paired_differences(x, y) for x, y in pairs]
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


def paired_differences(x: Sample, y: Sample) -> tuple[Floats, Floats]:
    """(differences, tasks) per base task, float64[b]: y minus x of success rates, summed over the tasks both ran."""
    return contrast([x, y], [-1.0, 1.0], [x.passed, y.passed])


def contrast(arms: Sequence[Sample], signs: Sequence[float], values: Sequence[NDArray[Any]]) -> tuple[Floats, Floats]:
    """(sums, tasks) per base task, float64[b], of a signed sum over arms.

    Within one model, repeat r of a task is paired with repeat r: both drew the same random numbers. Across models there
    is no such pairing, and means over a task's repeats are taken; so too where one cell is greedy: its one repeat
    stands for all.

    Args:
        values: one per arm, a value per trial. A repeat that one of the arms it is paired in lacks, and a task that
            any arm lacks, is left out of all.
    """
    alike: dict[tuple[str, bool], list[int]] = {}
    for i, s in enumerate(arms):
        alike.setdefault((s.cell.model, is_greedy(s)), []).append(i)
    parts = [
        _by_repeat([arms[i] for i in group], [signs[i] for i in group], [values[i] for i in group])
        for group in alike.values()
    ]
    common = reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), (task for task, _ in parts))
    total = np.zeros(len(common))
    for task, value in parts:
        total += value[np.searchsorted(task, common)]
    return _by_base(arms[0], common, total)


def _by_repeat(arms: Sequence[Sample], signs: Sequence[float], values: Sequence[NDArray[Any]]) -> tuple[Ints, Floats]:
    """(positions of tasks, means over the repeats that all arms have), int64[t] and float64[t]."""
    top = 1 + max(int(s.repeat.max(initial=0)) for s in arms)
    keys = [s.task_index[s.task] * top + s.repeat for s in arms]
    rows: list[Any] = [slice(None)] * len(arms)
    if not all(np.array_equal(keys[0], key) for key in keys[1:]):
        common = reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), keys)
        rows = [np.intersect1d(common, key, assume_unique=True, return_indices=True)[2] for key in keys]
    first = arms[0]
    task = first.task[rows[0]]
    total = np.zeros(len(task))
    for at, sign, value in zip(rows, signs, values, strict=True):
        total += sign * value[at]
    repeats = np.bincount(task, minlength=len(first.tasks))
    sums = np.bincount(task, weights=total, minlength=len(first.tasks))
    ran = repeats > 0
    return first.task_index[ran], sums[ran] / repeats[ran]


def _by_base(x: Sample, task: Ints, value: Floats) -> tuple[Floats, Floats]:
    """(sums, tasks) per base task, float64[b], of values per task; `task` are positions among tasks that x ran."""
    base = x.base[np.searchsorted(x.task_index, task)]
    weights = np.bincount(base, minlength=x.bases).astype(np.float64)
    there = weights > 0
    return np.bincount(base, weights=value, minlength=x.bases).astype(np.float64)[there], weights[there]
