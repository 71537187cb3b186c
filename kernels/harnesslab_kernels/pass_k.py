"""pass^k (all of k attempts succeed) and pass@k (at least one does), per task, for every k at once.

    pass^k = C(c, k) / C(n, k)            pass@k = 1 - C(n - c, k) / C(n, k)

for c successes in n trials of a task; a cell's figure is the mean over its tasks. Both are unbiased. Sources: pass^k,
Yao et al. 2024 (tau-bench), equation 1; pass@k, Chen et al. 2021 (Codex), equation 1. The ratio of binomials is taken
as a product of k factors, so no factorial overflows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import kernel


@kernel
def pass_k(n: NDArray[np.int64], c: NDArray[np.int64], k_max: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both figures of every task.

    Args:
        n: int64[g], trials of each task in each cell; missing ones are not in it.
        c: int64[g], successes, 0 <= c <= n.
        k_max: largest k.

    Returns:
        (pass^k, pass@k), each float64[g, k_max]; column k - 1 is k. NaN where n < k.
    """
    hat = np.full((len(n), k_max), np.nan)
    at = np.full((len(n), k_max), np.nan)
    for g in range(len(n)):
        every = 1.0
        none = 1.0
        for k in range(min(n[g], k_max)):
            every *= max(c[g] - k, 0) / (n[g] - k)
            none *= max(n[g] - c[g] - k, 0) / (n[g] - k)
            hat[g, k] = every
            at[g, k] = 1.0 - none
    return hat, at
