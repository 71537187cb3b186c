"""Which metric predicts reliability: read on one half of the base tasks, held against pass^k on the other half.

For every split, Spearman's rank correlation over cells of (metric on one half, pass^k on the other), both ways round;
their mean over splits. The interval redraws cells. Beside it the gap: by how much a score of single calls or single
attempts overstates pass^k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harnesslab.errors import UserError
from harnesslab.score.estimate import excess, proportion
from harnesslab.score.reliability import is_greedy
from harnesslab.score.sample import Floats, Sample, samples
from harnesslab.score.summary import Figure
from harnesslab.score.untold import untold_of
from harnesslab.store.columns import Columns
from harnesslab_kernels import counts as c

FEWEST_CELLS = 8
FEWEST_BASES = 4  # of a cell: two in each half
SPLITS = 100
REDRAWS = 1_000
METRICS = ("pass^1", "pass rate", "first attempt", "recovery", "budget")


@dataclass(frozen=True, slots=True)
class Prediction:
    """Attributes:
    correlation: n counts the cells in which the metric exists; no value below FEWEST_CELLS.
    """

    metric: str
    correlation: Figure


@dataclass(frozen=True, slots=True)
class Gap:
    """Scores, and by how much a score of single calls or of single attempts exceeds pass^k; `label` a cell's."""

    label: str
    first_attempt: Figure
    pass_1: Figure
    pass_k: Figure
    call_over: Figure  # first-attempt accuracy - pass^k, -1 to 1
    attempt_over: Figure  # pass^1 - pass^k, 0 to 1


@dataclass(frozen=True, slots=True)
class Reliability:
    """Attributes:
    k: of pass^k: the fewest repeats of any cell.
    pooled: the gap over the tasks of all cells together.
    left_out: labels of cells that have no pass^k for k > 1, or too few base tasks.
    """

    k: int
    predictions: tuple[Prediction, ...]
    gaps: tuple[Gap, ...]
    pooled: Gap
    left_out: tuple[str, ...]
    suites: int


def predict(sweeps: Sequence[Columns], *, seed: int = 0, level: float = 0.95) -> Reliability:
    """Over the cells of all sweeps; the same cell in two of them counts once.

    Raises:
        UserError: fewer than FEWEST_CELLS cells have repeats.
    """
    every = {s.cell.key: s for columns in sweeps for s in samples(columns)}.values()
    usable = [s for s in every if _usable(s)]
    if len(usable) < FEWEST_CELLS:
        raise UserError(
            f"{len(usable)} of {len(every)} cells have at least 2 repeats of {FEWEST_BASES} templates",
            f"a rank correlation over fewer than {FEWEST_CELLS} cells says nothing",
            "name more sweeps, or run more models, harnesses or repeats",
        )
    k = min(int(s.n.max()) for s in usable)
    places = _places(usable)
    sums = [_sums(s, k) for s in usable]
    read, target = _halves(usable, sums, places, seed)
    predictions = [
        Prediction(metric, _correlation(read[..., i], target, seed, level)) for i, metric in enumerate(METRICS)
    ]
    gaps = tuple(_gap(s.cell.label, x, len(s.task), level) for s, x in zip(usable, sums, strict=True))
    return Reliability(
        k=k,
        predictions=tuple(sorted(predictions, key=lambda p: -_or(p.correlation.value, -2.0))),
        gaps=gaps,
        pooled=_gap("all cells", _pool(usable, sums, places), sum(len(s.task) for s in usable), level),
        left_out=tuple(s.cell.label for s in every if not _usable(s)),
        suites=len({s.cell.suite for s in usable}),
    )


def _usable(s: Sample) -> bool:
    enough = int((s.n >= 2).sum()) and s.bases >= FEWEST_BASES
    return bool(enough) and not is_greedy(s) and "verdict" not in untold_of(s.cell)


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


# --- sums per base task: every figure is a ratio of two of them

TARGET, OVER = len(METRICS), len(METRICS) + 1  # rows of pass^k, and of pass^1 - pass^k on the tasks that have both


def _sums(s: Sample, k: int) -> Floats:
    """float64[7, 2, bases]: (part, whole) of each metric, of pass^k, and of pass^1 - pass^k.

    Every metric is better when larger: budget is successes per token, so a cell without any success comes last.
    """
    from harnesslab_kernels.pass_k import pass_k

    hat, _ = pass_k(s.n, s.c, k)
    counts = s.counts.astype(np.float64)

    def total(*columns: int) -> Floats:
        return s.by_base(counts[:, list(columns)].sum(axis=1))

    return np.array(
        [
            s.tasks_by_base(hat[:, 0]),
            (total(c.PARSED), total(c.REPLIES)),
            (total(c.FIRST_HITS), total(c.FIRST_DUE)),
            (total(c.RECOVERED), total(c.EPISODES)),
            (s.tasks_by_base(s.c.astype(np.float64))[0], total(c.PROMPT, c.GENERATED)),
            s.tasks_by_base(hat[:, k - 1]),
            s.tasks_by_base(hat[:, 0] - hat[:, k - 1]),
        ]
    )


