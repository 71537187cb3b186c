"""What a trial would cost if it ran alone: nothing found cached but what it computed itself, nothing taken from a memo.

    seconds = sum over its replies of  weights . amounts

    amounts of a reply            with p = prompt, o = own, g = generated, f = forced, n = p - o
    batch           1             per prompt
    prefill         n + f         prompt tokens computed, and tokens that a grammar forced
    decode          g - f         tokens decoded by a step of their own
    context         pairs of (token computed, token before it): g p + g (g - 1) / 2, and those of the prompt,
                    n o + n (n - 1) / 2, where n < TILE
    context_tiled   those of the prompt where n >= TILE
    draw            g - f + 1

A request that did not fit the context and generated nothing costs nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import part
from harnesslab_kernels.events import OVERFLOW, REPLY

BATCH, PREFILL, DECODE, CONTEXT, CONTEXT_TILED, DRAW = range(6)
AMOUNTS = 6
TILE = 64  # as harnesslab.types.TILE; a test holds them together


@part
def add_amounts(events: NDArray[Any], lo: int, hi: int, row: NDArray[np.float64]) -> None:
    """Adds up one trial's amounts over all its branches.

    Args:
        events: EVENT[m] without its padding field.
        lo, hi: the trial's events.
        row: float64[AMOUNTS], zero; NaN in every column where some reply's `own` is not known.
    """
    for i in range(lo, hi):
        event = events[i]
        if event.kind != REPLY or (event.status == OVERFLOW and event.generated == 0):
            continue
        if event.own < 0:
            row[:] = np.nan
            break
        own, generated = float(event.own), float(event.generated)
        new = event.prompt - own
        alone = generated - event.forced
        pairs = new * own + new * (new - 1.0) / 2.0
        row[BATCH] += 1.0
        row[PREFILL] += new + event.forced
        row[DECODE] += alone
        row[CONTEXT] += generated * event.prompt + generated * (generated - 1.0) / 2.0
        row[CONTEXT_TILED if new >= TILE else CONTEXT] += pairs
        row[DRAW] += alone + 1.0
