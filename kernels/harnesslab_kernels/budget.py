"""What trials cost: tokens and calls, in total and after the first failed action.

    tokens per success  = sum over all trials of (PROMPT + GENERATED) / number of passed trials
    computed here       = sum over replies not taken from the memo of PROMPT - CACHED + GENERATED
    computed alone      = sum over all replies of PROMPT - OWN + GENERATED
    share after error   = sum AFTER_ERROR / sum (PROMPT + GENERATED)
    curve(B)            = mean over tasks of the share of trials that passed with PROMPT + GENERATED <= B

Failures' costs are in every numerator. A token counts each time it is in a prompt, computed or cached: what the trial
would cost alone on a server without a cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels import counts as c
from harnesslab_kernels._jit import part
from harnesslab_kernels.events import CALL, MEMO, OK, OVERFLOW, REPLY, SKIPPED
from harnesslab_kernels.tool_calls import is_unparsed


@part
def count_budget(events: NDArray[Any], lo: int, hi: int, row: NDArray[np.int32]) -> None:
    """Adds up one trial's tokens and calls into `row`, over all branches.

    Args:
        events: EVENT[m] without its padding field.
        lo, hi: the trial's events.
        row: int32[WIDTH]; tokens of one trial stay below 2**31.
    """
    prompt = cached = generated = after = calls = computed = alone = unknown = 0
    erred = False
    for i in range(lo, hi):
        event = events[i]
        if event.kind == REPLY:
            prompt += event.prompt
            cached += event.cached
            generated += event.generated
            fitted = event.status != OVERFLOW or event.generated > 0
            if fitted and not event.flags & MEMO:
                computed += event.prompt - event.cached + event.generated
            if fitted and event.own >= 0:
                alone += event.prompt - event.own + event.generated
            unknown += fitted and event.own < 0
            if erred:
                after += event.prompt + event.generated
        calls += event.kind == CALL
        if event.branch == 0:
            erred = erred or is_unparsed(event)
            erred = erred or (event.kind == CALL and event.status != OK and event.status != SKIPPED)
    row[c.PROMPT] = prompt
    row[c.CACHED] = cached
    row[c.GENERATED] = generated
    row[c.AFTER_ERROR] = after
    row[c.TOOL_CALLS] = calls
    row[c.ERRED] = erred
    row[c.COMPUTED] = computed
    row[c.ALONE] = alone
    row[c.OWN_UNKNOWN] = unknown


def success_curve(
    tokens: NDArray[np.int64], passed: NDArray[np.bool_], weight: NDArray[np.float64], grid: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Share of success within each token budget.

    Args:
        tokens: int64[n], a trial's prompt and generated tokens.
        passed: bool[n].
        weight: float64[n], what a trial counts; 1 / (tasks x trials of its task) makes a mean over tasks.
        grid: int64[g], budgets in tokens.

    Returns:
        float64[g]: sum of the weights of trials that passed with tokens <= grid[i].
    """
    costs = tokens[passed]
    order = np.argsort(costs, kind="stable")
    cumulative = np.concatenate([[0.0], np.cumsum(weight[passed][order])])
    return np.asarray(cumulative[np.searchsorted(costs[order], grid, side="right")], dtype=np.float64)