def _places(usable: Sequence[Sample]) -> list[list[int]]:
    """For each cell, where its base tasks stand among all of its suite; suites do not share any."""
    known: dict[str, dict[str, int]] = {}
    out = []
    for s in usable:
        mine = known.setdefault(s.cell.suite, {})
        names: dict[int, str] = {int(b): t.base for b, t in zip(s.base, s.tasks, strict=True)}
        out.append([mine.setdefault(names[b], len(mine)) for b in range(s.bases)])
    return out


def _halves(
    usable: Sequence[Sample], sums: Sequence[Floats], places: Sequence[Sequence[int]], seed: int
) -> tuple[Floats, Floats]:
    """Each metric on one half, and pass^k on the other: float64[2 * SPLITS, cells, metrics] and [2 * SPLITS, cells].

    All cells of a suite are split alike.
    """
    rng = np.random.default_rng(seed)
    chosen = {}
    for suite in dict.fromkeys(s.cell.suite for s in usable):
        size = 1 + max(max(p) for p, s in zip(places, usable, strict=True) if s.cell.suite == suite)
        order = np.array([rng.permutation(size) for _ in range(SPLITS)])
        chosen[suite] = order < size // 2
    read, target = [], []
    for s, x, place in zip(usable, sums, places, strict=True):
        one = chosen[s.cell.suite][:, place].astype(np.float64)
        both = np.concatenate([one, 1.0 - one])
        part, whole = (np.einsum("sb,mb->sm", both, x[:, side]) for side in (0, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(whole > 0.0, part / whole, np.nan)
        read.append(ratio[:, :TARGET])
        target.append(np.roll(ratio[:, TARGET], SPLITS))
    return np.stack(read, axis=1), np.stack(target, axis=1)


# --- rank correlation over cells


def _correlation(read: Floats, target: Floats, seed: int, level: float) -> Figure:
    """Mean over splits, float64[splits, cells] each, with a percentile interval over redrawn cells."""
    there = ~np.isnan(read) & ~np.isnan(target)
    cells = int(there.all(axis=0).sum())
    if cells < FEWEST_CELLS:
        return Figure(None, n=cells)
    rng = np.random.default_rng(seed)
    n = read.shape[1]
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), REDRAWS).T.astype(np.float64)
    weights = np.concatenate([np.ones((n, 1)), drawn], axis=1)
    found = np.array([spearman(x, y, weights * t[:, None]) for x, y, t in zip(read, target, there, strict=True)])
    if np.isnan(found[:, 0]).all():
        return Figure(None, n=cells)
    counted = ~np.isnan(found)
    means = np.where(counted, found, 0.0).sum(axis=0) / np.maximum(1, counted.sum(axis=0))
    redrawn = means[1:][counted.any(axis=0)[1:]]
    low, high = np.quantile(redrawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Figure(float(means[0]), float(low), float(high), cells, "cells redrawn")


def spearman(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Rank correlation of float64[n] and float64[n] in which each pair counts as often as its weight says.

    Ties share their mean rank. Source: Spearman 1904; it is Pearson's correlation of the ranks.

    Args:
        weights: float64[n, r], r sets of whole numbers; x and y may be NaN where they are 0.

    Returns:
        float64[r]; NaN where x or y does not vary.
    """
    ranks = [(np.less.outer(v, v).T + 0.5 * np.equal.outer(v, v)) @ weights for v in (x, y)]
    total = weights.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = (r - (weights * r).sum(axis=0) / total for r in ranks)
        covariance, first, second = ((weights * u * v).sum(axis=0) for u, v in ((a, b), (a, a), (b, b)))
        spread = np.sqrt(first * second)
        return np.where(spread > 1e-9, covariance / spread, np.nan)


# --- the gap


def _gap(label: str, x: Floats, trials: int, level: float) -> Gap:
    first, attempt = METRICS.index("first attempt"), METRICS.index("pass^1")

    def share(row: int, observations: float, *, rare: bool) -> Figure:
        return proportion(x[row, 0], x[row, 1], observations, level, rare=rare)

    reliable, call = share(TARGET, trials, rare=True), share(first, float(x[first, 1].sum()), rare=False)
    return Gap(
        label=label,
        first_attempt=call,
        pass_1=share(attempt, trials, rare=False),
        pass_k=reliable,
        call_over=excess(call, reliable),
        attempt_over=share(OVER, trials, rare=True),
    )


def _pool(usable: Sequence[Sample], sums: Sequence[Floats], places: Sequence[Sequence[int]]) -> Floats:
    """The cells' sums added up: a base task that several cells ran is one unit of chance."""
    found: dict[tuple[str, int], Floats] = {}
    for s, x, place in zip(usable, sums, places, strict=True):
        for i, b in enumerate(place):
            found[s.cell.suite, b] = found.get((s.cell.suite, b), 0.0) + x[:, :, i]
    return np.stack(list(found.values()), axis=-1)
