"""The prefix tree's books against the obvious ones: a list of tokens per sequence and a set of physical cells."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harnesslab.engine.parking import Parked, Parking
from harnesslab.engine.prefix import PrefixTree, common_prefix

TOKENS = st.lists(st.integers(0, 2), max_size=12)


def array(tokens: list[int]) -> np.ndarray:
    return np.array(tokens, np.int32)


def everything(sequence: int, length: int) -> int:
    return length


class Books(RuleBasedStateMachine):
    """Keeps, per sequence, the identities of its cells; sharing copies identities, computing makes new ones."""

    @initialize()
    def start(self) -> None:
        self.tree = PrefixTree()
        self.tokens: dict[int, list[int]] = {}
        self.cells: dict[int, list[int]] = {}
        self.next_cell = 0
        self.next_sequence = 0

    def compute(self, n: int) -> list[int]:
        self.next_cell += n
        return list(range(self.next_cell - n, self.next_cell))

    @rule(tokens=TOKENS)
    def admit(self, tokens: list[int]) -> None:
        match = self.tree.match(array(tokens), everything)
        longest = max((common_prefix(array(t), array(tokens)) for t in self.tokens.values()), default=0)
        assert match.length == longest
        if match.length:
            assert self.tokens[match.sequence][: match.length] == tokens[: match.length]
        new = self.next_sequence
        self.next_sequence += 1
        self.tree.attach(new, match.sequence, match.length)
        self.tree.append(new, array(tokens[match.length :]))
        self.tokens[new] = tokens
        shared = self.cells[match.sequence][: match.length] if match.length else []
        self.cells[new] = shared + self.compute(len(tokens) - match.length)

    @precondition(lambda self: self.tokens)
    @rule(tokens=TOKENS, pick=st.integers(0, 10**6))
    def grow(self, tokens: list[int], pick: int) -> None:
        sequence = sorted(self.tokens)[pick % len(self.tokens)]
        self.tree.append(sequence, array(tokens))
        self.tokens[sequence] = self.tokens[sequence] + tokens
        self.cells[sequence] = self.cells[sequence] + self.compute(len(tokens))

    @precondition(lambda self: self.tokens)
    @rule(pick=st.integers(0, 10**6), at=st.integers(0, 12))
    def cut(self, pick: int, at: int) -> None:
        sequence = sorted(self.tokens)[pick % len(self.tokens)]
        length = min(at, len(self.tokens[sequence]))
        self.tree.cut(sequence, length)
        self.tokens[sequence] = self.tokens[sequence][:length]
        self.cells[sequence] = self.cells[sequence][:length]

    @precondition(lambda self: self.tokens)
    @rule(pick=st.integers(0, 10**6))
    def remove(self, pick: int) -> None:
        sequence = sorted(self.tokens)[pick % len(self.tokens)]
        mine = set(self.cells.pop(sequence))
        others = set().union(*self.cells.values())
        assert self.tree.own(sequence) == len(mine - others)
        assert self.tree.covers(sequence) == (mine <= others and bool(self.cells)) or not mine
        assert self.tree.remove(sequence) == len(mine - others)
        del self.tokens[sequence]

    @invariant()
    def books_are_right(self) -> None:
        assert self.tree.cells == len(set().union(*self.cells.values()))
        for sequence, tokens in self.tokens.items():
            assert self.tree.tokens(sequence).tolist() == tokens
            assert self.tree.length(sequence) == len(tokens)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(a=TOKENS, b=TOKENS)
def test_common_prefix(a: list[int], b: list[int]) -> None:
    n = common_prefix(array(a), array(b))
    assert a[:n] == b[:n]
    assert n == min(len(a), len(b)) or a[n] != b[n]


def test_a_sequence_lends_no_more_than_it_may() -> None:
    tree = PrefixTree()
    tree.attach(0, -1, 0)
    tree.append(0, array([1, 2, 3, 4]))
    assert tree.match(array([1, 2, 3, 9]), lambda s, n: min(n, 2)).length == 2
    assert tree.match(array([1, 2, 3, 9]), lambda s, n: 0).sequence == -1


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=12), st.data())
def test_parking_finds_the_longest_beginning_of_all_that_it_holds(states: list[list[int]], data: st.DataObject) -> None:
    parking = Parking(10)
    for state in states:
        parking.put(Parked(array(state), np.zeros(1, np.uint8)))
        if len(parking) > 3 and data.draw(st.booleans()):
            parking.take(data.draw(st.sampled_from(list(parking._lots))))
    asked = array(data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=6)))
    lot, length = parking.longest(asked)
    held = {i: common_prefix(parked.tokens, asked) for i, parked in parking._lots.items()}
    assert length == max(held.values())
    assert lot == -1 if length == 0 else held[lot] == length
    assert parking.bytes == len(parking) <= 10
