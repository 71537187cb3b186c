"""Sequences that had to leave the KV cells, kept in host memory until somebody continues them.

Copying a state back costs milliseconds where computing it again costs seconds. Knows the tokens and the bytes of a
state, not what is in it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harnesslab.engine.prefix import PrefixTree, Tokens


@dataclass(frozen=True, slots=True)
class Parked:
    """A sequence's tokens and its saved state."""

    tokens: Tokens
    state: NDArray[np.uint8]


class Parking:
    """Least recently used states are forgotten beyond `capacity` bytes."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bytes = 0
        self._lots: OrderedDict[int, Parked] = OrderedDict()
        self._tree = PrefixTree()  # of the lots: its sequences
        self._next = 0

    def __len__(self) -> int:
        return len(self._lots)

    def put(self, parked: Parked) -> None:
        if parked.state.nbytes > self.capacity:
            return
        lot, self._next = self._next, self._next + 1
        self._lots[lot] = parked
        held = self._tree.match(parked.tokens, _whole)
        self._tree.attach(lot, held.sequence, held.length)
        self._tree.append(lot, parked.tokens[held.length :])
        self.bytes += parked.state.nbytes
        while self.bytes > self.capacity:
            self.take(next(iter(self._lots)))

    def longest(self, tokens: Tokens) -> tuple[int, int]:
        """(lot, length) of the state with the longest beginning in common with `tokens`; (-1, 0) if none has any."""
        found = self._tree.match(tokens, _whole)
        return found.sequence, found.length

    def take(self, lot: int) -> Parked:
        """Removes and returns a state."""
        parked = self._lots.pop(lot)
        self._tree.remove(lot)
        self.bytes -= parked.state.nbytes
        return parked


def _whole(_lot: int, length: int) -> int:
    return length
