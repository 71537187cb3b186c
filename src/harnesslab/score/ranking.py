"""Which arm is best, and which differences between arms are noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from harnesslab.score.reliability import pass_1
from harnesslab.score.sample import Floats, Sample
from harnesslab.score.summary import Comparison, Place, Ranking

REDRAWS = 2_000


def rankings(
    every: Sequence[Sample], comparisons: Sequence[Comparison], *, seed: int, level: float
) -> tuple[Ranking, ...]:
    """The harnesses of each model and suite, then the models of each harness and suite, where there are several."""
    found = []
    for kind in ("harness", "model"):
        groups: dict[tuple[str, str], list[Sample]] = {}
        for s in every:
            fixed = s.cell.model if kind == "harness" else s.cell.harness
            groups.setdefault((fixed, s.cell.suite), []).append(s)
        noise = {frozenset((c.a, c.b)) for c in comparisons if c.kind == kind and c.p_adjusted > 1.0 - level}
        for (fixed, suite), arms in groups.items():
            rates = _common_rates(arms)
            if len(arms) > 1 and len(rates):
                best = _best(arms, rates, seed)
                places = tuple(_places(arms, kind, best, noise, level))
                found.append(Ranking(kind, fixed, suite, places, len(rates)))
    return tuple(found)


def _best(arms: Sequence[Sample], rates: Floats, seed: int) -> Mapping[str, float]:
    """By label: in which share of redraws of base tasks the arm has the highest pass^1; ties are shared."""
    from harnesslab_kernels.resample import bootstrap_sums

    drawn = bootstrap_sums(rates, REDRAWS, seed)
    best = np.abs(drawn - drawn.max(axis=1, keepdims=True)) < 1e-9
    share = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    return MappingProxyType({a.cell.label: float(v) for a, v in zip(arms, share, strict=True)})


def _places(
    arms: Sequence[Sample], kind: str, best: Mapping[str, float], noise: set[frozenset[str]], level: float
) -> list[Place]:
    """Highest pass^1 first."""

    def name(s: Sample) -> str:
        return s.cell.harness if kind == "harness" else s.cell.model

    def alike(s: Sample) -> tuple[str, ...]:
        return tuple(name(o) for o in arms if o is not s and frozenset((s.cell.label, o.cell.label)) in noise)

    places = [Place(name(s), pass_1(s, level), best[s.cell.label], alike(s)) for s in arms]
    return sorted(places, key=lambda place: -(place.pass_1.value or 0.0))


def _common_rates(arms: Sequence[Sample]) -> Floats:
    """float64[b, arms]: summed success rates of each base task, over tasks that every arm has run."""
    common = arms[0].task_index
    for s in arms:
        common = common[np.isin(common, s.task_index[s.n > 0])]
    at = [np.searchsorted(s.task_index, common) for s in arms]
    _, base = np.unique(arms[0].base[at[0]], return_inverse=True)
    rates = [np.bincount(base, weights=s.c[i] / s.n[i]) for s, i in zip(arms, at, strict=True)]
    return np.stack(rates, axis=1).astype(np.float64)
