"""Was it the model or the harness? Two cells that differ in both, with the two between them."""

from __future__ import annotations

from dataclasses import dataclass

from harnesslab.score.interaction import interact
from harnesslab.score.paired import adjust, compare_pairs, named
from harnesslab.score.sample import samples
from harnesslab.score.summary import Comparison, HarnessByModel
from harnesslab.store.columns import Columns


@dataclass(frozen=True, slots=True)
class Crossed:
    """The four cells of two models and two harnesses.

    Attributes:
        effects: the harness effect at A's and at B's model, the model effect in A's and in B's harness; adjusted
            within each kind.
    """

    effects: tuple[Comparison, ...]
    interaction: HarnessByModel


def crossed(columns: Columns, a: str, b: str, *, seed: int = 0, level: float = 0.95) -> tuple[Crossed, ...]:
    """One for each suite in which A and B differ in model and harness and all four cells share tasks.

    Raises:
        UserError: a name fits no cell.
    """
    every = samples(columns)
    cells = {(s.cell.model, s.cell.harness, s.cell.suite): s for s in every}
    found = []
    for x in named(every, a):
        for y in named(every, b):
            suite = x.cell.suite
            if suite != y.cell.suite or x.cell.model == y.cell.model or x.cell.harness == y.cell.harness:
                continue
            up = cells.get((x.cell.model, y.cell.harness, suite))
            across = cells.get((y.cell.model, x.cell.harness, suite))
            if up is None or across is None:
                continue
            pairs = ((x, up), (across, y), (x, across), (up, y))
            effects = adjust(compare_pairs(pairs, seed=seed, level=level))
            (mixed,) = interact([(x, up, across, y)], seed=seed, level=level)
            if mixed.tasks:
                found.append(Crossed(effects, mixed))
    return tuple(found)
