"""Energy of one meter, integrated and divided among trials that overlap.

    E(t)       joules up to t: readings, straight lines between them
    E(t_i)     = E(t_(i-1)) + (t_i - t_(i-1)) (W_(i-1) + W_i) / 2           where the meter reads watts: trapezoids
    S(t)       = integral of dE / alive up to t, alive: trials that have begun and not ended
    a trial    = S(end) - S(start)
    idle       = what was spent while none was alive

So the trials' joules and idle add up to the meter. Equal parts are a convention, not a measurement. During a sweep
`harnesslab.telemetry.ledger` keeps the same books, a reading at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import kernel


def integrate(times: NDArray[np.float64], watts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Joules since the first reading, float64[r], of power read at `times` (float64[r], seconds, ascending)."""
    joules = np.zeros(len(times))
    np.cumsum(np.diff(times) * (watts[1:] + watts[:-1]) / 2.0, out=joules[1:])
    return joules


def attribute(
    times: NDArray[np.float64], joules: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """What each trial is charged, and what nobody is.

    Args:
        times, joules: float64[r], r >= 1, readings of a cumulative meter, both ascending. Before the first and after
            the last nothing is spent.
        start, end: float64[n], seconds on the same clock, start <= end.

    Returns:
        (joules of each trial, float64[n]; idle joules).
    """
    begins, ends = np.argsort(start, kind="stable"), np.argsort(end, kind="stable")
    out = np.zeros(len(start))
    idle = _attribute(
        np.ascontiguousarray(times, dtype=np.float64),
        np.ascontiguousarray(joules, dtype=np.float64),
        np.ascontiguousarray(start, dtype=np.float64),
        np.ascontiguousarray(end, dtype=np.float64),
        begins,
        ends,
        out,
    )
    return out, idle


@kernel
def _attribute(
    times: NDArray[np.float64],
    joules: NDArray[np.float64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    out: NDArray[np.float64],
) -> float:
    """Walks over readings, begins and ends in the order of time."""
    idle = 0.0
    share = 0.0  # S
    total = joules[0]  # E
    alive = 0
    r = b = e = 0
    while e < len(ends) or r < len(times):
        # At one time: readings first, then begins, then ends.
        when = end[ends[e]] if e < len(ends) else np.inf
        begins_next = b < len(begins) and start[begins[b]] <= when
        if begins_next:
            when = start[begins[b]]
        reads_next = r < len(times) and times[r] <= when
        if reads_next:
            when = times[r]
            now = joules[r]
        elif r == 0:
            now = joules[0]
        elif r == len(times):
            now = joules[r - 1]
        else:
            now = joules[r - 1] + (joules[r] - joules[r - 1]) * (when - times[r - 1]) / (times[r] - times[r - 1])
        if alive > 0:
            share += (now - total) / alive
        else:
            idle += now - total
        total = now
        if reads_next:
            r += 1
        elif begins_next:
            out[begins[b]] = share
            alive += 1
            b += 1
        else:
            out[ends[e]] = share - out[ends[e]]
            alive -= 1
            e += 1
    return idle
