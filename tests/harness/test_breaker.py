"""`breaker`: three loops are interrupted, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from toy_desk import GET, Chatty, Played, ToyDesk, call, play

from harnesslab.types import ActionResult, Budget, EventKind, Status, ToolCall

MISSING = call("get_order", order_id="O-9")
SHIP = call("ship_order", order_id="O-1", speed="normal")
SHIP_2 = call("ship_order", order_id="O-2", speed="normal")
OK, BLOCKED, ERROR = Status.OK, Status.BLOCKED, Status.TOOL_ERROR


def statuses(played: Played) -> list[Status]:
    return [e.status for e in played.of(EventKind.CALL)]


def kinds(played: Played) -> list[str]:
    return [e.payload["cause"] for e in played.of(EventKind.LAYER) if e.layer == "breaker"]


class Switch(ToyDesk):
    """flaky() always fails for now; ship_order flips an order's state; every search finds nothing."""

    def _run(self, call: ToolCall) -> ActionResult:
        if call.name == "flaky":
            return ActionResult(ERROR, "Error: the line is busy", transient=True)
        if call.name == "ship_order":
            self.state["O-1"] = str(call.arguments["order_id"])
            return ActionResult(OK, "done", wrote=True)
        return ActionResult(OK, "nothing found")


# --- identical calls


@pytest.mark.parametrize("repeated", [GET, MISSING])
def test_the_same_call_with_the_same_result_is_run_twice(repeated: str) -> None:
    played = play([repeated, repeated, repeated, "Done."], ["breaker"])
    assert statuses(played)[2] is BLOCKED
    assert len(played.desk.log) == 2
    assert kinds(played) == ["identical calls"]
    answer = played.requests[-1].prompt.messages[-1].content.splitlines()
    assert answer[0] == (
        "Error: get_order was not run: the same call had the same result 2 times, and nothing has changed since."
    )
    assert answer[2].startswith("Its result: ")
    assert answer[3].startswith("Expected: an answer from what is known")


def test_a_threshold_of_one_and_of_none() -> None:
    script = [GET] * 4 + ["Done."]
    assert statuses(play(script, [{"name": "breaker", "repeats": 1}])) == [OK, BLOCKED, BLOCKED, BLOCKED]
    assert statuses(play(script, [{"name": "breaker", "repeats": 0}])) == [OK] * 4


def test_other_calls_in_between_do_not_make_a_repeat_better() -> None:
    played = play([MISSING, GET, MISSING, call("get_order", order_id="O-2"), MISSING, "Done."], ["breaker"])
    assert statuses(played)[-1] is BLOCKED


@pytest.mark.parametrize("repeated", [GET, MISSING])
def test_a_write_in_between_makes_a_repeat_good(repeated: str) -> None:
    played = play([repeated, repeated, SHIP_2, repeated, "Done."], ["breaker"])
    assert BLOCKED not in statuses(played)


def test_a_word_from_the_user_in_between_makes_a_repeat_good() -> None:
    played = play([GET, GET, "And?", GET, "Done."], ["breaker"], user=Chatty("Look again."))
    assert statuses(played) == [OK] * 3


def test_repeats_inside_one_reply_count_once() -> None:
    assert statuses(play([GET * 3, GET, "Done."], ["breaker"])) == [OK] * 4
    assert statuses(play([GET * 2, GET, GET + SHIP, "Done."], ["breaker"])) == [OK] * 3 + [BLOCKED, OK]


def test_a_poll_after_a_failure_that_may_pass_is_never_interrupted() -> None:
    poll = call("flaky")
    assert statuses(play([poll] * 8 + ["Done."], ["breaker"], desk=Switch())) == [ERROR] * 8
    alternating = [poll, GET.replace("O-1", "O-2"), poll, SHIP] * 2
    assert BLOCKED not in statuses(play([*alternating, "Done."], ["breaker"], desk=Switch()))


def test_a_changed_result_is_news() -> None:
    poll = call("flaky")  # busy once, then fine
    assert statuses(play([poll, poll, poll, poll, "Done."], ["breaker"])) == [ERROR, OK, OK, BLOCKED]


def test_what_another_layer_blocked_does_not_count() -> None:
    rule = {"tool": "ship_order", "needs": "get_order", "match": {"order_id": "order_id"}}
    stack: list[Any] = ["breaker", {"name": "prerequisites", "rules": [rule]}]
    assert statuses(play([SHIP, SHIP, GET, SHIP, "Done."], stack)) == [BLOCKED, BLOCKED, OK, OK]
    assert not kinds(play([SHIP, SHIP, SHIP, "Done."], stack))


def test_invalid_calls_are_interrupted_from_outside_validate_only() -> None:
    bad = call("get_order", id="O-1")
    script = [bad, bad, bad, "Done."]
    assert statuses(play(script, ["breaker", "validate"]))[2] is BLOCKED
    assert statuses(play(script, ["validate", "breaker"]))[2] is Status.INVALID_ARGUMENTS


def test_what_a_rewind_took_back_may_be_repeated() -> None:
    for stack in (["breaker", "rewind"], ["rewind", "breaker"]):
        played = play([GET + MISSING, GET + MISSING, GET, GET, GET, "Done."], stack)
        assert statuses(played) == [OK, ERROR, OK, ERROR, OK, OK, BLOCKED]


def test_a_second_attempt_starts_afresh() -> None:
    for stack in (["breaker", "harness_again:TwoAttempts"], ["harness_again:TwoAttempts", "breaker"]):
        assert BLOCKED not in statuses(play([GET, GET, "Done.", GET, GET, "Done."], stack))


# --- A-B-A-B


def test_two_writes_in_turn_are_interrupted_once() -> None:
    played = play([SHIP, SHIP_2] * 5, ["breaker"], desk=Switch(), budget=Budget(turns=9))
    assert statuses(played) == [OK] * 4 + [BLOCKED] + [OK] * 4
    assert kinds(played) == ["alternating calls"]
    answers = [m.content for m in played.requests[5].prompt.messages if m.role == "tool"]
    assert "were called in turn 2 times, with the same results" in answers[-1]


def test_alternation_needs_the_same_results_and_one_call_a_turn() -> None:
    once = play([SHIP, SHIP_2, SHIP, SHIP_2, SHIP, "Done."], ["breaker"])  # shipped already: an error from the third on
    assert kinds(once) == []
    both = play([SHIP + SHIP_2] * 3 + ["Done."], ["breaker"], desk=Switch())
    assert kinds(both) == []
    off = play([SHIP, SHIP_2] * 4 + ["Done."], [{"name": "breaker", "cycles": 0}], desk=Switch())
    assert kinds(off) == []


# --- no progress


def test_other_arguments_and_the_same_result_are_interrupted_once() -> None:
    looks = [call("get_order", order_id=f"O-{i}") for i in range(1, 8)]
    played = play([*looks, "Done."], ["breaker"], desk=Switch())
    assert statuses(played) == [OK] * 4 + [BLOCKED] + [OK] * 2
    assert kinds(played) == ["no progress"]
    assert kinds(play([*looks, "Done."], ["breaker"])) == []  # results differ
    assert kinds(play(["".join(looks), call("get_order", order_id="O-8"), "Done."], ["breaker"], desk=Switch())) == []


def test_another_tool_or_a_write_in_between_is_progress() -> None:
    looks = [call("get_order", order_id=f"O-{i}") for i in range(1, 8)]
    for between in (SHIP, call("flaky")):
        played = play([*looks[:3], between, *looks[3:6], "Done."], ["breaker"], desk=Switch())
        assert kinds(played) == []
