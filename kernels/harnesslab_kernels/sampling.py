"""Drawing tokens from a batch of logits, in place.

The order is llama.cpp's: repetition penalty, top-k, top-p, min-p (each on the distribution at temperature 1), then
temperature, then one draw by inverse CDF over the surviving tokens, likeliest first. A token depends only on its own
row, its settings and (key, position): never on what else is in the batch or on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from harnesslab_kernels._jit import kernel, parallel_kernel, part, prange

BLOCK = 256  # logits per block maximum: small enough to skip almost all of a vocabulary, large enough to vectorise
BINS = 2048  # histogram of (max - logit) for the rare settings without a small top-k
NATS_PER_BIN = 1.0 / 64.0

SETTINGS = np.dtype(
    [
        ("temperature", "<f4"),  # <= 0: greedy
        ("top_p", "<f4"),  # >= 1: off
        ("min_p", "<f4"),  # <= 0: off
        ("penalty", "<f4"),  # 1: off
        ("top_k", "<i4"),  # <= 0: off
        ("masked", "<i4"),  # whether this row's mask applies
        ("key", "<u8"),
        ("position", "<u8"),
    ]
)


@part
def _uniform(key: Any, position: Any) -> Any:
    """[0, 1) from a counter: SplitMix64's output function (Steele, Lea, Flood 2014) at key + position."""
    z = key + (position + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@part
def _penalise(row: Any, recent: Any, penalty: Any) -> None:
    for i in range(recent.size):
        token = recent[i]
        seen = False
        for j in range(i):
            if recent[j] == token:
                seen = True
                break
        if not seen:
            value = row[token]
            row[token] = value / penalty if value > 0 else value * penalty


@part
def _apply_mask(row: Any, mask: Any) -> None:
    for word in range(mask.size):
        bits = mask[word]
        if bits == np.uint32(0xFFFFFFFF):
            continue
        base = word * 32
        for bit in range(min(32, row.size - base)):
            if not (bits >> np.uint32(bit)) & np.uint32(1):
                row[base + bit] = -np.inf


@njit(fastmath={"nnan", "nsz"})
def _block_max(block: Any) -> Any:
    best = np.float32(-np.inf)
    for i in range(block.size):
        best = max(best, block[i])
    return best


@part
def _kth_largest(values: Any, k: int) -> Any:
    """The k-th largest of a short array, by keeping the k largest so far in order."""
    top = np.full(k, -np.inf, np.float32)
    for value in values:
        if value > top[k - 1]:
            i = k - 1
            while i > 0 and top[i - 1] < value:
                top[i] = top[i - 1]
                i -= 1
            top[i] = value
    return top[k - 1]


@part
def _threshold(row: Any, maxima: Any, peak: Any, top_k: int, top_p: Any, min_p: Any) -> Any:
    """A logit below which no token can survive top-k, top-p and min-p. -inf where nothing bounds it.

    Top-p asks for the mass of all top-k tokens, so with both on only top-k may bound.
    """
    bound = np.float32(-np.inf)
    if min_p > 0 and (top_k == 0 or top_p >= 1):
        bound = np.float32(peak + np.log(min_p) - 1e-3)
    if 0 < top_k <= min(maxima.size, 256):
        # k blocks hold a logit at least this large, so the k-th largest logit is no smaller
        return max(bound, _kth_largest(maxima, top_k))
    if top_p >= 1 and top_k == 0:
        return bound
    mass = np.zeros(BINS + 1)
    count = np.zeros(BINS + 1, np.int64)
    for value in row:
        if value > -np.inf:
            gap = peak - value
            bin_ = min(int(gap / NATS_PER_BIN), BINS)
            mass[bin_] += np.exp(-gap)
            count[bin_] += 1
    wanted = top_p * mass.sum()
    seen, tokens = 0.0, 0
    for bin_ in range(BINS):
        seen += mass[bin_]
        tokens += count[bin_]
        if tokens >= top_k if top_k > 0 else seen >= wanted:
            return max(bound, np.float32(peak - (bin_ + 1) * NATS_PER_BIN - 1e-3))
    return bound


@part
def _normaliser(row: Any, peak: Any) -> Any:
    total = 0.0
    for value in row:
        total += np.exp(np.float64(value - peak))
    return total


@part
def _draw(row: Any, maxima: Any, s: Any) -> Any:
    peak = _block_max(maxima)
    top_k, top_p, min_p = s.top_k, s.top_p, s.min_p
    if top_k < 0 or top_k >= row.size:
        top_k = 0
    bound = _threshold(row, maxima, peak, top_k, top_p, min_p)

    size = 0
    for b in range(maxima.size):
        if maxima[b] >= bound:
            size += min(BLOCK, row.size - b * BLOCK)
    ids = np.empty(size, np.int32)
    n = 0
    for b in range(maxima.size):
        if maxima[b] >= bound:
            for i in range(b * BLOCK, min((b + 1) * BLOCK, row.size)):
                if row[i] >= bound and row[i] > -np.inf:
                    ids[n] = i
                    n += 1
    ids = ids[:n]
    # likeliest first, lower id first among equals
    ids = ids[np.argsort(-row[ids], kind="mergesort")]
    if 0 < top_k < n:
        n = top_k
    weights = np.empty(n)
    total = 0.0
    for i in range(n):
        weights[i] = np.exp(np.float64(row[ids[i]] - peak))
        total += weights[i]
    if top_p < 1:
        # without a top-k the mass of the tokens below the bound belongs to the total
        whole = total if top_k > 0 else _normaliser(row, peak)
        seen = 0.0
        for i in range(n):
            seen += weights[i]
            if seen >= top_p * whole:
                n = i + 1
                break
    if min_p > 0:
        while n > 1 and weights[n - 1] < min_p:
            n -= 1
    total = 0.0
    for i in range(n):
        weights[i] = np.exp(np.float64(row[ids[i]] - peak) / s.temperature)
        total += weights[i]
    left = _uniform(s.key, s.position) * total
    for i in range(n):
        left -= weights[i]
        if left < 0:
            return ids[i]
    return ids[n - 1]


@part
def _sample_row(row: Any, mask: Any, recent: Any, s: Any) -> Any:
    if s.penalty != 1:
        _penalise(row, recent, s.penalty)
    if s.masked:
        _apply_mask(row, mask)
    n_blocks = (row.size + BLOCK - 1) // BLOCK
    maxima = np.empty(n_blocks, np.float32)
    best = 0
    for b in range(n_blocks):
        maxima[b] = _block_max(row[b * BLOCK : min((b + 1) * BLOCK, row.size)])
        if maxima[b] > maxima[best]:
            best = b
    if maxima[best] == -np.inf:
        return np.int32(-1)
    if s.temperature <= 0:
        for i in range(best * BLOCK, min((best + 1) * BLOCK, row.size)):
            if row[i] == maxima[best]:
                return np.int32(i)
    return np.int32(_draw(row, maxima, s))


@parallel_kernel
def _sample_rows(logits: Any, masks: Any, recent: Any, offsets: Any, settings: Any, out: Any) -> None:
    for r in prange(logits.shape[0]):
        mask = masks[min(np.int64(r), np.int64(masks.shape[0] - 1))]
        out[r] = _sample_row(logits[r], mask, recent[offsets[r] : offsets[r + 1]], settings[r])


@kernel
def _sample_rows_serial(logits: Any, masks: Any, recent: Any, offsets: Any, settings: Any, out: Any) -> None:
    for r in range(logits.shape[0]):
        mask = masks[min(r, masks.shape[0] - 1)]
        out[r] = _sample_row(logits[r], mask, recent[offsets[r] : offsets[r + 1]], settings[r])


NO_MASK = np.zeros((1, 0), np.uint32)


def sample(
    logits: NDArray[np.float32],
    settings: NDArray[Any],
    recent: NDArray[np.int32],
    offsets: NDArray[np.int64],
    masks: NDArray[np.uint32] = NO_MASK,
    *,
    parallel: bool = False,
) -> NDArray[np.int32]:
    """Draws one token per row.

    Args:
        logits: float32[rows, n_vocab], C-contiguous; penalties and masks are written into it.
        settings: SETTINGS[rows].
        recent: int32[offsets[-1]], the tokens the repetition penalty looks at, row after row.
        offsets: int64[rows + 1] into `recent`.
        masks: uint32[rows, ceil(n_vocab / 32)], bit set where a token is allowed; read only where `masked`.
        parallel: spread rows over Numba's threads. The tokens are the same either way.

    Returns:
        int32[rows]; -1 where the mask allows nothing.
    """
    out = np.empty(logits.shape[0], np.int32)
    draw = _sample_rows if parallel else _sample_rows_serial
    draw(logits, masks, recent, offsets, settings, out)
    return out


def uniform(key: int, position: int) -> float:
    """The number in [0, 1) that the token at `position` of stream `key` is drawn with."""
    return float(_uniform(np.uint64(key), np.uint64(position)))
