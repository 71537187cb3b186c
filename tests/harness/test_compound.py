"""Macro-tools: what is offered, what runs, how it is judged and charged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from toy_advice import ADVICE, LOOK_AND_SHIP
from toy_desk import GET, Played, ToyDesk, call, play

from harnesslab.types import (
    ActionResult,
    Advice,
    EventFlag,
    EventKind,
    Status,
    ToolCall,
)

CHAIN = call("look_and_ship", order_id="O-1")


def compound(*replies: str, before: tuple[str, ...] = (), after: tuple[str, ...] = (), **params: Any) -> Played:
    stack = [*before, {"name": "compound", **params}, *after]
    return play([*replies, "Done."], stack, advice=ADVICE)


def test_macro_tools_stand_in_place_of_the_tools_they_replace() -> None:
    played = compound(GET)
    assert [t.name for t in played.requests[0].prompt.tools] == ["look_and_ship", "flaky"]
    (event,) = played.of(EventKind.LAYER)
    assert event.payload == {
        "cause": "macro-tools",
        "offered": ["look_and_ship"],
        "hidden": ["get_order", "ship_order"],
        "suite_informed": True,
    }
    assert {e.layer for e in played.of(EventKind.REPLY)} == {""}


def test_nothing_is_hidden_on_request() -> None:
    played = compound(GET, hide=False)
    names = [t.name for t in played.requests[0].prompt.tools]
    assert names == ["look_and_ship", "get_order", "ship_order", "flaky"]


def test_a_chain_is_one_call_and_several_executions() -> None:
    played = compound(CHAIN)
    assert [e.kind.name for e in played.recorder.events] == [
        "LAYER", "REPLY", "CALL", "LAYER", "EXEC", "EXEC", "REPLY", "END",
    ]  # fmt: skip
    (emitted,) = played.of(EventKind.CALL)
    assert emitted.call is not None
    assert emitted.call.name == "look_and_ship"
    assert emitted.layer == ""  # the model's own call
    assert all(emitted.has(f) for f in (EventFlag.KNOWN_TOOL, EventFlag.SCHEMA_VALID, EventFlag.REACHED))
    executed = played.of(EventKind.EXEC)
    assert [e.call.name for e in executed if e.call] == ["get_order", "ship_order"]
    assert [e.layer for e in executed] == ["compound", "compound"]
    assert [e.has(EventFlag.WROTE) for e in executed] == [False, True]
    assert played.requests[1].prompt.messages[-1].content == '{"id":"O-1","state":"open"}; O-1 shipped'
    assert [c.name for c, _ in played.desk.log] == ["get_order", "ship_order"]


def test_a_call_is_judged_by_the_toolbox_as_offered() -> None:
    played = compound(call("look_and_ship", order_id=5), call("get_order", order_id="O-1"), call("look_and_ship"))
    flags = [(e.has(EventFlag.KNOWN_TOOL), e.has(EventFlag.SCHEMA_VALID)) for e in played.of(EventKind.CALL)]
    assert flags == [(True, False), (False, False), (True, False)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "Error: missing argument order_id in look_and_ship"),
        ({"order_id": "O-1", "speed": "normal"}, "Error: unexpected argument speed in look_and_ship"),
    ],
)
def test_arguments_are_refused_in_the_words_of_the_tools(arguments: dict[str, Any], says: str) -> None:
    played = compound(call("look_and_ship", **arguments))
    assert played.requests[1].prompt.messages[-1].content == says
    assert played.of(EventKind.CALL)[0].status is Status.INVALID_ARGUMENTS
    assert not played.desk.log


def test_validate_outside_validates_the_compound_call_itself() -> None:
    played = compound(call("look_and_ship", order_id=5), CHAIN, before=("validate",))
    answers = [m.content for m in played.requests[-1].prompt.messages if m.role == "tool"]
    assert answers[0].startswith("Error: look_and_ship was not run: 1 problem with its arguments.")
    assert "Expected: look_and_ship(order_id: string)" in answers[0]
    assert answers[1].endswith("O-1 shipped")
    assert [c.arguments["order_id"] for c, _ in played.desk.log] == ["O-1", "O-1"]


def test_validate_inside_validates_the_chains_calls_though_they_are_hidden() -> None:
    played = compound(CHAIN, call("look_and_ship", order_id=5), GET, after=("validate",))
    answers = [m.content for m in played.requests[-1].prompt.messages if m.role == "tool"]
    assert answers[0].endswith("O-1 shipped")
    assert answers[1].startswith("Error: get_order was not run")
    assert answers[2].startswith('Error: there is no tool "get_order"')  # the model's own call of a hidden tool


def test_a_chain_that_fails_keeps_what_it_wrote_for_rewind_to_see() -> None:
    """The chain writes, then fails: the call failed, and it wrote."""

    async def twice(arguments: Mapping[str, Any], run: Callable[[ToolCall], Awaitable[ActionResult]]) -> ActionResult:
        ship = ToolCall("ship_order", {**arguments, "speed": "normal"})
        await run(ship)
        return await run(ship)

    advice = Advice(compounds=(replace(ADVICE.compounds[0], run=twice),))
    played = play([CHAIN, "Done."], ["compound", "rewind"], advice=advice)
    (emitted,) = played.of(EventKind.CALL)
    assert emitted.status is Status.TOOL_ERROR
    assert played.desk.state["O-1"] == "shipped"
    assert played.of(EventKind.LAYER)[-1].payload["kept"] == 1  # rewind stops at the committed write


def test_a_chain_that_breaks_is_a_failed_call() -> None:
    async def broken(_: Mapping[str, Any], run: Callable[[ToolCall], Awaitable[ActionResult]]) -> ActionResult:
        raise KeyError("id")

    advice = Advice(compounds=(replace(ADVICE.compounds[0], run=broken),))
    played = play([CHAIN, "Done."], ["compound"], advice=advice)
    assert played.requests[1].prompt.messages[-1].content == "Error: KeyError in look_and_ship"
    assert played.of(EventKind.CALL)[0].status is Status.TOOL_ERROR


def test_without_compounds_nothing_changes() -> None:
    script = [GET, "Done."]
    with_it, without = play(script, ["compound"]), play(script)
    assert [r.rng_key for r in with_it.requests] == [r.rng_key for r in without.requests]
    assert not with_it.of(EventKind.LAYER)
    assert LOOK_AND_SHIP.name not in ToyDesk().toolbox.names
