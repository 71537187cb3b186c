"""`constrain`: what a request is held to."""

from __future__ import annotations

from toy_desk import BROKEN, GET, play

from harnesslab.harness.registry import LAYERS
from harnesslab.types import Constraint, EventKind

AUTO, REQUIRED = Constraint("tools", "auto"), Constraint("tools", "required")


def test_every_request_is_held_and_has_its_event() -> None:
    played = play([GET, "Done."], ["constrain"])
    assert [r.constraint for r in played.requests] == [AUTO, AUTO]
    assert [(e.layer, e.payload["text"]) for e in played.of(EventKind.LAYER)] == [("constrain", "auto")] * 2
    assert [e.layer for e in played.of(EventKind.REPLY)] == ["", ""]  # asked for anyway: nothing is charged


def test_first_asks_for_a_call_until_the_conversation_holds_one() -> None:
    first = {"name": "constrain", "text": "first"}
    played = play([BROKEN, GET, GET, "Done."], [first])
    assert [r.constraint for r in played.requests] == [REQUIRED, REQUIRED, AUTO, AUTO]
    missing = GET.replace("O-1", "O-9")
    taken_back = play([missing, GET, "Done."], [first, "rewind"])
    assert [r.constraint for r in taken_back.requests] == [REQUIRED, REQUIRED, AUTO]


def test_first_asks_for_no_call_where_there_is_no_tool() -> None:
    played = play(["Done."], [{"name": "constrain", "text": "first"}, "harness_again:Bare"])
    assert [r.constraint for r in played.requests] == [AUTO]


def test_a_request_that_is_constrained_already_is_left_alone() -> None:
    played = play([GET, "Done."], ["harness_again:Yes", "constrain"])
    assert {r.constraint for r in played.requests} == {Constraint("regex", "yes")}
    assert not played.of(EventKind.LAYER)


def test_it_needs_an_engine_that_can_constrain() -> None:
    assert LAYERS["constrain"].needs == {"constrain"}
