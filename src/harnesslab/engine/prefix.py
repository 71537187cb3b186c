"""A radix tree over the KV cells of one context: which sequence holds which tokens, and which cells they share.

A node is a run of cells that exists once. The sequences listed at a node all hold its cells; a sequence's tokens are
the runs from the root to its leaf. Two nodes may carry equal tokens side by side, because two sequences may each have
computed them. Knows nothing of llama.cpp: it keeps the books that `share` and `drop` keep in the context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]


@dataclass(eq=False, slots=True)
class Node:
    tokens: Tokens
    parent: Node | None
    sequences: set[int] = field(default_factory=set)
    children: dict[int, list[Node]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """The longest usable beginning of some tokens: `length` positions, held by `sequence` (-1: none)."""

    length: int
    sequence: int


NO_MATCH = Match(0, -1)
_NOBODY = -2


def common_prefix(a: Tokens, b: Tokens) -> int:
    n = min(len(a), len(b))
    differ = np.flatnonzero(a[:n] != b[:n])
    return int(differ[0]) if differ.size else n


class PrefixTree:
    """Books over cells. All lengths and positions count tokens."""

    def __init__(self) -> None:
        self.root = Node(np.empty(0, np.int32), None)
        self._leaf: dict[int, Node] = {}
        self._length: dict[int, int] = {}
        self.cells = 0

    def length(self, sequence: int) -> int:
        return self._length[sequence]

    def tokens(self, sequence: int) -> Tokens:
        runs: list[Tokens] = []
        node: Node | None = self._leaf[sequence]
        while node is not None:
            runs.append(node.tokens)
            node = node.parent
        return np.concatenate(runs[::-1])

    def match(self, tokens: Tokens, usable: Callable[[int, int], int]) -> Match:
        """The longest prefix of `tokens` that some sequence can lend.

        Args:
            usable: (sequence, length it has in common with `tokens`) -> how much of it can be lent.
        """
        best = NO_MATCH
        for node, length in sorted(self._common(tokens), key=lambda found: -found[1]):
            if length <= best.length:
                break
            for sequence in node.sequences:
                lent = usable(sequence, length)
                if lent > best.length:
                    best = Match(lent, sequence)
                if lent == length:
                    break
        return best

    def _common(self, tokens: Tokens) -> Iterator[tuple[Node, int]]:
        stack = [(self.root, 0)]
        while stack:
            node, depth = stack.pop()
            if depth >= len(tokens):
                continue
            for child in node.children.get(int(tokens[depth]), ()):
                n = common_prefix(child.tokens, tokens[depth:])
                yield child, depth + n
                if n == len(child.tokens):
                    stack.append((child, depth + n))

    def attach(self, sequence: int, source: int, length: int) -> None:
        """A new sequence takes over the first `length` cells of `source` (any when `length` is 0)."""
        node = self.root
        if length:
            node = self._leaf[source]
            start = self._length[source] - len(node.tokens)
            while start >= length:
                assert node.parent is not None
                node = node.parent
                start -= len(node.tokens)
            if length - start < len(node.tokens):
                node = self._split(node, length - start)
        self._leaf[sequence] = node
        self._length[sequence] = length
        above: Node | None = node
        while above is not None:
            above.sequences.add(sequence)
            above = above.parent

    def cut(self, sequence: int, length: int) -> None:
        """The sequence gives up what it holds from `length` on."""
        self.attach(_NOBODY, sequence, length)
        self.remove(sequence)
        self.attach(sequence, _NOBODY, length)
        self.remove(_NOBODY)

    def append(self, sequence: int, tokens: Tokens) -> None:
        """The sequence computed more cells of its own."""
        if not len(tokens):
            return
        leaf = self._leaf[sequence]
        self.cells += len(tokens)
        self._length[sequence] += len(tokens)
        if leaf is not self.root and leaf.sequences == {sequence} and not leaf.children:
            leaf.tokens = np.concatenate([leaf.tokens, tokens])
            return
        node = Node(np.array(tokens, np.int32), leaf, {sequence})
        leaf.children.setdefault(int(tokens[0]), []).append(node)
        self._leaf[sequence] = node

    def remove(self, sequence: int) -> int:
        """Forgets a sequence; returns how many cells nobody holds any more."""
        node = self._leaf.pop(sequence)
        del self._length[sequence]
        before = self.cells
        while node.parent is not None:
            node.sequences.discard(sequence)
            parent = node.parent
            if not node.sequences:
                self.cells -= len(node.tokens)
                siblings = parent.children[int(node.tokens[0])]
                siblings.remove(node)
                if not siblings:
                    del parent.children[int(node.tokens[0])]
            node = parent
        self.root.sequences.discard(sequence)
        return before - self.cells

    def counted(self) -> int:
        """Cells of all nodes that some sequence still holds, counted one by one; `cells` should say the same."""
        total, stack = 0, [self.root]
        while stack:
            node = stack.pop()
            total += len(node.tokens) if node.sequences else 0
            stack += (child for equal in node.children.values() for child in equal)
        return total

    def own(self, sequence: int) -> int:
        """Cells that dropping this sequence would free."""
        total, node = 0, self._leaf[sequence]
        while node.parent is not None and len(node.sequences) == 1:
            total += len(node.tokens)
            node = node.parent
        return total

    def covers(self, sequence: int) -> bool:
        """Whether other sequences hold every cell of this one, so that dropping it loses nothing."""
        return len(self._leaf[sequence].sequences) > 1

    def _split(self, node: Node, at: int) -> Node:
        """Cuts a node in two; returns the upper half. Sequences that end in it end in the lower half."""
        parent = node.parent
        assert parent is not None
        upper = Node(node.tokens[:at], parent, set(node.sequences), {int(node.tokens[at]): [node]})
        siblings = parent.children[int(node.tokens[0])]
        siblings[siblings.index(node)] = upper
        node.tokens, node.parent = node.tokens[at:], upper
        return upper
