"""A harness chosen on one part of the templates and judged on the other: the best of many is partly luck."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from harnesslab.errors import UserError, unknown_name
from harnesslab.score.paired import as_family, compare_pairs
from harnesslab.score.sample import Sample, samples
from harnesslab.score.stacks import stack_of
from harnesslab.score.summary import Choice
from harnesslab.store.columns import Columns, TaskRow
from harnesslab.types import stable_hash


def selection(bases: Iterable[str], suite: str, seed: int) -> frozenset[str]:
    """The half of the base tasks that a harness is chosen on (the smaller, where they are odd): by a seeded hash."""
    ranked = sorted(set(bases), key=lambda base: stable_hash("selection", seed, suite, base))
    return frozenset(ranked[: len(ranked) // 2])


def choose(columns: Columns, model: str, other: str, *, seed: int = 0, level: float = 0.95) -> tuple[Choice, ...]:
    """The harness of a model that is best on the selection half, against another cell on the confirmation half.

    Args:
        other: a cell, MODEL/HARNESS[/SUITE], or a model: then each of its baselines.

    Returns:
        One for each suite that both have run.

    Raises:
        UserError: no such model or cell, fewer than two harnesses to choose from, or too few templates to split.
    """
    every = [s for s in samples(columns) if len(s.task)]
    mine = [s for s in every if s.cell.model == model]
    if not mine:
        raise unknown_name("model", model, {s.cell.model for s in every})
    theirs = [s for s in every if other in (s.cell.label, f"{s.cell.model}/{s.cell.harness}")]
    theirs = theirs or [s for s in every if s.cell.model == other and is_baseline(s)]
    if not theirs:
        raise unknown_name("cell", other, [s.cell.label for s in every])
    suites = [
        suite for suite in dict.fromkeys(s.cell.suite for s in mine) if any(t.cell.suite == suite for t in theirs)
    ]
    if not suites:
        raise UserError(f"{model} and {other} share no suite", "a paired difference needs tasks that both have run")
    found = []
    for suite in suites:
        candidates = [s for s in mine if s.cell.suite == suite]
        if len(candidates) < 2:
            raise UserError(f"{model} has one harness on {suite}", "there is nothing to choose from")
        one = choose_among(candidates, [t for t in theirs if t.cell.suite == suite], seed=seed, level=level)
        if one is None:
            raise UserError(f"too few templates of {suite} to split", "each half needs one that all have run")
        found.append(one)
    return _one_family(found)


def is_baseline(sample: Sample) -> bool:
    stack = stack_of(sample.cell)
    return stack is not None and bool(stack.baseline)


def choose_among(candidates: Sequence[Sample], others: Sequence[Sample], *, seed: int, level: float) -> Choice | None:
    """The choice among cells of one model and suite, p not adjusted; None where the templates do not split.

    Candidates are compared on the tasks that all of them have run. Of equally good ones the one that spends fewer
    tokens is chosen, then the first.
    """
    common = set.intersection(*(_ran(s) for s in candidates))
    bases = {row.base for s in candidates[:1] for t, row in _rows(s) if t in common}
    chosen_on = selection(bases, candidates[0].cell.suite, seed)
    if not chosen_on:
        return None
    rates, spent = {}, {}
    for s in candidates:
        part = s.only(np.array([t in common and row.base in chosen_on for t, row in _rows(s)], dtype=np.bool_))
        rates[s.cell.label] = float((part.c / part.n).mean())
        spent[s.cell.label] = float(part.tokens.mean())
    ranked = sorted(rates, key=lambda label: (-round(rates[label], 9), spent[label]))
    best = next(s for s in candidates if s.cell.label == ranked[0])
    rest = _on(best, bases - chosen_on)
    pairs = [(_on(s, bases - chosen_on), rest) for s in others if s is not best]
    return Choice(
        model=best.cell.model,
        suite=best.cell.suite,
        chosen=best.cell.label,
        candidates=MappingProxyType({label: rates[label] for label in ranked}),
        selection=len(chosen_on),
        confirmation=len(bases - chosen_on),
        confirmed=tuple(compare_pairs(pairs, seed=seed, level=level)),
    )


def choices(
    every: Sequence[Sample], models: Iterable[tuple[str, str]], *, seed: int, level: float
) -> tuple[Choice, ...]:
    """For each of these (model, suite): its best harness against its own baselines and every other model's.

    All comparisons of a report are one family.
    """
    found = []
    for model, suite in models:
        here = [s for s in every if s.cell.suite == suite and len(s.task)]
        candidates = [s for s in here if s.cell.model == model]
        if len(candidates) > 1:
            one = choose_among(candidates, [s for s in here if is_baseline(s)], seed=seed, level=level)
            found += [one] if one is not None else []
    return _one_family(found)


def _one_family(found: Sequence[Choice]) -> tuple[Choice, ...]:
    """With p adjusted among the comparisons of all of them."""
    family = iter(as_family([c for one in found for c in one.confirmed]))
    return tuple(replace(one, confirmed=tuple(next(family) for _ in one.confirmed)) for one in found)


def _rows(sample: Sample) -> list[tuple[int, TaskRow]]:
    return list(zip(sample.task_index.tolist(), sample.tasks, strict=True))


def _ran(sample: Sample) -> set[int]:
    return set(sample.task_index[sample.n > 0].tolist())


def _on(sample: Sample, bases: Iterable[str]) -> Sample:
    wanted = set(bases)
    return sample.only(np.array([row.base in wanted for row in sample.tasks], dtype=np.bool_))
