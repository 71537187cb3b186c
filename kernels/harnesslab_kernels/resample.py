"""Resampling of base tasks. A base task (all variants of one template, all their repeats) is kept whole: it is what a
new draw of the suite would draw anew, so it is the unit of chance.

The random numbers are counter-based (SplitMix64 of seed, replicate and position), so a result depends on the seed
alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import kernel, part

EXACT_UP_TO = 16  # discordant base tasks: 2**16 sign patterns are enumerated


@part
def _mix(seed: int, a: int, b: int) -> np.uint64:
    """SplitMix64's finaliser over a counter. Source: Steele, Lea, Flood 2014."""
    z = (
        np.uint64(seed)
        + np.uint64(a + 1) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(b + 1) * np.uint64(0xD1B54A32D192ED03)
    )
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def bootstrap_sums(sums: NDArray[np.float64], replicates: int, seed: int) -> NDArray[np.float64]:
    """Column sums over base tasks drawn with replacement.

    Args:
        sums: float64[b, m], one row per base task.
        replicates: how many draws of b rows.
        seed: a non-negative integer.

    Returns:
        float64[replicates, m]. A ratio figure's replicates are a quotient of two columns.
    """
    b, m = sums.shape
    out = np.zeros((replicates, m))
    for r in range(replicates):
        for i in range(b):
            row = int((_mix(seed, r, i) >> np.uint64(32)) * np.uint64(b) >> np.uint64(32))
            for j in range(m):
                out[r, j] += sums[row, j]
    return out


@kernel
def sign_flip(differences: NDArray[np.float64], replicates: int, seed: int) -> float:
    """Two-sided p of a paired difference: how often random signs give a sum at least as far from zero.

    All repeats and variants of a base task flip together, since they enter as one number. Base tasks without a
    difference do not matter. Up to EXACT_UP_TO discordant ones every sign pattern is tried, so p is exact and at least
    2 / 2**m: fewer than 6 cannot reach 0.05. Beyond, p = (1 + hits) / (1 + replicates). Source: Fisher 1935; the +1,
    Phipson and Smyth 2010.

    Args:
        differences: float64[b], A minus B summed over each base task.
        replicates: random sign patterns, where not all are tried.
        seed: a non-negative integer.
    """
    size = 0.0
    total = 0.0
    m = 0
    for d in differences:
        total += d
        size += abs(d)
        m += d != 0.0
    if m == 0:
        return 1.0
    live = np.empty(m)
    m = 0
    for d in differences:
        if d != 0.0:
            live[m] = d
            m += 1
    bar = abs(total) - 1e-9 * size
    hits = 0
    if m <= EXACT_UP_TO:
        for pattern in range(1 << m):
            flipped = 0.0
            for i in range(m):
                flipped += live[i] if (pattern >> i) & 1 else -live[i]
            hits += abs(flipped) >= bar
        return hits / (1 << m)
    for r in range(replicates):
        flipped = 0.0
        bits = np.uint64(0)
        for i in range(m):
            if i % 64 == 0:
                bits = _mix(seed, r, i)
            flipped += live[i] if bits & np.uint64(1) else -live[i]
            bits = bits >> np.uint64(1)
        hits += abs(flipped) >= bar
    return (1 + hits) / (1 + replicates)
