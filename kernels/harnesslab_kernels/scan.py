"""Every per-trial metric in one pass: a trial's records are read into cache once and counted from there.

This is the only kernel that reads events, so a million trials cost about one read of their bytes, and one compilation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels import cycles
from harnesslab_kernels._jit import parallel_kernel, part, prange
from harnesslab_kernels.budget import count_budget
from harnesslab_kernels.counts import WIDTH
from harnesslab_kernels.departure import align
from harnesslab_kernels.events import EVENT
from harnesslab_kernels.parse import count_parse
from harnesslab_kernels.recovery import count_recovery
from harnesslab_kernels.standalone import AMOUNTS, add_amounts
from harnesslab_kernels.tool_calls import count_tool_calls

CHUNK = 512  # trials that share one set of scratch arrays

RECORD = EVENT[[name for name in EVENT.names or () if name != "pad"]]


def as_records(events: NDArray[Any]) -> NDArray[Any]:
    """EVENT[m] seen without its padding field, which Numba cannot type. No copy if contiguous."""
    return np.ascontiguousarray(events).view(RECORD)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What each of n trials is counted into; the same whatever the thread count.

    Attributes:
        counts: int32[n, WIDTH], columns as in `counts`.
        amounts: float64[n, AMOUNTS], what it would be charged for if it ran alone, columns as in `standalone`; NaN
            where that is not known.
        departures: int32[n, 3], kind, call and cost of the first departure, as in `departure`; empty (0 rows) unless
            asked for.
    """

    counts: NDArray[np.int32]
    amounts: NDArray[np.float64]
    departures: NDArray[np.int32]


def scan(
    events: NDArray[Any],
    offsets: NDArray[np.int64],
    oracle_action: NDArray[np.uint64],
    oracle_tool: NDArray[np.uint32],
    oracle_offsets: NDArray[np.int64],
    task: NDArray[np.int32],
    *,
    departures: bool = False,
) -> Scanned:
    """Counts every trial.

    Args:
        events: EVENT[m], all trials' events one after the other.
        offsets: int64[n + 1]; trial i owns events[offsets[i]:offsets[i + 1]].
        oracle_action, oracle_tool: uint64[q], uint32[q], all tasks' oracle calls one after the other.
        oracle_offsets: int64[t + 1]; task j owns oracle[oracle_offsets[j]:oracle_offsets[j + 1]].
        task: int32[n], the task of each trial.
        departures: whether to align the calls with the oracle's.
    """
    found = Scanned(
        np.zeros((len(task), WIDTH), dtype=np.int32),
        np.zeros((len(task), AMOUNTS), dtype=np.float64),
        np.zeros((len(task) if departures else 0, 3), dtype=np.int32),
    )
    _scan(
        as_records(events),
        np.ascontiguousarray(offsets, dtype=np.int64),
        np.ascontiguousarray(oracle_action, dtype=np.uint64),
        np.ascontiguousarray(oracle_tool, dtype=np.uint32),
        np.ascontiguousarray(oracle_offsets, dtype=np.int64),
        np.ascontiguousarray(task, dtype=np.int32),
        int(np.diff(offsets).max(initial=0)),
        int(np.diff(oracle_offsets).max(initial=0)),
        found.counts,
        found.amounts,
        found.departures,
    )
    return found


def no_oracles(trials: int) -> tuple[NDArray[Any], ...]:
    """The oracle arguments of `scan` for trials of which no oracle is known."""
    none = np.zeros(2, dtype=np.int64)
    return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint32), none, np.zeros(trials, dtype=np.int32)


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
    counts: NDArray[np.int32],
    amounts: NDArray[np.float64],
    departures: NDArray[np.int32],
) -> None:
    # The body is one call: Numba's analysis of parallel loops costs many times a plain function's compilation.
    for chunk in prange((len(task) + CHUNK - 1) // CHUNK):
        _scan_chunk(
            chunk * CHUNK,
            events,
            offsets,
            oracle_action,
            oracle_tool,
            oracle_offsets,
            task,
            longest,
            most,
            counts,
            amounts,
            departures,
        )


@part
def _scan_chunk(
    first: int,
    events: NDArray[Any],
    offsets: NDArray[np.int64],
    oracle_action: NDArray[np.uint64],
    oracle_tool: NDArray[np.uint32],
    oracle_offsets: NDArray[np.int64],
    task: NDArray[np.int32],
    longest: int,
    most: int,
    counts: NDArray[np.int32],
    amounts: NDArray[np.float64],
    departures: NDArray[np.int32],
) -> None:
    scratch = np.empty((4, longest + 1), dtype=np.int64)
    hashes = np.empty((cycles.ROWS, longest + 1), dtype=np.uint64)
    cycles.prepare(hashes)
    used = np.empty(most + 1, dtype=np.uint8)
    rows = np.empty((3, most + 1), dtype=np.int32)
    for t in range(first, min(len(task), first + CHUNK)):
        lo, hi = offsets[t], offsets[t + 1]
        olo, ohi = oracle_offsets[task[t]], oracle_offsets[task[t] + 1]
        row = counts[t]
        count_parse(events, lo, hi, row)
        count_tool_calls(events, lo, hi, oracle_action, oracle_tool, olo, ohi, used, row)
        count_recovery(events, lo, hi, scratch, hashes, row)
        count_budget(events, lo, hi, row)
        add_amounts(events, lo, hi, amounts[t])
        if len(departures) > 0:
            align(events, lo, hi, oracle_action, oracle_tool, olo, ohi, rows, departures[t])
