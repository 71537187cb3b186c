"""Whether the scheduler's books and llama.cpp agree on who holds what; they part where something leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harnesslab.engine.native import NativeContext
from harnesslab.engine.prefix import PrefixTree


def astray(context: NativeContext, tree: PrefixTree, computed: Mapping[int, int], free: Sequence[int]) -> int:
    """Cells that the books and llama.cpp disagree about, between two steps; 0 while all is well.

    Args:
        computed: positions of every sequence in use.
        free: sequence ids that should hold nothing.
    """
    held = sum(abs(context.held(s) - n) for s, n in computed.items()) + sum(context.held(s) for s in free)
    return held + abs(tree.cells - tree.counted())
