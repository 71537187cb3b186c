"""When a think block is open, what it has cost, and when it must be closed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harnesslab.engine.thinking import ThinkingBudget


def budget(limit: int, *, inside: bool = False) -> ThinkingBudget:
    return ThinkingBudget(b"<think>", b"</think>", (), limit, inside)


def feed(b: ThinkingBudget, *pieces: str) -> ThinkingBudget:
    for piece in pieces:
        b.add(piece.encode())
    return b


def test_a_block_at_the_start_counts_to_its_limit() -> None:
    b = feed(budget(3), "\n", "<th", "ink>", "a", "b")
    assert (b.inside, b.spent, b.over) == (True, 2, False)
    assert feed(b, "c").over
    feed(b, "</th", "ink>")
    assert not b.inside
    assert not b.over


def test_a_block_that_the_prompt_opened_counts_from_the_first_token() -> None:
    assert feed(budget(2, inside=True), "a", "b").over


def test_a_closing_tag_in_parts_is_no_thinking() -> None:
    assert feed(budget(0), "<think>", "a", "b", "</", "think", ">").spent == 2
    assert feed(budget(0, inside=True), "a </", "think", ">").spent == 1


def test_without_a_limit_it_only_counts() -> None:
    b = feed(budget(0), "<think>", "a", "b", "</think>", "c")
    assert (b.inside, b.spent, b.over) == (False, 2, False)
    assert not feed(budget(0, inside=True), "a").over


def test_an_answer_that_quotes_the_tag_is_no_thinking() -> None:
    b = feed(budget(1), "Write ", "<think>", "x", "y")
    assert (b.inside, b.spent) == (False, 0)


def test_a_second_block_goes_on_counting() -> None:
    b = feed(budget(3), "<think>", "a", "b", "</think>", "\n", "<think>")
    assert not b.over
    assert feed(b, "c").over


@given(st.text("<think>/ ab", max_size=60), st.integers(1, 8))
def test_cutting_the_text_into_other_tokens_changes_nothing_but_the_count(text: str, size: int) -> None:
    whole = feed(budget(1000), *text)
    parts = feed(budget(1000), *(text[i : i + size] for i in range(0, len(text), size)))
    assert parts.inside == whole.inside
