"""Every per-trial metric in one pass over the events: a trial's records are read into cache once and counted four
times.

This is the only kernel that touches events, so a million trials cost about one read of their bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import parallel_kernel, prange
from harnesslab_kernels.budget import count_budget
from harnesslab_kernels.counts import WIDTH
from harnesslab_kernels.events import EVENT
from harnesslab_kernels.parse import count_parse
from harnesslab_kernels.recovery import count_recovery
from harnesslab_kernels.tool_calls import count_tool_calls

CHUNK = 512  # trials that share one set of scratch arrays

RECORD = EVENT[[name for name in EVENT.names or () if name != "pad"]]


def as_records(events: NDArray[Any]) -> NDArray[Any]:
    """EVENT[m] seen without its padding field, which Numba cannot type. No copy if contiguous."""
    return np.ascontiguousarray(events).view(RECORD)


def scan(
    events: NDArray[Any],
    offsets: NDArray[np.int64],
    oracle_action: NDArray[np.uint64],
    oracle_tool: NDArray[np.uint32],
    oracle_offsets: NDArray[np.int64],
    task: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Counts every trial.

    Args:
        events: EVENT[m], all trials' events one after the other.
        offsets: int64[n + 1]; trial i owns events[offsets[i]:offsets[i + 1]].
        oracle_action, oracle_tool: uint64[q], uint32[q], all tasks' oracle calls one after the other.
        oracle_offsets: int64[t + 1]; task j owns oracle[oracle_offsets[j]:oracle_offsets[j + 1]].
        task: int32[n], the task of each trial.

    Returns:
        int32[n, WIDTH], columns as in `counts`. The same whatever the thread count.
    """
    out = np.zeros((len(task), WIDTH), dtype=np.int32)
    longest = int(np.diff(offsets).max(initial=0))
    most = int(np.diff(oracle_offsets).max(initial=0))
    _scan(
        as_records(events),
        np.ascontiguousarray(offsets, dtype=np.int64),
        np.ascontiguousarray(oracle_action, dtype=np.uint64),
        np.ascontiguousarray(oracle_tool, dtype=np.uint32),
        np.ascontiguousarray(oracle_offsets, dtype=np.int64),
        np.ascontiguousarray(task, dtype=np.int32),
        longest,
        most,
        out,
    )
    return out


@parallel_kernel
def _scan(
    events: NDArray[Any],
    offsets: NDArray[np.int64],
    oracle_action: NDArray[np.uint64],
    oracle_tool: NDArray[np.uint32],
    oracle_offsets: NDArray[np.int64],
    task: NDArray[np.int32],
    longest: int,
    most: int,
    out: NDArray[np.int32],
) -> None:
    n = len(task)
    for chunk in prange((n + CHUNK - 1) // CHUNK):
        scratch = np.empty((4, longest + 1), dtype=np.int64)
        used = np.empty(most + 1, dtype=np.uint8)
        for t in range(chunk * CHUNK, min(n, (chunk + 1) * CHUNK)):
            lo, hi = offsets[t], offsets[t + 1]
            olo, ohi = oracle_offsets[task[t]], oracle_offsets[task[t] + 1]
            row = out[t]
            count_parse(events, lo, hi, row)
            count_tool_calls(events, lo, hi, oracle_action, oracle_tool, olo, ohi, used, row)
            count_recovery(events, lo, hi, scratch[0], scratch[1], scratch[2], scratch[3], row)
            count_budget(events, lo, hi, row)
