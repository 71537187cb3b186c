"""Does a harness help one model more than another? The difference of two paired differences, "for these levels".

    interaction = (B - A at the second model) - (B - A at the first model)

Base tasks are the units, as in `paired`; a task counts if all four cells ran it.
"""

from __future__ import annotations

from collections.abc import Sequence

from harnesslab.score.estimate import difference
from harnesslab.score.paired import as_family, contrast, tested
from harnesslab.score.sample import Sample
from harnesslab.score.summary import HarnessByModel


def interactions(every: Sequence[Sample], *, seed: int, level: float) -> tuple[HarnessByModel, ...]:
    """Of each suite: every other harness against the first one, at every other model against the first one.

    These span all interactions of the grid; "first" is the order of the sweep. One family for the adjustment.
    """
    squares = []
    for suite in dict.fromkeys(s.cell.suite for s in every):
        cells = {(s.cell.model, s.cell.harness): s for s in every if s.cell.suite == suite}
        models = list(dict.fromkeys(model for model, _ in cells))
        harnesses = list(dict.fromkeys(harness for _, harness in cells))
        for model in models[1:]:
            for harness in harnesses[1:]:
                corners = [(m, h) for m in (models[0], model) for h in (harnesses[0], harness)]
                if all(corner in cells for corner in corners):
                    squares.append([cells[corner] for corner in corners])
    return tuple(as_family(interact(squares, seed=seed, level=level)))


def interact(squares: Sequence[Sequence[Sample]], *, seed: int, level: float) -> list[HarnessByModel]:
    """(b2 - a2) - (b - a) of each [a, b, a2, b2], not yet adjusted.

    a and b are one model in two harnesses, a2 and b2 another model in the same two.
    """
    sums = [contrast(square, [1.0, -1.0, -1.0, 1.0], [s.passed for s in square]) for square in squares]
    verdicts = tested([d for d, _ in sums], [False] * len(sums), seed=seed, level=level)
    return [
        HarnessByModel(
            models=(a.cell.model, a2.cell.model),
            harnesses=(a.cell.harness, b.cell.harness),
            suite=a.cell.suite,
            difference=difference(d, w, level, reach=2.0),
            p=verdict.p,
            p_adjusted=verdict.p,
            tasks=int(w.sum()),
            base_tasks=len(d),
            discordant=verdict.discordant,
            can_reach=verdict.can_reach,
        )
        for (a, b, a2, _), (d, w), verdict in zip(squares, sums, verdicts, strict=True)
    ]
