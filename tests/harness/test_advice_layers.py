"""`validate` and `prerequisites`: what a suite's author knew, and what a config says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from toy_desk import GET, Played, call, play

from harnesslab.errors import UserError
from harnesslab.harness.registry import parse_spec, suite_informed
from harnesslab.types import Action, Advice, EventFlag, EventKind, Prerequisite, Status, ToolCall

SHIP = call("ship_order", order_id="O-1", speed="normal")
SHIP_2 = call("ship_order", order_id="O-2", speed="normal")
READ_FIRST = Prerequisite("ship_order", "get_order", {"order_id": "order_id"}, "Only open orders may be shipped.")
RULED = Advice(prerequisites=(READ_FIRST,))


def no_second_order(called: ToolCall, actions: Sequence[Action]) -> str:
    """Lets through what a result has named."""
    order = str(called.arguments.get("order_id"))
    seen = order == "O-1" or any(order in a.result.content for a in actions if a.result.ok)
    return "" if seen else f"order_id: {order} was not seen so far"


CHECKED = Advice(validators=(no_second_order, lambda called, actions: ""))


def answers(played: Played) -> list[str]:
    return [m.content for m in played.requests[-1].prompt.messages if m.role == "tool"]


def statuses(played: Played) -> list[Status]:
    return [e.status for e in played.of(EventKind.CALL)]


# --- validate


def test_a_validator_of_the_task_blocks_a_call_that_fits_the_schema() -> None:
    played = play([SHIP_2, "Done."], ["validate"], advice=CHECKED)
    (answer,) = answers(played)
    assert answer.splitlines() == [
        "Error: ship_order was not run: 1 problem with its arguments.",
        "- order_id: O-2 was not seen so far",
        'Expected: ship_order(order_id: string, speed: "normal"|"express", parcels?: integer)',
        "Correct this and call ship_order again.",
    ]
    (event,) = played.of(EventKind.LAYER)
    assert event.payload["suite_informed"]
    (emitted,) = played.of(EventKind.CALL)
    assert emitted.status is Status.BLOCKED
    assert emitted.has(EventFlag.SCHEMA_VALID)
    assert not played.desk.log


def test_the_schema_comes_first_and_is_no_advice() -> None:
    played = play([call("ship_order", order_id="O-2"), "Done."], ["validate"], advice=CHECKED)
    assert statuses(played) == [Status.INVALID_ARGUMENTS]
    assert "suite_informed" not in played.of(EventKind.LAYER)[0].payload


def test_validators_see_the_calls_so_far_also_those_that_a_rewind_took_back() -> None:
    listed = call("get_order", order_id="O-1")
    asked: list[list[str]] = []

    def spy(called: ToolCall, actions: Sequence[Action]) -> str:
        asked.append([a.call.name for a in actions])
        return ""

    bad = call("get_order", order_id="O-9")
    play([listed + bad, SHIP, "Done."], ["validate", "rewind"], advice=Advice(validators=(spy,)))
    assert asked == [[], ["get_order"], ["get_order", "get_order"]]


def test_advice_can_be_switched_off() -> None:
    off = {"name": "validate", "advice": False}
    played = play([SHIP_2, "Done."], [off], advice=CHECKED)
    assert statuses(played) == [Status.OK]
    assert suite_informed(parse_spec("validate"))
    assert suite_informed(parse_spec("prerequisites"))
    assert not suite_informed(parse_spec(off))
    assert not suite_informed(parse_spec("retry"))


# --- prerequisites


def test_a_call_that_comes_too_early_is_answered_with_the_missing_one() -> None:
    played = play([SHIP, GET, SHIP, "Done."], ["prerequisites"], advice=RULED)
    assert statuses(played) == [Status.BLOCKED, Status.OK, Status.OK]
    assert answers(played)[0].splitlines() == [
        'Error: ship_order was not run: it needs a successful get_order({"order_id":"O-1"}) before it.',
        "Why: Only open orders may be shipped.",
        'Expected: get_order({"order_id":"O-1"}), then ship_order({"order_id":"O-1","speed":"normal"})',
    ]
    (event,) = played.of(EventKind.LAYER)
    assert (event.payload["needs"], event.payload["suite_informed"]) == (["get_order"], True)


def test_arguments_must_match_and_the_needed_call_must_have_succeeded() -> None:
    played = play([GET, SHIP_2, "Done."], ["prerequisites"], advice=RULED)
    assert statuses(played) == [Status.OK, Status.BLOCKED]
    missing, ship = call("get_order", order_id="O-9"), call("ship_order", order_id="O-9", speed="normal")
    assert statuses(play([missing, ship, "Done."], ["prerequisites"], advice=RULED))[1] is Status.BLOCKED


def test_an_earlier_call_of_the_same_reply_counts() -> None:
    assert statuses(play([GET + SHIP, "Done."], ["prerequisites"], advice=RULED)) == [Status.OK, Status.OK]


def test_it_never_blocks_for_ever() -> None:
    played = play([SHIP, SHIP, SHIP, "Done."], ["prerequisites"], advice=RULED)
    assert statuses(played) == [Status.BLOCKED, Status.BLOCKED, Status.OK]
    orders = [call("ship_order", order_id=f"O-{i}", speed="normal") for i in range(1, 6)]
    budgeted = play([*orders, "Done."], [{"name": "prerequisites", "budget": 3}], advice=RULED)
    assert statuses(budgeted) == [Status.BLOCKED] * 3 + [Status.OK] * 2


def test_a_rule_is_passed_over_where_it_cannot_be_met() -> None:
    bare = call("ship_order", speed="normal")
    assert statuses(play([bare, "Done."], ["prerequisites"], advice=RULED)) == [Status.TOOL_ERROR]
    nowhere = Advice(prerequisites=(Prerequisite("ship_order", "get_stock"),))
    assert statuses(play([SHIP, "Done."], ["prerequisites"], advice=nowhere)) == [Status.OK]


def test_a_configs_rules_are_not_suite_informed() -> None:
    rule = {"tool": "ship_order", "needs": "get_order", "match": {"order_id": "order_id"}, "why": "Look first."}
    played = play([SHIP, "Done."], [{"name": "prerequisites", "advice": False, "rules": [rule]}], advice=RULED)
    assert "Why: Look first." in answers(played)[0]
    assert played.of(EventKind.LAYER)[0].payload["suite_informed"] is False
    with pytest.raises(UserError, match="rules"):
        parse_spec({"name": "prerequisites", "rules": [{"tool": "ship_order"}]})


def test_a_read_counts_although_a_rewind_took_its_text_back() -> None:
    bad = call("get_order", order_id="O-9")
    played = play([GET + bad, SHIP, "Done."], ["prerequisites", "rewind"], advice=RULED)
    assert statuses(played) == [Status.OK, Status.TOOL_ERROR, Status.OK]


def test_without_advice_nothing_happens() -> None:
    bare, held = play([SHIP, "Done."]), play([SHIP, "Done."], ["prerequisites", "validate"])
    assert [r.prompt.digest for r in bare.requests] == [r.prompt.digest for r in held.requests]
    assert not held.of(EventKind.LAYER)
