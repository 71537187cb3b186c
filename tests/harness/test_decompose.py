"""Splitting a stuck task: when, into what, within which budget, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
from toy_desk import BROKEN, GET, Chatty, Played, call, play

from harnesslab.harness.layers.decompose import listed, share
from harnesslab.types import ASIDE, Budget, EndReason, EventKind, Left, Status

MISS_8, MISS_9 = (call("get_order", order_id=f"O-{i}") for i in (8, 9))
SHIP = call("ship_order", order_id="O-1", speed="normal")
LIST = "1. Look up order O-1.\n2. Ship it."


def split(*replies: str, turns: int = 12, **params: Any) -> Played:
    return play(replies, [{"name": "decompose", **params}], budget=Budget(turns=turns))


def causes(played: Played) -> list[str]:
    return [e.payload["cause"] for e in played.of(EventKind.LAYER)]


def test_the_same_failure_twice_splits_the_task_and_the_results_are_merged() -> None:
    played = split(GET, MISS_8, MISS_9, LIST, GET, "It is open.", SHIP, "Shipped.", "O-1 is on its way.")
    assert (played.answer.text, played.answer.reason) == ("O-1 is on its way.", EndReason.ANSWERED)
    assert played.desk.state["O-1"] == "shipped"
    replies = played.of(EventKind.REPLY)
    assert [e.branch for e in replies] == [0, 0, 0, ASIDE, 1, 1, 2, 2, ASIDE]
    assert [e.layer for e in replies] == [*[""] * 3, *["decompose"] * 6]
    assert causes(played) == ["stuck", "split", "part", "part"]
    assert played.of(EventKind.LAYER)[0].payload["why"] == "get_order (tool error) failed again"
    assert played.of(EventKind.LAYER)[1].payload["parts"] == ["Look up order O-1.", "Ship it."]


def test_what_the_model_is_told() -> None:
    played = split(GET, MISS_8, MISS_9, LIST, GET, "It is open.", SHIP, "Shipped.", "O-1 is on its way.")
    plan, first, second, merge = (played.requests[i].prompt for i in (3, 4, 6, 8))
    known = 'What worked so far:\n- get_order({"order_id":"O-1"}) -> {"id":"O-1","state":"open"}'
    assert plan.tools == merge.tools == ()
    assert plan.messages[-1].content == (
        "Ship O-1.\n\nA first attempt got stuck: get_order (tool error) failed again.\n" + known + "\n\n"
        "Tools:\n- get_order: Reads an order.\n- ship_order: Ships an order.\n- flaky: Fails the first time.\n\n"
        "Split what is still to be done into 2 to 4 steps that can be done one after the other. "
        "Reply with a numbered list, one short step per line, and nothing else."
    )
    assert [m.role for m in first.messages] == ["system", "user"]  # a fresh context
    assert first.messages[0].content == "You run the desk."
    assert first.messages[1].content == (
        "Ship O-1.\n\nThis is done step by step.\n" + known + "\n\nYour step now: Look up order O-1.\n"
        "Do this step only, then say in one short sentence what you found or did."
    )
    assert [t.name for t in first.tools] == ["get_order", "ship_order", "flaky"]
    assert "Your step now: Ship it." in second.messages[-1].content
    assert "- Look up order O-1.: It is open.\n- Ship it.: Shipped.\n" in merge.messages[-1].content
    assert merge.messages[-1].content.endswith("All steps are over. Answer the request now, in one short text.")


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        ((MISS_9, MISS_9), "get_order (tool error) failed again"),
        ((MISS_9, GET, MISS_8), "get_order (tool error) failed again"),
        ((BROKEN, BROKEN), "a reply that could not be read failed again"),
        ((MISS_9 + MISS_8, GET, GET + MISS_9), "get_order (tool error) failed again"),
        ((GET,) * 8, "the turns are nearly out"),
    ],
)
def test_what_counts_as_stuck(replies: tuple[str, ...], why: str) -> None:
    played = split(*replies, LIST, "One.", "Two.", "Done.")
    assert played.of(EventKind.LAYER)[0].payload["why"] == why
    assert played.answer.text == "Done."


@pytest.mark.parametrize(
    "replies",
    [
        (GET, SHIP, "Done."),
        (MISS_9, call("ship_order", order_id="O-9", speed="normal"), SHIP, "Done."),  # two tools
        (MISS_9 + MISS_8, SHIP, "Done."),  # in one turn they count once
        (MISS_9, "Done."),
    ],
)
def test_what_does_not(replies: tuple[str, ...]) -> None:
    played, loop = split(*replies), play(replies)
    assert not played.of(EventKind.LAYER)
    assert [r.rng_key for r in played.requests] == [r.rng_key for r in loop.requests]


@pytest.mark.parametrize("turns", range(1, 14))
@pytest.mark.parametrize("script", [(MISS_9,), (GET,), (MISS_9, MISS_9, "1. a\n2. b\n3. c\n4. d\n5. e", GET)])
def test_the_trials_budget_holds_over_all_parts(turns: int, script: tuple[str, ...]) -> None:
    played = split(*script, turns=turns)
    assert len(played.of(EventKind.REPLY)) <= turns
    assert len(played.of(EventKind.END)) == 1


def test_with_too_little_left_the_attempt_goes_on() -> None:
    played = split(GET, GET, MISS_9, MISS_9, SHIP, "Done.", turns=6)
    assert not played.of(EventKind.LAYER)
    assert played.answer.text == "Done."
    assert causes(split(MISS_9, MISS_9, LIST, GET, SHIP, "Shipped.", turns=6))[0] == "stuck"


def test_six_turns_are_enough_after_two_failures() -> None:
    played = split(MISS_9, MISS_9, LIST, GET, SHIP, "Shipped.", turns=6)
    assert (played.answer.text, played.answer.reason) == ("Shipped.", EndReason.ANSWERED)
    assert [e.branch for e in played.of(EventKind.REPLY)] == [0, 0, ASIDE, 1, 2, ASIDE]
    assert "Ship it.: not finished" in played.requests[-1].prompt.messages[-1].content
    assert "O-1 shipped" in played.requests[-1].prompt.messages[-1].content  # but it is known to have worked


def test_without_a_list_the_rest_is_one_part() -> None:
    played = split(MISS_9, MISS_9, "I cannot split this.", SHIP, "Shipped.", "Done.")
    assert causes(played) == ["stuck", "no list: the rest is one part", "part"]
    assert "Your step now: Finish the request." in played.requests[3].prompt.messages[-1].content
    assert played.answer.text == "Done."


def test_no_more_parts_than_allowed() -> None:
    played = split(MISS_9, MISS_9, "- a\n- b\n- c", "A.", "B.", "Done.", max_parts=2)
    assert played.of(EventKind.LAYER)[1].payload["parts"] == ["a", "b"]


def test_a_budget_that_ends_before_the_merge_is_a_failure_with_the_last_words() -> None:
    free = split(MISS_9, MISS_9, LIST, "A.", "B.", "Done.").requests
    limit = sum(r.prompt.n_tokens for r in free[:3]) + 60
    played = play([MISS_9, MISS_9, LIST, "A.", "B.", "Done."], ["decompose"], budget=Budget(turns=12, tokens=limit))
    assert causes(played) == ["stuck", "split", "part", "part"]
    assert played.answer.reason is EndReason.TOKENS
    assert played.spent.prompt + played.spent.generated <= limit


def test_it_stays_away_where_a_simulated_user_takes_part() -> None:
    played = play([MISS_9, MISS_9, MISS_9, "Bye."], ["decompose"], user=Chatty("And?"))
    assert not played.of(EventKind.LAYER)


def test_the_attempt_it_stops_is_recorded_as_it_was() -> None:
    played = split(MISS_9, MISS_9, LIST, "A.", "B.", "Done.")
    assert [e.status for e in played.of(EventKind.CALL)] == [Status.TOOL_ERROR] * 2
    assert {e.branch for e in played.of(EventKind.CALL)} == {0}


@pytest.mark.parametrize(
    "text",
    [
        "1. look\n2. ship it",
        "Sure:\n1) look\n2) ship it\nThat is all.",
        "- look\n- ship it",
        "* **look**\n* ship it",
        "Step 1: look\nStep 2: ship it",
        "**1.** look\n**2.** ship it",
        "  1. look\n\n  2. ship it",
    ],
)
def test_lists_are_read_as_models_write_them(text: str) -> None:
    assert listed(text) == ["look", "ship it"]


def test_what_is_no_list() -> None:
    assert listed("First look, then ship 2 of them.") == []
    assert listed("") == []
    assert listed("10 orders\n-5 degrees") == []


def test_shares_are_equal_and_keep_one_reply_for_the_merge() -> None:
    assert share(Left(9, 900, 9.0), ["a", "b"]) == Budget(4, 300, 3.0)
    assert share(Left(2, None, None), ["a", "b"]) == Budget(1, 0, 0.0)
    assert share(Left(None, 0, 0.0), ["a"]) == Budget(0, 1, 1e-3)  # out, and not unbounded
