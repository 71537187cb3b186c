"""Two-stage tool choice: what is asked, what is offered after, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from toy_advice import ADVICE
from toy_desk import GET, TOOLBOX, Played, call, play

from harnesslab.harness.layers.router import schema_tokens
from harnesslab.types import ASIDE, Budget, EndReason, EventFlag, EventKind, Sampling

SHIP = call("ship_order", order_id="O-1", speed="normal")
ALL = ["get_order", "ship_order", "flaky"]


def routed(*replies: str, stack: tuple[Any, ...] = ("router",), **options: Any) -> Played:
    return play([*replies, "Done."], stack, **options)


def offered(played: Played) -> list[list[str]]:
    return [[t.name for t in r.prompt.tools] for r in played.requests]


def test_names_first_schemas_after() -> None:
    played = routed("get_order, ship_order", GET, SHIP)
    assert offered(played) == [[], *[["get_order", "ship_order"]] * 3]
    asked = played.requests[0].prompt.messages
    assert [m.role for m in asked] == ["system", "user"]
    assert asked[-1].content == (
        "Ship O-1.\n\nBefore you start, choose the tools you will need for all of this:\n"
        "- get_order: Reads an order.\n- ship_order: Ships an order.\n- flaky: Fails the first time.\n"
        "Reply with their names only, separated by commas."
    )
    assert played.desk.state["O-1"] == "shipped"
    (event,) = played.of(EventKind.LAYER)
    assert event.payload == {"cause": "tools chosen", "chosen": ["get_order", "ship_order"], "of": 3}


def test_the_question_is_charged_to_the_layer_and_nothing_else_is() -> None:
    replies = routed("get_order", GET).of(EventKind.REPLY)
    assert [(e.layer, e.branch) for e in replies] == [("router", ASIDE), ("", 0), ("", 0)]


@pytest.mark.parametrize(
    ("reply", "chosen"),
    [
        ("I need `ship_order`.", ["ship_order"]),
        ("1. flaky\n2. get_order", ["get_order", "flaky"]),
        (GET, ["get_order"]),
        ('{"name": "ship_order", "arguments"', ["ship_order"]),
        ("reorder_flaky", ALL),
        ("All of them.", ALL),
        ("", ALL),
    ],
)
def test_known_names_are_chosen_and_none_means_all(reply: str, chosen: list[str]) -> None:
    played = routed(reply, GET)
    assert offered(played)[1] == chosen
    cause = played.of(EventKind.LAYER)[0].payload["cause"]
    assert ("no known name" in cause) == (chosen == ALL)


def test_a_tool_that_was_not_chosen_joins_when_it_is_called() -> None:
    played = routed("get_order", SHIP, GET)
    assert played.desk.state["O-1"] == "shipped"
    assert offered(played)[1:] == [["get_order"], ["get_order", "ship_order"], ["get_order", "ship_order"]]
    first, second = played.of(EventKind.CALL)
    assert not first.has(EventFlag.KNOWN_TOOL)  # the model had not been told of it
    assert second.has(EventFlag.KNOWN_TOOL)
    assert played.of(EventKind.LAYER)[1].payload["cause"] == "a tool that was not chosen"


def test_validate_inside_checks_the_tool_that_joined() -> None:
    played = routed("get_order", call("ship_order", order_id="O-1"), stack=("router", "validate"))
    assert "ship_order was not run" in played.requests[-1].prompt.messages[-1].content
    assert not played.desk.log


def test_below_the_threshold_nothing_is_asked() -> None:
    size = schema_tokens(TOOLBOX.tools)
    below, at = ([{"name": "router", "threshold": t}] for t in (size + 1, size))
    plain = play([GET, "Done."])
    quiet = play([GET, "Done."], below)
    assert [r.rng_key for r in quiet.requests] == [r.rng_key for r in plain.requests]
    assert not quiet.of(EventKind.LAYER)
    assert offered(play(["get_order", GET, "Done."], at))[1] == ["get_order"]


def test_later_attempts_keep_the_choice() -> None:
    played = play(["get_order", GET, "A.", GET, "B."], ["best-of-n", "router"], budget=Budget(turns=5))
    assert offered(played)[1:3] == [["get_order"]] * 2
    assert len([e for e in played.of(EventKind.REPLY) if e.branch == ASIDE]) == 1


def test_it_chooses_among_macro_tools_too() -> None:
    chain = call("look_and_ship", order_id="O-1")
    for stack in (("router", "compound"), ("compound", "router")):
        played = routed("look_and_ship", chain, stack=stack, advice=ADVICE)
        assert offered(played)[1] == ["look_and_ship"]
        assert played.desk.state["O-1"] == "shipped"


def test_the_choice_counts_as_a_turn() -> None:
    played = routed("get_order", GET, budget=Budget(turns=2))
    assert played.answer.reason is EndReason.TURNS
    assert len(played.of(EventKind.REPLY)) == 2


def test_a_token_budget_that_ends_at_the_choice_ends_the_trial() -> None:
    prompt = routed("get_order", GET).requests[0].prompt.n_tokens
    played = routed("get_order", budget=Budget(tokens=prompt), sampling=Sampling(max_tokens=20))
    assert played.answer.reason is EndReason.TOKENS
    assert not played.requests
