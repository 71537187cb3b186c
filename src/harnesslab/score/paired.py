"""Paired comparison of two cells: difference of pass^1, interval, sign-flip test, correction for many comparisons.

Arms that share random numbers are positively correlated, so they are judged by differences, never by two intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from types import MappingProxyType

import numpy as np

from harnesslab.errors import UserError, unknown_name
from harnesslab.score.estimate import difference
from harnesslab.score.sample import Floats, Ints, Sample, samples
from harnesslab.score.summary import Comparison, Ranking
from harnesslab.store.columns import Columns
from harnesslab_kernels.intervals import benjamini_hochberg

FLIPS = 20_000
REDRAWS = 2_000


def compare(columns: Columns, a: str, b: str, *, seed: int = 0, level: float = 0.95) -> tuple[Comparison, ...]:
    """The paired differences B minus A of two cells named MODEL/HARNESS or MODEL/HARNESS/SUITE, one per common suite.

    Raises:
        UserError: a name fits no cell, or the cells share no suite.
    """
    every = samples(columns)
    left, right = _named(every, a), _named(every, b)
    found = compare_pairs(
        [(x, y) for x in left for y in right if x.cell.suite == y.cell.suite], seed=seed, level=level
    )
    if not found:
        raise UserError(f"{a} and {b} share no suite", "a paired difference needs tasks that both have run")
    return adjust(found)


def _named(every: Sequence[Sample], name: str) -> list[Sample]:
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
        at = [i for i, c in enumerate(out) if c.kind == kind and c.tasks]
        for i, p in zip(at, benjamini_hochberg([out[i].p for i in at]), strict=True):
            out[i] = replace(out[i], p_adjusted=float(p))
    return tuple(out)


def compare_pairs(pairs: Sequence[tuple[Sample, Sample]], *, seed: int, level: float) -> list[Comparison]:
    """One comparison per pair, second minus first, not yet adjusted; the tests of all of them in one call."""
    from harnesslab_kernels.resample import sign_flips

    found = [paired_differences(x, y) for x, y in pairs]
    signs = np.zeros((len(found), max((len(d) for d, _ in found), default=0)))
    for row, (d, _) in zip(signs, found, strict=True):
        row[: len(d)] = np.where(np.abs(d) > 1e-12, d, 0.0)
    tests = zip(pairs, found, np.count_nonzero(signs, axis=1), sign_flips(signs, FLIPS, seed), strict=True)
    return [
        Comparison(
            kind=_kind(x, y),
            a=x.cell.label,
            b=y.cell.label,
            difference=difference(d, w, level),
            p=float(p),
            p_adjusted=float(p),
            tasks=int(w.sum()),
            base_tasks=len(d),
            discordant=int(discordant),
            can_reach=2.0 ** (1 - int(discordant)) <= 1.0 - level + 1e-12,
        )
        for (x, y), (d, w), discordant, p in tests
    ]


def paired_differences(x: Sample, y: Sample) -> tuple[Floats, Floats]:
    """(differences, tasks) per base task, float64[b]: sums over the tasks both ran.

    Within one model, repeat r of a task is paired with repeat r: both drew the same random numbers. Across models there
    is no such pairing, and a task's rates are compared.
    """
    if x.cell.model == y.cell.model:
        task, value = _by_repeat(x, y)
    else:
        task, value = _by_task(x, y)
    base = x.base[np.searchsorted(x.task_index, task)]
    weights = np.bincount(base, minlength=x.bases).astype(np.float64)
    there = weights > 0
    return np.bincount(base, weights=value, minlength=x.bases).astype(np.float64)[there], weights[there]


def _by_repeat(x: Sample, y: Sample) -> tuple[Ints, Floats]:
    top = 1 + max(int(s.repeat.max(initial=0)) for s in (x, y))
    keys = [s.task_index[s.task] * top + s.repeat for s in (x, y)]
    if np.array_equal(*keys):  # nothing is missing
        common, at_x, at_y = keys[0], slice(None), slice(None)
    else:
        common, at_x, at_y = np.intersect1d(*keys, assume_unique=True, return_indices=True)
    task, place = np.unique(common // top, return_inverse=True)
    d = y.passed[at_y].astype(np.float64) - x.passed[at_x]
    pairs = np.bincount(place, minlength=len(task))
    return task, np.bincount(place, weights=d, minlength=len(task)) / np.maximum(pairs, 1)


def _by_task(x: Sample, y: Sample) -> tuple[Ints, Floats]:
    ran = [s.task_index[s.n > 0] for s in (x, y)]
    rates = [s.c[s.n > 0] / s.n[s.n > 0] for s in (x, y)]
    task, at_x, at_y = np.intersect1d(ran[0], ran[1], assume_unique=True, return_indices=True)
    return task, rates[1][at_y] - rates[0][at_x]


def rankings(every: Sequence[Sample], *, seed: int) -> tuple[Ranking, ...]:
    """For each model and suite with several harnesses: how often each is best when base tasks are drawn anew."""
    from harnesslab_kernels.resample import bootstrap_sums

    groups: dict[tuple[str, str], list[Sample]] = {}
    for s in every:
        groups.setdefault((s.cell.model, s.cell.suite), []).append(s)
    found = []
    for (model, suite), arms in groups.items():
        rates = _common_rates(arms)
        if len(arms) < 2 or not len(rates):
            continue
        drawn = bootstrap_sums(rates, REDRAWS, seed)
        best = np.abs(drawn - drawn.max(axis=1, keepdims=True)) < 1e-9
        share = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
        named = MappingProxyType({a.cell.harness: float(v) for a, v in zip(arms, share, strict=True)})
        found.append(Ranking(model, suite, named, len(rates)))
    return tuple(found)


def _common_rates(arms: Sequence[Sample]) -> Floats:
    """float64[b, arms]: summed success rates of each base task, over tasks that every arm has run."""
    common = arms[0].task_index
    for s in arms:
        common = common[np.isin(common, s.task_index[s.n > 0])]
    at = [np.searchsorted(s.task_index, common) for s in arms]
    _, base = np.unique(arms[0].base[at[0]], return_inverse=True)
    rates = [np.bincount(base, weights=s.c[i] / s.n[i]) for s, i in zip(arms, at, strict=True)]
    return np.stack(rates, axis=1).astype(np.float64)
