"""Sums of trials' counts over groups of trials, such as those of one task in one cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import kernel


@kernel
def sum_rows(rows: NDArray[np.int32], group: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """Adds up rows of one group.

    Args:
        rows: int32[n, w].
        group: int64[n], the group of each row, 0 to groups - 1; a row of group -1 is left out.
        groups: how many there are.

    Returns:
        int64[groups, w].
    """
    width = rows.shape[1]
    out = np.zeros((groups, width), dtype=np.int64)
    for i in range(len(rows)):
        g = group[i]
        if g >= 0:
            for j in range(width):
                out[g, j] += rows[i, j]
    return out
