"""Tool calls of one trial: the ladder per call, and first-attempt accuracy against the oracle.

    ladder rung r     = sum r / sum ATTEMPTS           r of CALLS, KNOWN, VALID, EXECUTED, MATCHED
    first-attempt     = sum FIRST_HITS / sum FIRST_DUE

First attempts: for each tool t with m_t oracle calls, the multiset intersection of the first m_t calls emitted to t
with those oracle calls, summed over tools; never attempted is a miss. Calls count as emitted, before any layer acts.
Multisets and not sets: as sets, A, A, B would match A, B, B.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels import counts as c
from harnesslab_kernels._jit import part
from harnesslab_kernels.events import (
    ANSWER,
    CALL,
    KNOWN_TOOL,
    LENGTH,
    OK,
    REACHED,
    REPLY,
    SCHEMA_VALID,
    SKIPPED,
    UNPARSEABLE,
)


@part
def is_unparsed(event: Any) -> bool:
    """Whether an event is a reply that tried to call a tool and cannot be read."""
    return bool(
        event.kind == REPLY
        and (event.status == UNPARSEABLE or (event.status == LENGTH and (event.flags & ANSWER) == 0))
    )


@part
def is_made(event: Any) -> bool:
    """Whether an event is a call that the main branch made: not one that an earlier call of its reply cut off."""
    return bool(event.kind == CALL and event.branch == 0 and event.status != SKIPPED)


@part
def count_tool_calls(
    events: NDArray[Any],
    lo: int,
    hi: int,
    oracle_action: NDArray[np.uint64],
    oracle_tool: NDArray[np.uint32],
    olo: int,
    ohi: int,
    used: NDArray[np.uint8],
    row: NDArray[np.int32],
) -> None:
    """Counts one trial's ladder and first attempts into `row`.

    Args:
        events: EVENT[m] without its padding field.
        lo, hi: the trial's events; only branch 0 counts.
        oracle_action, oracle_tool: uint64[q], uint32[q]; the task's oracle calls are olo:ohi.
        used: uint8[>= ohi - olo], scratch.
        row: int32[WIDTH].
    """
    for j in range(ohi - olo):
        used[j] = 0
    attempts = calls = known = valid = executed = matched = reached = hits = 0
    for i in range(lo, hi):
        event = events[i]
        if event.branch != 0:
            continue
        if is_unparsed(event):
            attempts += 1
        if event.kind != CALL:
            continue
        attempts += 1
        calls += 1
        reached += (event.flags & REACHED) != 0
        if event.flags & KNOWN_TOOL:
            known += 1
            if event.flags & SCHEMA_VALID:
                valid += 1
                if (event.flags & REACHED) and event.status == OK:
                    executed += 1
                    matched += event.oracle >= 0
        # `used` bit 1: this oracle call is matched; bit 2: one of its tool's m_t first attempts is spent.
        spent = -1
        hit = -1
        for j in range(ohi - olo):
            if oracle_tool[olo + j] == event.tool:
                if spent < 0 and (used[j] & 2) == 0:
                    spent = j
                if hit < 0 and (used[j] & 1) == 0 and oracle_action[olo + j] == event.action:
                    hit = j
        if spent >= 0:
            used[spent] |= 2
            if hit >= 0:
                used[hit] |= 1
                hits += 1
    row[c.ATTEMPTS] = attempts
    row[c.CALLS] = calls
    row[c.KNOWN] = known
    row[c.VALID] = valid
    row[c.EXECUTED] = executed
    row[c.MATCHED] = matched
    row[c.REACHED] = reached
    row[c.FIRST_HITS] = hits
    row[c.FIRST_DUE] = ohi - olo
