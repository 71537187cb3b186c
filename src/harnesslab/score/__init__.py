"""From a sweep's columns to everything its report shows. Knows nothing of SQL, JSON payloads or terminals.

    summarise(columns) -> Summary        every cell, every comparison
    compare(columns, a, b)               the paired difference of two cells, by label

Importing this package loads no compiler; the kernels are loaded when first used.
"""

from harnesslab.score.paired import compare
from harnesslab.score.summary import CellSummary, Comparison, Figure, Summary
from harnesslab.score.tables import summarise

__all__ = ["CellSummary", "Comparison", "Figure", "Summary", "compare", "summarise"]
