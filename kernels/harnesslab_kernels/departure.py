"""First departure: where the calls of a trial leave the expected ones, by alignment.

The emitted calls a_1 .. a_n (main branch, skipped ones left out, in order) are aligned with the oracle's calls
e_1 .. e_m at the least total cost,

    D(i, j) = min of  D(i-1, j-1) + 0  if a_i = e_j                              match
                      D(i-1, j-1) + 2  if only their tools agree                 other arguments
                      D(i-1, j) + x_i                                            a call that is not expected
                      D(i, j-1) + 2                                              an expected call that is not made

with x_i = 2 if a_i changed the world (an EXEC that wrote follows it, before the next call), else 0: a look that nobody
asked for leads nowhere. The first operation that costs anything is the departure; of equally cheap alignments the one
that departs last. Edit distance: Wagner and Fischer 1974. The order of calls counts here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import part
from harnesslab_kernels.events import CALL, EXEC, REPLY, WROTE
from harnesslab_kernels.tool_calls import is_made

NONE, ARGUMENTS, UNEXPECTED, NOT_MADE = 0, 1, 2, 3  # kinds of departure
COST = 2  # of one departure; a whole number, so sums are exact

_NEVER = np.int32(2**30)  # position of a departure that has not come


@part
def align(
    events: NDArray[Any],
    lo: int,
    hi: int,
    oracle_action: NDArray[np.uint64],
    oracle_tool: NDArray[np.uint32],
    olo: int,
    ohi: int,
    rows: NDArray[np.int32],
    departure: NDArray[np.int32],
) -> None:
    """Aligns one trial, a row of D at a time.

    Args:
        events: EVENT[m] without its padding field.
        lo, hi: the trial's events.
        oracle_action, oracle_tool: uint64[q], uint32[q]; the task's oracle calls are olo:ohi.
        rows: int32[3, > ohi - olo], scratch: cost, and where and how the alignment behind it first departs.
        departure: int32[3], written: the kind of departure, the number of the call at which it comes (from 0; the
            number of calls if something is missing at the end), the total cost. Kind NONE has call -1.
    """
    cost, at, kind = rows[0], rows[1], rows[2]
    m = ohi - olo
    for j in range(m + 1):
        cost[j] = COST * j
        at[j] = 0 if j > 0 else _NEVER
        kind[j] = NOT_MADE if j > 0 else NONE
    n = np.int32(0)
    for i in range(lo, hi):
        event = events[i]
        if not is_made(event):
            continue
        extra = COST if _wrote(events, i, hi) else 0
        diagonal_cost, diagonal_at, diagonal_kind = cost[0], at[0], kind[0]
        if extra > 0:
            if at[0] == _NEVER:
                at[0] = n
                kind[0] = UNEXPECTED
            cost[0] += extra
        for j in range(1, m + 1):
            above_cost, above_at, above_kind = cost[j], at[j], kind[j]
            best_cost, best_at, best_kind = above_cost + extra, above_at, above_kind
            if extra > 0 and best_at == _NEVER:
                best_at, best_kind = n, np.int32(UNEXPECTED)
            left_cost, left_at, left_kind = cost[j - 1] + COST, at[j - 1], kind[j - 1]
            if left_at == _NEVER:
                left_at, left_kind = n + np.int32(1), np.int32(NOT_MADE)
            if _better(left_cost, left_at, left_kind, best_cost, best_at, best_kind):
                best_cost, best_at, best_kind = left_cost, left_at, left_kind
            if oracle_tool[olo + j - 1] == event.tool:
                same = oracle_action[olo + j - 1] == event.action
                new_cost, new_at, new_kind = diagonal_cost + (0 if same else COST), diagonal_at, diagonal_kind
                if not same and new_at == _NEVER:
                    new_at, new_kind = n, np.int32(ARGUMENTS)
                if _better(new_cost, new_at, new_kind, best_cost, best_at, best_kind):
                    best_cost, best_at, best_kind = new_cost, new_at, new_kind
            diagonal_cost, diagonal_at, diagonal_kind = above_cost, above_at, above_kind
            cost[j], at[j], kind[j] = best_cost, best_at, best_kind
        n += np.int32(1)
    departure[0] = kind[m]
    departure[1] = -1 if at[m] == _NEVER else at[m]
    departure[2] = cost[m]


@part
def _better(cost: int, at: int, kind: int, other_cost: int, other_at: int, other_kind: int) -> bool:
    """Cheaper; as cheap and departing later; at the same call: other arguments before unexpected before not made."""
    if cost != other_cost:
        return cost < other_cost
    if at != other_at:
        return at > other_at
    return kind < other_kind


@part
def _wrote(events: NDArray[Any], i: int, hi: int) -> bool:
    """Whether the call at i changed the world: an EXEC that wrote follows before the next call or reply."""
    s = i + 1
    while s < hi and events[s].kind != CALL and events[s].kind != REPLY:
        if events[s].kind == EXEC and (events[s].flags & WROTE) != 0:
            return True
        s += 1
    return False
