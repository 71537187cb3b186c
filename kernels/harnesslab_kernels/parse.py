"""Pass rate: do replies parse in the expected format as emitted?

    reply pass rate = sum PARSED / sum REPLIES
    trial pass rate = sum ALL_PARSED / number of trials

No repair by a layer counts: the status of a REPLY event is that of the text as emitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harnesslab_kernels._jit import part
from harnesslab_kernels.counts import ALL_PARSED, PARSED, REPLIES
from harnesslab_kernels.events import END, OK, OVERFLOW, REPLY, UNPARSEABLE


@part
def count_parse(events: NDArray[Any], lo: int, hi: int, row: NDArray[np.int32]) -> None:
    """Adds one trial's replies to `row`.

    A request that did not fit the context and generated nothing is not a reply; a reply cut at its token limit is one
    that does not parse, and so is the last one of a trial whose END says that its answer does not have the form that
    was asked for.

    Args:
        events: EVENT[m] without its padding field (see `scan.as_records`).
        lo, hi: the trial's events.
        row: int32[WIDTH], written at REPLIES, PARSED, ALL_PARSED.
    """
    replies = 0
    parsed = 0
    last = 0  # whether the reply before parses
    for i in range(lo, hi):
        if events[i].kind == REPLY and not (events[i].status == OVERFLOW and events[i].generated == 0):
            replies += 1
            last = 1 if events[i].status == OK else 0
            parsed += last
        elif events[i].kind == END and events[i].status == UNPARSEABLE:
            parsed -= last
            last = 0
    row[REPLIES] = replies
    row[PARSED] = parsed
    row[ALL_PARSED] = replies > 0 and replies == parsed
