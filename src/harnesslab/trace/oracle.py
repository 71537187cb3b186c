"""Which emitted calls are oracle calls: a multiset match, so two equal calls match two oracle calls, not one twice."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from harnesslab.types import ToolCall
from harnesslab_kernels.events import CALL


def match_oracle(events: NDArray[Any], oracle: Sequence[ToolCall]) -> None:
    """Fills `oracle` of every CALL of branch 0: the index of the oracle call it matches, -1 where it matches none.

    Calls are taken in order of emission, whatever became of them; order within the oracle does not matter.

    Args:
        events: EVENT[n], changed in place.
    """
    free: defaultdict[int, deque[int]] = defaultdict(deque)
    for index, call in enumerate(oracle):
        free[call.key].append(index)
    matched = [-1] * len(events)
    actions, kinds, branches = events["action"].tolist(), events["kind"].tolist(), events["branch"].tolist()
    for i, action in enumerate(actions):
        if kinds[i] == CALL and branches[i] == 0 and free.get(action):
            matched[i] = free[action].popleft()
    events["oracle"] = matched
