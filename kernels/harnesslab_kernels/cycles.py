"""Cycles of any length in a sequence of actions, by hashing its beginnings.

    H(0) = 0,  H(i + 1) = H(i) B + name(i)             mod 2**64, B odd
    hash of i .. j - 1 = H(j) - H(i) B**(j - i)

Two stretches are equal where their hashes are, so one comparison tells whether a cycle repeats, however long it is.
Names are themselves hashes; a false match is as unlikely as one between them. Source: Karp and Rabin 1987.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import part

SHORTEST = 3  # a shorter cycle has a name of its own: identical, alternating

BASE = np.uint64(0x9E3779B97F4A7C15)

# Rows of the scratch array.
NAMES, BEGINNINGS, POWERS = 0, 1, 2
ROWS = 3


@part
def prepare(hashes: NDArray[np.uint64]) -> None:
    """Fills in the powers; once for any number of trials. uint64[ROWS, longest + 1]."""
    hashes[BEGINNINGS, 0] = 0
    hashes[POWERS, 0] = 1
    for i in range(1, hashes.shape[1]):
        hashes[POWERS, i] = hashes[POWERS, i - 1] * BASE


@part
def extend(hashes: NDArray[np.uint64], n: int, name: np.uint64) -> None:
    """Action n is called `name`."""
    hashes[NAMES, n] = name
    hashes[BEGINNINGS, n + 1] = hashes[BEGINNINGS, n] * BASE + name


@part
def period_of_cycle(hashes: NDArray[np.uint64], n: int, times: int) -> int:
    """The least p >= SHORTEST such that actions .. n end with p actions `times` times over, or 0.

    Not where all of them are one action, or two in turn.
    """
    names = hashes[NAMES]
    for p in range(SHORTEST, (n + 1) // times + 1):
        if names[n - p] != names[n]:
            continue
        first = n + 1 - times * p
        if _has_period(hashes, first, n + 1, p):
            if _has_period(hashes, first, n + 1, 1) or _has_period(hashes, first, n + 1, 2):
                return 0
            return p
    return 0


@part
def _has_period(hashes: NDArray[np.uint64], i: int, j: int, p: int) -> bool:
    """Whether actions i .. j - 1 repeat after p: the stretch without its first p equals the one without its last p."""
    return bool(_hash(hashes, i + p, j) == _hash(hashes, i, j - p))


@part
def _hash(hashes: NDArray[np.uint64], i: int, j: int) -> np.uint64:
    return hashes[BEGINNINGS, j] - hashes[BEGINNINGS, i] * hashes[POWERS, j - i]  # type: ignore[no-any-return]
