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
    found = [compare_cells(x, y, seed=seed, level=level) for x in left for y in right if x.cell.suite == y.cell.suite]
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

    found = [
        compare_cells(x, y, seed=seed, level=level)
        for x, y in combinations(every, 2)
        if x.cell.suite == y.cell.suite and wanted(x, y)
    ]
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


def tested(d: Floats, *, seed: int, level: float, single: bool) -> Verdict:
    """Sign-flip test of float64[b]; McNemar's where `single`: one trial per arm and base task, so d is -1, 0 or 1."""
    from harnesslab_kernels.resample import sign_flip

    live = np.where(np.abs(d) > 1e-12, d, 0.0)
    discordant = int(np.count_nonzero(live))
    if single:
        p, test = mcnemar(int((live > 0).sum()), int((live < 0).sum())), "mcnemar"
    else:
        p, test = float(sign_flip(live, FLIPS, seed)), "sign-flip"
    return Verdict(p, test, discordant, can_reach=2.0 ** (1 - discordant) <= 1.0 - level + 1e-12)


def compare_cells(x: Sample, y: Sample, *, seed: int, level: float) -> Comparison:
    """One comparison, y minus x, not yet adjusted."""
    d, w = by_base(x, *task_differences(x, y))
    single = bool((w == 1.0).all()) and max(int(s.n.max(initial=0)) for s in (x, y)) <= 1
    verdict = tested(d, seed=seed, level=level, single=single)
    return Comparison(
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


def sign_flip_p(d: Floats, seed: int) -> float:
    """p of the sign-flip test; `d` is float64[b], one difference per base task."""
    from harnesslab_kernels.resample import sign_flip

    return float(sign_flip(np.where(np.abs(d) > 1e-12, d, 0.0), FLIPS, seed))


def paired_differences(x: Sample, y: Sample) -> tuple[Floats, Floats]:
    """(differences, tasks) per base task, float64[b]: sums over the tasks both ran."""
    return by_base(x, *task_differences(x, y))


def task_differences(x: Sample, y: Sample) -> tuple[Ints, Floats]:
    """(position of each task that both ran, y minus x of its success rate), int64[t] and float64[t].

    Within one model, repeat r of a task is paired with repeat r: both drew the same random numbers. Across models there
    is no such pairing, and a task's rates are compared; so too where one cell is greedy: its one repeat stands for all.
    """
    return _by_arms([x, y], [-1.0, 1.0], [x.passed, y.passed])


def contrast(arms: Sequence[Sample], signs: Sequence[float], values: Sequence[NDArray[Any]]) -> tuple[Floats, Floats]:
    """(sums, tasks) per base task, float64[b], of a signed sum over arms, paired as `paired_differences` says.

    Args:
        values: one per arm, a value per trial. A repeat, or a task, that one of the arms lacks is left out of all.
    """
    return by_base(arms[0], *_by_arms(arms, signs, values))


def _by_arms(arms: Sequence[Sample], signs: Sequence[float], values: Sequence[NDArray[Any]]) -> tuple[Ints, Floats]:
    alike = len({(s.cell.model, is_greedy(s)) for s in arms}) == 1
    return _by_repeat(arms, signs, values) if alike else _by_task(arms, signs, values)


def _by_repeat(arms: Sequence[Sample], signs: Sequence[float], values: Sequence[NDArray[Any]]) -> tuple[Ints, Floats]:
    top = 1 + max(int(s.repeat.max(initial=0)) for s in arms)
    keys = [s.task_index[s.task] * top + s.repeat for s in arms]
    common = reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), keys)
    total = np.zeros(len(common))
    for key, sign, value in zip(keys, signs, values, strict=True):
        _, _, at = np.intersect1d(common, key, assume_unique=True, return_indices=True)
        total += sign * value[at]
    task, place = np.unique(common // top, return_inverse=True)
    pairs = np.bincount(place, minlength=len(task))
    return task, np.bincount(place, weights=total, minlength=len(task)) / np.maximum(pairs, 1)


def _by_task(arms: Sequence[Sample], signs: Sequence[float], values: Sequence[NDArray[Any]]) -> tuple[Ints, Floats]:
    """Of each task the mean of its trials."""
    ran = [s.task_index[s.n > 0] for s in arms]
    common = reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), ran)
    total = np.zeros(len(common))
    for s, tasks, sign, value in zip(arms, ran, signs, values, strict=True):
        _, _, at = np.intersect1d(common, tasks, assume_unique=True, return_indices=True)
        sums = np.bincount(s.task, weights=value, minlength=len(s.tasks))[s.n > 0]
        total += sign * (sums / s.n[s.n > 0])[at]
    return common, total


def by_base(x: Sample, task: Ints, value: Floats) -> tuple[Floats, Floats]:
    """(sums, tasks) per base task, float64[b], of values per task; `task` are positions among tasks that x ran."""
    bases = {int(t): row.base for t, row in zip(x.task_index, x.tasks, strict=True)}
    names, base = np.unique(np.array([bases[int(t)] for t in task], dtype=object), return_inverse=True)
    weights = np.bincount(base, minlength=len(names)).astype(np.float64)
    return np.bincount(base, weights=value, minlength=len(names)).astype(np.float64), weights
