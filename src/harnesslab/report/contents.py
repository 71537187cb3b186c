"""Which tables a report has, in which order, wherever it is shown."""

from __future__ import annotations

from harnesslab.report.ablation import ablation_grids
from harnesslab.report.grids import (
    Grid,
    by_error,
    costs_with_intervals,
    differences,
    failures,
    interactions,
    ledgers,
    meter,
    rankings,
    shares_with_intervals,
    tiers,
)
from harnesslab.score.summary import Summary


def contents(summary: Summary) -> list[Grid]:
    """After the results: ablations, effects and rankings, intervals, tiers, where calls fail, costs."""
    grids: list[Grid | None] = [*ablation_grids(summary)]
    grids += [grid(summary, kind) for kind in ("harness", "model") for grid in (differences, rankings)]
    grids += [interactions(summary), shares_with_intervals(summary), costs_with_intervals(summary)]
    if any(len(cell.tiers) > 1 for cell in summary.cells):
        grids.append(tiers(summary))
    grids += [failures(summary), by_error(summary)]
    if not all(cell.imported for cell in summary.cells):
        grids.append(ledgers(summary))
    grids.append(meter(summary))
    return [grid for grid in grids if grid is not None]
