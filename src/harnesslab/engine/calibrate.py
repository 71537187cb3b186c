"""What one request costs alone on this machine: a few timed batches on the fresh context, and weights fitted to them.

Other programs only ever make a batch slower, so of its repeats the fastest counts. The fit is that of least relative
error with no weight below zero. What it takes is bounded: a slow batch is not repeated, nor followed by larger ones.

Long contexts are not computed but copied: a sequence's saved state is loaded again and again, and the copies' cells are
given to one sequence. Attention reads as many cells as a context of that length has, and does not mind that the copies
say the same; what the batches compute means nothing and is dropped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.native import NativeContext
from harnesslab.errors import EngineFailure
from harnesslab.types import TILE, Sampling, Weights
from harnesslab_kernels.sampling import SETTINGS, sample

LONG = 2048  # cells that a long context should have
SLOW = 0.2  # seconds of a batch after which no larger one is tried
REPEATS = 3
ENOUGH = 0.6  # seconds of one batch's repeats after which the fastest so far counts


def calibrate(context: NativeContext, thread_counts: Sequence[int], sampling: Sampling) -> Weights:
    """Fits the weights; the context is empty before and after.

    Args:
        context: without streams, since copies of one sequence must come to lie in another.
        sampling: of the draws that are timed.

    Raises:
        EngineFailure: "decode": llama.cpp refuses a batch.
    """
    try:
        return _Bench(context, thread_counts, sampling).weights()
    finally:
        context.clear()


class _Bench:
    def __init__(self, context: NativeContext, thread_counts: Sequence[int], sampling: Sampling) -> None:
        self._context = context
        self._sampling = sampling
        self._counts = thread_counts
        self._tokens = np.random.default_rng(1).integers(0, context.model.n_vocab, context.n_batch, np.int32)
        self._cells = 0  # of sequence 0, all at positions below TILE

    def weights(self) -> Weights:
        self._choose_threads()
        draw = self._draw()
        prompts = [(n, 0, seconds) for n, seconds in self._sizes()]
        self._feed(0, TILE)
        self._cells = TILE
        decodes = [(TILE, self._fastest(1))]
        if self._lengthen() > TILE:
            decodes.append((self._cells, self._fastest(1)))
            prompts.append((TILE, self._cells, self._fastest(TILE)))
        decode, context = fit([(1.0, float(before)) for before, _ in decodes], [s for *_, s in decodes])
        small = [context * _pairs(n, before) * (n < TILE) for n, before, _ in prompts]
        batch, prefill, context_tiled = fit(
            [(1.0, float(n), _pairs(n, before) * (n >= TILE)) for n, before, _ in prompts],
            [max(s - c, s / 2) for (*_, s), c in zip(prompts, small, strict=True)],
        )
        return Weights(*map(float, (batch, prefill, decode, context, context_tiled, draw)))

    # --- what is timed

    def _choose_threads(self) -> None:
        """Uses the thread count that is fastest now: spinning beside a busy process can cost a hundred times as much.

        Fewest first, so that the first batch, which reads the model's pages and builds its graphs, is spared that.
        """
        best, least = 1, math.inf
        for count in sorted(self._counts):
            self._context.set_threads(count)
            self._feed(0, 1)
            self._cut()
            took = self._fastest(1)
            if took < least:
                best, least = count, took
        self._context.set_threads(best)

    def _sizes(self) -> list[tuple[int, float]]:
        """(tokens, seconds) of batches on an empty context: 8, 32, TILE tokens, and more up to the first slow one."""
        found: list[tuple[int, float]] = []
        for n in (8, 32, TILE, 4 * TILE, 16 * TILE):
            if n > self._context.n_batch or (n > TILE and found[-1][1] > SLOW):
                break
            found.append((n, self._fastest(n)))
        return found

    def _fastest(self, n: int) -> float:
        """Seconds of a batch of n tokens after sequence 0; it is dropped again."""
        return _fastest(lambda: self._feed(min(self._cells, TILE), n), after=self._cut)

    def _feed(self, at: int, n: int) -> None:
        if self._context.decode([(0, at, self._tokens[:n], True)]):
            raise EngineFailure("decode", f"llama_decode refused {n} tokens while calibrating")

    def _cut(self) -> None:
        if self._cells:
            self._context.cut(0, TILE)
        else:
            self._context.drop(0)

    def _draw(self) -> float:
        s = self._sampling
        settings = np.zeros(1, SETTINGS)
        settings[0] = (s.temperature, s.top_p, s.min_p, s.repeat_penalty, s.top_k, False, 1, 0)
        most = len(self._tokens)
        last = most if s.repeat_last_n < 0 else min(s.repeat_last_n, most)
        logits, recent = self._context.logits(1), self._tokens[: last if s.repeat_penalty != 1.0 else 0]
        return _fastest(lambda: sample(logits, settings, recent, np.array([0, len(recent)], np.int64)))

    # --- contexts

    def _lengthen(self) -> int:
        """Makes sequence 0 longer by copies of itself; returns its cells."""
        context = self._context
        if context.model.recurrent:
            return self._cells
        most = min(LONG, context.cells // 2)
        if context.model.n_swa > 0:
            most = min(most, context.model.n_swa // 2)
        state = context.save(0)
        while self._cells + TILE <= most and context.load(1, state):
            context.share(1, 0, TILE)
            context.drop(1)
            self._cells += TILE
        return self._cells


def _fastest(run: Callable[[], object], after: Callable[[], object] = lambda: None) -> float:
    took: list[float] = []
    while len(took) < REPEATS and sum(took) < ENOUGH:
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
        after()
    return min(took)


def _pairs(n: int, before: int) -> float:
    return n * before + n * (n - 1) / 2


def fit(amounts: Sequence[tuple[float, ...]], seconds: Sequence[float]) -> NDArray[np.float64]:
    """Non-negative weights of least relative error: the best of the fits with some weights left out.

    Args:
        amounts: rows of float64[m, k].
        seconds: float64[m], positive.
    """
    rows = np.array(amounts) / np.array(seconds)[:, None]
    k = rows.shape[1]
    best, least = np.zeros(k), np.inf
    for size in range(1, k + 1):
        for chosen in map(list, combinations(range(k), size)):
            part = np.linalg.lstsq(rows[:, chosen], np.ones(len(rows)), rcond=None)[0]
            error = float(np.square(rows[:, chosen] @ part - 1.0).sum())
            if (part >= 0).all() and error < least - 1e-12:
                best, least = np.zeros(k), error
                best[chosen] = part
    return best
