"""Resampling of base tasks. A base task (all variants of one template, all their repeats) is kept whole: it is what a
new draw of the suite would draw anew, so it is the unit of chance.

The random numbers are counter-based (SplitMix64 of seed, replicate and position), so a result depends on the seed
alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import parallel_kernel, part, prange

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


def bootstrap_sums(sums: NDArray[np.float64], replicates: int, seed: int) -> NDArray[np.float64]:
    """Column sums over base tasks drawn with replacement.

    Args:
        sums: float64[b, m], one row per base task.
        replicates: how many draws of b rows.
        seed: a non-negative integer.

    Returns:
        float64[replicates, m]. A ratio figure's replicates are a quotient of two columns. The same whatever the thread
        count.
    """
    out = np.zeros((replicates, sums.shape[1]))
    _bootstrap(np.ascontiguousarray(sums, dtype=np.float64), seed, out)
    return out


@parallel_kernel
def _bootstrap(sums: NDArray[np.float64], seed: int, out: NDArray[np.float64]) -> None:
    for r in prange(len(out)):
        _draw(sums, seed, r, out[r])


@part
def _draw(sums: NDArray[np.float64], seed: int, r: int, out: NDArray[np.float64]) -> None:
    b, m = sums.shape
    for i in range(b):
        row = int((_mix(seed, r, i) >> np.uint64(32)) * np.uint64(b) >> np.uint64(32))
        for j in range(m):
            out[j] += sums[row, j]


def sign_flips(differences: NDArray[np.float64], replicates: int, seeds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Two-sided p of each paired difference of a grid: how often random signs give a sum at least as far from zero.

    All repeats and variants of a base task flip together, since they enter as one number. Base tasks without a
    difference do not matter. Up to EXACT_UP_TO discordant ones every sign pattern is tried, so p is exact and at least
    2 / 2**m: fewer than 6 cannot reach 0.05. Beyond, p = (1 + hits) / (1 + replicates). Source: Fisher 1935; the +1,
    Phipson and Smyth 2010.

    Args:
        differences: float64[g, b], A minus B summed over each base task; 0 where a comparison does not have it.
        replicates: random sign patterns, where not all are tried.
        seeds: int64[g], non-negative; rows of one seed get the same patterns.

    Returns:
        float64[g], the same whatever the thread count.
    """
    out = np.ones(len(differences))
    _flip(np.ascontiguousarray(differences, dtype=np.float64), replicates, seeds.astype(np.int64), out)
    return out


@parallel_kernel
def _flip(
    differences: NDArray[np.float64], replicates: int, seeds: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    for g in prange(len(out)):
        out[g] = _flip_one(differences[g], replicates, seeds[g])


@part
def _flip_one(differences: NDArray[np.float64], replicates: int, seed: int) -> float:
    size = 0.0
    total = 0.0
    live = np.empty(len(differences))
    m = 0
    for d in differences:
        if d != 0.0:
            total += d
            size += abs(d)
            live[m] = d
            m += 1
    if m == 0:
        return 1.0
    bar = abs(total) - 1e-9 * size
    sums = _eights(live[:m])
    hits = 0
    if m <= EXACT_UP_TO:
        for pattern in range(1 << m):
            hits += abs(_sum_of(sums, np.uint64(pattern), 0)) >= bar
        return hits / (1 << m)
    for r in range(replicates):
        flipped = 0.0
        for first in range(0, len(sums), 8):
            flipped += _sum_of(sums, _mix(seed, r, 8 * first), first)
        hits += abs(flipped) >= bar
    return (1 + hits) / (1 + replicates)


@part
def _eights(live: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[ceil(m / 8), 256]: the sums of each eight under all their signs, so that a pattern is one look-up per
    eight. Bit i of the pattern is set where number i keeps its sign."""
    groups = (len(live) + 7) // 8
    sums = np.zeros((groups, 256))
    for group in range(groups):
        row = sums[group]
        for i in range(8 * group, min(len(live), 8 * group + 8)):
            row[0] -= live[i]
        for bit in range(8):
            at = 8 * group + bit
            step = 2.0 * live[at] if at < len(live) else 0.0
            for pattern in range(1 << bit):
                row[pattern + (1 << bit)] = row[pattern] + step
    return sums


@part
def _sum_of(sums: NDArray[np.float64], bits: np.uint64, first: int) -> float:
    """The sum of eight eights, from row `first` on, under 64 signs."""
    total = 0.0
    for group in range(first, min(first + 8, len(sums))):
        total += sums[group, bits & np.uint64(255)]
        bits >>= np.uint64(8)
    return total
