"""Recovery after failed actions, and loops. Main branch only.

The actions of a trial are its emitted calls and its unparseable replies, in order; a call repeated within one turn
counts once, and a call that was skipped (an earlier one ended the turn) is no action. A call fails with any status but
OK.

Episode. A failed action opens one, unless one is open for the same thing already, of which it is then a step. It ends

    recovered    a later call of the same tool is OK; after an unparseable reply or an unknown tool: any call is OK
    abandoned    the trial ended with a text answer first
    exhausted    the trial ended in any other way (budget, overflow, abort)

Path of an episode; the first degenerate pattern names it, at one and the same action in this order:

    identical    the action right after a failure that was not transient is the same action (tool and arguments)
    alternating  A-B-A-B-A-B over 6 turns
    periodic     a cycle of 3 actions or more, gone through 3 times
    no-progress  5 calls of one tool in a row, each with other arguments than the one before, all with one result
    adaptive     actions followed, none of the above: the next one differed, or repeated a transient failure
    unfollowed   nothing followed

Episodes are also counted by the error that opened them: an unparseable reply, an unknown tool, invalid arguments, a
tool's own error, anything else (a layer's refusal, a timeout).

Loops are counted over the whole trial, failures or not: 3 identical actions in a row, and the three patterns above.
Redundant repeat: an OK call equal to an earlier OK call, with the same result and no write to the world in between.

Formulas, edges and the origin of the thresholds: docs/metrics.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels import counts as c
from harnesslab_kernels._jit import part
from harnesslab_kernels.cycles import extend, period_of_cycle
from harnesslab_kernels.events import (
    ANSWER,
    CALL,
    EXEC,
    INVALID_ARGUMENTS,
    OK,
    REPLY,
    TOOL_ERROR,
    TRANSIENT,
    UNKNOWN_TOOL,
    WROTE,
)
from harnesslab_kernels.tool_calls import is_made, is_unparsed

IDENTICAL_RUN = 3
ALTERNATING_TURNS = 6
NO_PROGRESS_RUN = 5
CYCLES = 3  # times that a cycle is gone through

ANY_CALL = -1  # key of an episode that any successful call ends


@part
def count_recovery(
    events: NDArray[Any],
    lo: int,
    hi: int,
    scratch: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    row: NDArray[np.int32],
) -> None:
    """Counts one trial's episodes, paths, loops and redundant repeats into `row`.

    Args:
        events: EVENT[m] without its padding field.
        lo, hi: the trial's events.
        scratch: int64[4, >= hi - lo]: event index of each action; and of each open episode the tool that must succeed,
            the number of the action that failed, and the path so far (a column index).
        hashes: uint64[3, > hi - lo]: names of the actions, hashes of their beginnings, powers (see `cycles`).
        row: int32[WIDTH], zero at the episode columns.
    """
    seq, key, opened, path = scratch[0], scratch[1], scratch[2], scratch[3]
    names = hashes[0]
    n = 0  # actions so far
    n_open = 0
    same_run = 0
    stuck_run = 0
    period = 0  # of the cycle that is going on
    was_alternating = False
    last_write = -1
    answered = False
    for i in range(lo, hi):
        event = events[i]
        if event.kind == EXEC and (event.flags & WROTE):
            last_write = i
        if event.branch != 0:
            continue
        if event.kind == REPLY:
            answered = (event.flags & ANSWER) != 0
        unparsed = is_unparsed(event)
        if not unparsed and not is_made(event):
            continue
        name = _name(event, i - lo)
        if not unparsed and _repeated_in_turn(events, seq, names, n, event.turn, name):
            continue
        seq[n] = i
        extend(hashes, n, name)
        failed = unparsed or event.status != OK

        same = n > 0 and names[n - 1] == name
        same_run = same_run + 1 if same else 1
        stuck = n > 0 and not same and _same_result(events, seq[n - 1], i)
        stuck_run = stuck_run + 1 if stuck else 1
        alternating = _alternates(events, seq, names, n)
        if period == 0 or names[n - period] != name:
            period = period_of_cycle(hashes, n, CYCLES)
            row[c.LOOPS_PERIODIC] += period > 0
        row[c.LOOPS_IDENTICAL] += same_run == IDENTICAL_RUN
        row[c.LOOPS_NO_PROGRESS] += stuck_run == NO_PROGRESS_RUN
        row[c.LOOPS_ALTERNATING] += alternating and not was_alternating
        was_alternating = alternating

        mine = _key(event, unparsed)
        repeats_failure = same and _failed(events[seq[n - 1]]) and (events[seq[n - 1]].flags & TRANSIENT) == 0
        for e in range(n_open):
            if path[e] == c.UNFOLLOWED:
                path[e] = c.ADAPTIVE
            if path[e] == c.ADAPTIVE:
                if repeats_failure and key[e] == mine:
                    path[e] = c.IDENTICAL
                elif alternating and opened[e] <= n - ALTERNATING_TURNS + 1:
                    path[e] = c.ALTERNATING
                elif period > 0 and opened[e] <= n - CYCLES * period + 1:
                    path[e] = c.PERIODIC
                elif stuck_run >= NO_PROGRESS_RUN and opened[e] <= n - NO_PROGRESS_RUN + 1:
                    path[e] = c.NO_PROGRESS

        if failed:
            row[c.FAILURES] += 1
            known = False
            for e in range(n_open):
                known = known or key[e] == mine
            if not known:
                key[n_open] = mine
                opened[n_open] = n
                path[n_open] = c.UNFOLLOWED
                row[c.OPENED_UNPARSEABLE + _error_class(event)] += 1
                n_open += 1
        else:
            row[c.REDUNDANT] += _redundant(events, seq, names, n, last_write)
            still = 0
            for e in range(n_open):
                if key[e] == ANY_CALL or key[e] == mine:
                    row[c.RECOVERED] += 1
                    row[c.CURED_UNPARSEABLE + _error_class(events[seq[opened[e]]])] += 1
                    row[path[e]] += 1
                else:
                    key[still] = key[e]
                    opened[still] = opened[e]
                    path[still] = path[e]
                    still += 1
            n_open = still
        n += 1
    for e in range(n_open):
        row[path[e]] += 1
    row[c.ABANDONED if answered else c.EXHAUSTED] += n_open
    row[c.EPISODES] = row[c.RECOVERED] + row[c.ABANDONED] + row[c.EXHAUSTED]


@part
def _failed(event: Any) -> bool:
    return bool(event.kind == REPLY or event.status != OK)


@part
def _error_class(event: Any) -> int:
    """Which of the five columns an episode that this action opened is counted in."""
    if event.kind == REPLY:
        return 0
    if event.status == UNKNOWN_TOOL:
        return 1
    if event.status == INVALID_ARGUMENTS:
        return 2
    return 3 if event.status == TOOL_ERROR else 4


@part
def _key(event: Any, unparsed: bool) -> np.int64:
    if unparsed or event.status == UNKNOWN_TOOL:
        return np.int64(ANY_CALL)
    return np.int64(event.tool)


@part
def _name(event: Any, place: int) -> np.uint64:
    """What tells actions apart: a call's action hash; of an unparseable reply the hash of its text, where the recorder
    gave one, else its place, so that it equals no other."""
    if event.kind == CALL:
        return np.uint64(event.action)
    text = np.uint64(event.result)
    z = text if text != 0 else np.uint64(place) ^ np.uint64(0x5851F42D4C957F2D)
    z = (z ^ (z >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return z ^ (z >> np.uint64(33))


@part
def _same_result(events: NDArray[Any], i: int, j: int) -> bool:
    a = events[i]
    b = events[j]
    return bool(a.kind == CALL and b.kind == CALL and a.tool == b.tool and a.result != 0 and a.result == b.result)


@part
def _repeated_in_turn(
    events: NDArray[Any], seq: NDArray[np.int64], names: NDArray[np.uint64], n: int, turn: int, name: np.uint64
) -> bool:
    s = n - 1
    while s >= 0 and events[seq[s]].turn == turn:
        if names[s] == name:
            return True
        s -= 1
    return False


@part
def _alternates(events: NDArray[Any], seq: NDArray[np.int64], names: NDArray[np.uint64], n: int) -> bool:
    """Whether the last six actions are A-B-A-B-A-B in six turns."""
    if n < ALTERNATING_TURNS - 1 or names[n - 1] == names[n]:
        return False
    for s in range(n - ALTERNATING_TURNS + 1, n):
        if events[seq[s]].turn >= events[seq[s + 1]].turn:
            return False
        if s + 2 <= n and names[s] != names[s + 2]:
            return False
    return True


@part
def _redundant(
    events: NDArray[Any], seq: NDArray[np.int64], names: NDArray[np.uint64], n: int, last_write: int
) -> bool:
    result = events[seq[n]].result
    s = n - 1
    while s >= 0 and seq[s] > last_write:
        if names[s] == names[n] and events[seq[s]].status == OK and events[seq[s]].result == result:
            return True
        s -= 1
    return False
