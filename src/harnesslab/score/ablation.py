"""What each layer does: cells of one model and suite that differ by it alone.

Everything is paired by task and repeat, as such cells drew the same random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import numpy as np

from harnesslab.score.estimate import difference, mean_difference
from harnesslab.score.paired import as_family, compare_pairs, contrast, paired_differences, tested
from harnesslab.score.power import detectable_given
from harnesslab.score.sample import Ints, Sample
from harnesslab.score.stacks import Stack, stack_of
from harnesslab.score.summary import NO_FIGURE, Ablation, Comparison, Effect, Gain, Interaction
from harnesslab.store.columns import Columns
from harnesslab_kernels import events as ev


@dataclass(frozen=True, slots=True)
class Arm:
    """One cell of a grid. `acted` counts a layer's interventions in each of its trials, int64[n]."""

    sample: Sample
    stack: Stack
    acted: Callable[[str], Ints]

    @property
    def tokens(self) -> float | None:
        return float(self.sample.tokens.mean()) if len(self.sample.task) else None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two arms that differ by one layer."""

    layer: str
    without: Arm
    within: Arm
    alone: bool


def ablations(columns: Columns, every: Sequence[Sample], *, seed: int, level: float) -> tuple[Ablation, ...]:
    """One for each model and suite of which some cells differ by one layer.

    Args:
        every: all samples of the columns, in their order.
    """
    found = []
    for grid in _grids(columns, every):
        pairs = _pairs(grid)
        if pairs:
            found.append((grid, pairs, _effects(pairs, seed, level)))
    family = iter(as_family([effect.points for _, _, effects in found for effect in effects]))
    return tuple(
        _ablation(grid, pairs, [_judged(effect, next(family), level) for effect in effects], seed, level)
        for grid, pairs, effects in found
    )


def _grids(columns: Columns, every: Sequence[Sample]) -> list[list[Arm]]:
    """The cells that have any trial, by what they have in common but for their layers."""
    acted = _interventions(columns)
    grids: dict[tuple[str, str, str], list[Arm]] = {}
    for sample in every:
        stack = stack_of(sample.cell)
        if stack is not None and len(sample.task):
            arm = Arm(sample, stack, acted(sample))
            grids.setdefault((sample.cell.model, sample.cell.suite, stack.rest), []).append(arm)
    return list(grids.values())


def _interventions(columns: Columns) -> Callable[[Sample], Callable[[str], Ints]]:
    """How often a layer stepped in, by trial; events are read when a layer is asked about."""

    @cache
    def counts(name: str) -> Ints:
        if name not in columns.layers:
            return np.zeros(len(columns.trials), np.int64)
        events = columns.events
        at = np.flatnonzero((events["kind"] == ev.LAYER) & (events["layer"] == columns.layers.index(name)))
        trial = np.searchsorted(columns.offsets, at, side="right") - 1
        return np.bincount(trial, minlength=len(columns.trials)).astype(np.int64)

    return lambda sample: lambda name: counts(name)[sample.trial]


def _pairs(grid: Sequence[Arm]) -> list[_Pair]:
    """Layers taken out of a harness, then layers alone over `loop`.

    A harness that itself lacks a layer of another one in the grid, or only the suite's advice, is not taken apart.
    """
    by_entries = {arm.stack.entries: arm for arm in grid}
    taken = [
        _Pair(layer, by_entries[rest], arm, alone=False)
        for arm in grid
        for layer in arm.stack.layers
        if len(arm.stack.layers) > 1 and (rest := arm.stack.without(layer)) in by_entries
    ]
    lesser = {pair.without.stack.entries for pair in taken} | {a.stack.plain for a in grid if a.stack.informed}
    taken = [pair for pair in taken if pair.within.stack.entries not in lesser]
    alone = [
        _Pair(arm.stack.layers[0], by_entries[()], arm, alone=True)
        for arm in grid
        if len(arm.stack.layers) == 1 and not arm.stack.baseline and () in by_entries
    ]
    return taken + alone


def _effects(pairs: Sequence[_Pair], seed: int, level: float) -> list[Effect]:
    found = compare_pairs([(p.without.sample, p.within.sample) for p in pairs], seed=seed, level=level)
    return [_effect(pair, points, level) for pair, points in zip(pairs, found, strict=True)]


def _effect(pair: _Pair, points: Comparison, level: float) -> Effect:
    without, within = pair.without.sample, pair.within.sample
    spent = contrast([without, within], [-1.0, 1.0], [without.tokens, within.tokens])
    acted = pair.within.acted(pair.layer)
    return Effect(
        layer=pair.layer,
        informed=pair.layer in pair.within.stack.informed,
        alone=pair.alone,
        points=points,
        tokens=mean_difference(*spent, level),
        acted=float((acted > 0).mean()) if len(acted) else None,
        per_trial=float(acted.mean()) if len(acted) else None,
        detectable=detectable_given(points.difference, level),
        verdict="",
    )


def _judged(effect: Effect, points: Comparison, level: float) -> Effect:
    return replace(effect, points=points, verdict=verdict(points, level))


def verdict(found: Comparison, level: float) -> str:
    """What may be said of a difference, once all of its family are looked at."""
    low, high = found.difference.low, found.difference.high
    if low is None or high is None or low <= 0.0 <= high:
        return "nothing seen"
    if found.p_adjusted > 1.0 - level:
        return "unsure"
    return "helps" if low > 0.0 else "hurts"


def _ablation(
    grid: Sequence[Arm], pairs: Sequence[_Pair], effects: Sequence[Effect], seed: int, level: float
) -> Ablation:
    named = [arm for pair in pairs for arm in (pair.without, *([pair.within] if pair.alone else []))]
    return Ablation(
        model=grid[0].sample.cell.model,
        suite=grid[0].sample.cell.suite,
        effects=tuple(effects),
        interactions=tuple(_interactions(grid, pairs, effects, seed, level)),
        gains=tuple(_gain(arm, grid, level) for arm in grid),
        arms=tuple(dict.fromkeys(arm.sample.cell.label for arm in named if not arm.stack.baseline)),
    )


# --- interactions


def _interactions(
    grid: Sequence[Arm], pairs: Sequence[_Pair], effects: Sequence[Effect], seed: int, level: float
) -> Iterator[Interaction]:
    """Of the two largest effects in each harness taken apart; where none was, of the two largest alone."""
    groups: dict[str, list[tuple[_Pair, Effect]]] = {}
    for pair, effect in zip(pairs, effects, strict=True):
        groups.setdefault("" if pair.alone else pair.within.sample.cell.label, []).append((pair, effect))
    for label, group in groups.items():
        if len(group) < 2 or (not label and len(groups) > 1):
            continue
        largest = sorted(group, key=lambda found: -abs(found[1].points.difference.value or 0.0))[:2]
        x, y = (pair for pair, _ in largest)
        yield _interaction(grid, x, y, seed, level)


def _interaction(grid: Sequence[Arm], x: _Pair, y: _Pair, seed: int, level: float) -> Interaction:
    by_entries = {arm.stack.entries: arm.sample for arm in grid}
    layers = (x.layer, y.layer)
    if not x.alone:
        whole = x.within.stack
        cells = [whole.entries, whole.without(x.layer), whole.without(y.layer), whole.without(*layers)]
        lacks = f"{x.within.sample.cell.harness} without {x.layer} and {y.layer}"
    else:
        both = (*x.within.stack.entries, *y.within.stack.entries)
        cells = [both, y.within.stack.entries, x.within.stack.entries, ()]
        if both not in by_entries:
            cells[0] = (*y.within.stack.entries, *x.within.stack.entries)
        lacks = f"a harness of {x.layer} and {y.layer} alone"
    if any(entries not in by_entries for entries in cells):
        return Interaction(layers, NO_FIGURE, None, (), lacks)
    arms = [by_entries[entries] for entries in cells]
    d, w = contrast(arms, [1.0, -1.0, -1.0, 1.0], [arm.passed for arm in arms])
    (judged,) = tested([d], [False], seed=seed, level=level)
    return Interaction(layers, difference(d, w, level, reach=2.0), judged.p, tuple(a.cell.label for a in arms), "")


# --- gains


def _gain(arm: Arm, grid: Sequence[Arm], level: float) -> Gain:
    over = {}
    for name in ("abort", "loop", "best-of-n"):
        base = _baseline(name, arm, grid)
        if base is not None and arm.stack.baseline != name:
            over[name] = difference(*paired_differences(base.sample, arm.sample), level)
    informed = arm.stack.informed
    plain = next((a for a in grid if a.stack.entries == arm.stack.plain), None) if informed else None
    return Gain(
        cell=arm.sample.cell.label,
        harness=arm.sample.cell.harness,
        over=MappingProxyType(over),
        tokens=arm.tokens,
        informed=informed,
        plain=plain.sample.cell.label if plain is not None else "",
    )


def _baseline(name: str, arm: Arm, grid: Sequence[Arm]) -> Arm | None:
    """The cell of a baseline; of several best-of-n the one that spends most nearly what this arm spends."""
    found = [a for a in grid if a.stack.baseline == name]
    return min(found, key=lambda a: abs((a.tokens or 0.0) - (arm.tokens or 0.0)), default=None)
