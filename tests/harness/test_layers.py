"""What each layer does and says."""

from __future__ import annotations

import pytest
from toy_desk import BROKEN, GET, Played, call, play

from harnesslab.types import Budget, EndReason, EventFlag, EventKind, Sampling, Status

MISSING = call("get_order", order_id="O-9")
SHIP = call("ship_order", order_id="O-1", speed="normal")
SHIP_2 = call("ship_order", order_id="O-2", speed="normal")


def tool_answers(played: Played) -> list[str]:
    return [m.content for m in played.requests[-1].prompt.messages if m.role == "tool"]


# --- abort


@pytest.mark.parametrize("bad", [BROKEN, MISSING, "", call("nothing"), call("flaky")])
def test_abort_ends_at_the_first_failure(bad: str) -> None:
    played = play([GET, bad, GET, "Done."], ["abort"])
    assert played.answer.reason is EndReason.ABORTED
    assert len(played.of(EventKind.REPLY)) == 2
    assert [e.layer for e in played.of(EventKind.LAYER)] == ["abort"]


def test_abort_skips_what_follows_a_failed_call_and_lets_clean_trials_pass() -> None:
    played = play([MISSING + SHIP], ["abort"])
    assert [e.status for e in played.of(EventKind.CALL)] == [Status.TOOL_ERROR, Status.SKIPPED]
    assert played.desk.state["O-1"] == "open"
    assert play([GET, SHIP, "Done."], ["abort"]).answer.reason is EndReason.ANSWERED


# --- validate


def test_validate_answers_an_unknown_tool_with_the_nearest_one() -> None:
    played = play([call("get_orders", order_id="O-1"), "Done."], ["validate"])
    (answer,) = tool_answers(played)
    assert answer.splitlines() == [
        'Error: there is no tool "get_orders". Nothing was run.',
        "Expected: one of get_order, ship_order, flaky.",
        "Nearest: get_order(order_id: string)",
    ]
    event = played.of(EventKind.CALL)[0]
    assert event.status is Status.UNKNOWN_TOOL
    assert not event.has(EventFlag.REACHED)
    assert [e.layer for e in played.of(EventKind.LAYER)] == ["validate"]
    assert not played.of(EventKind.EXEC)
    assert not played.desk.log


def test_validate_names_every_problem_with_expected_got_and_hint() -> None:
    played = play([call("ship_order", order="O-1", speed="Expres", parcels="2"), "Done."], ["validate"])
    (answer,) = tool_answers(played)
    lines = answer.splitlines()
    assert lines[0] == "Error: ship_order was not run: 4 problems with its arguments."
    assert set(lines[1:5]) == {
        "- order_id: expected a string, matching \"^O-[0-9]+$\"; got nothing (you wrote 'order')",
        "- order: there is no such argument (did you mean 'order_id'?)",
        '- speed: expected one of "normal", "express"; got "Expres" (nearest: "express")',
        '- parcels: expected an integer, at least 1; got "2" (write the number without quotes)',
    }
    assert lines[5] == 'Expected: ship_order(order_id: string, speed: "normal"|"express", parcels?: integer)'
    assert played.of(EventKind.CALL)[0].status is Status.INVALID_ARGUMENTS
    assert [e.layer for e in played.of(EventKind.LAYER)] == ["validate"]


def test_validate_lets_fitting_calls_through_unchanged() -> None:
    with_it, without = play([GET, SHIP, "Done."], ["validate"]), play([GET, SHIP, "Done."])
    assert [r.prompt.digest for r in with_it.requests] == [r.prompt.digest for r in without.requests]
    assert not with_it.of(EventKind.LAYER)


# --- retry


def test_retry_says_what_failed_expected_actual_and_tried() -> None:
    other = call("get_order", order_id="O-8")
    played = play([MISSING, other, "Done."], ["retry"])
    first, second = tool_answers(played)
    assert first.splitlines() == [
        "Error: no order O-9",
        'What failed: get_order({"order_id":"O-9"})',
        "Expected: an order that exists",
        "Actual: O-9",
        "The same call will fail again. Correct it, look up what is missing, or say why it cannot be done.",
    ]
    assert 'Already tried without success:\n- get_order({"order_id":"O-9"}): no order O-9' in second
    assert "Error: no order O-9" in first  # the failure stays visible


def test_retry_is_budgeted() -> None:
    played = play([MISSING, MISSING, MISSING, "Done."], [{"name": "retry", "budget": 2}])
    assert len(played.of(EventKind.LAYER)) == 2
    assert tool_answers(played)[2] == "Error: no order O-9"


def test_retry_explains_an_unreadable_reply() -> None:
    played = play([BROKEN, BROKEN, "Done."], ["retry"])
    first, second = tool_answers(played)
    assert first.startswith("Error: the tool call could not be read")
    assert "Tools: get_order, ship_order, flaky" in first
    assert "Actual: text that is not valid JSON" in first
    assert f"What failed: {BROKEN}" in first
    assert "Already tried" not in first
    assert "Already tried" in second


def test_retry_says_when_the_same_call_may_pass() -> None:
    played = play([call("flaky"), call("flaky"), "Done."], ["retry"])
    assert "This may pass" in tool_answers(played)[0]
    assert tool_answers(played)[1] == "fine"
    assert played.of(EventKind.CALL)[0].has(EventFlag.TRANSIENT)


def test_retry_does_not_repeat_what_validate_said() -> None:
    (answer,) = tool_answers(play([call("get_order", id="O-1"), "Done."], ["validate", "retry"]))
    assert answer.count("Expected: ") == 1
    assert "What failed: get_order" in answer


def test_retry_leaves_the_good_results_of_a_mixed_reply_alone() -> None:
    good, bad = tool_answers(play([GET + MISSING, "Done."], ["retry"]))
    assert good == '{"id":"O-1","state":"open"}'
    assert "What failed" in bad


# --- rewind


def test_rewind_removes_the_failed_text_and_leaves_one_line() -> None:
    played = play([GET, MISSING, SHIP, "Done."], ["rewind"])
    history = played.requests[-1].prompt.messages
    assert not any("O-9" in str(c.arguments) for m in history for c in m.tool_calls)
    assert [m.role for m in history] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    note = history[3].content.splitlines()[-1]
    assert note == (
        '(Note: get_order({"order_id":"O-9"}) failed: no order O-9; expected: an order that exists.'
        " Do not repeat this.)"
    )
    assert [e.layer for e in played.of(EventKind.REPLY)] == ["", "", "rewind", ""]


def test_rewind_invites_the_same_call_where_a_failure_may_pass() -> None:
    played = play([call("flaky"), "Done."], ["rewind"])
    assert played.requests[1].prompt.messages[-1].content.endswith("The same call may work now.)")
    assert played.desk.flakes == 1  # the fault counter is outside snapshots: the fault is not reset


def test_rewinds_one_line_keeps_what_validate_found() -> None:
    played = play([call("get_order", id="O-1"), GET, "Done."], ["validate", "rewind"])
    note = played.requests[1].prompt.messages[-1].content.splitlines()[-1]
    assert "get_order was not run: 2 problems" in note
    assert "order_id: expected a string" in note
    assert "id: there is no such argument (did you mean 'order_id'?)" in note


def test_rewind_takes_back_an_unreadable_reply() -> None:
    played = play([BROKEN, GET, "Done."], ["rewind"])
    assert all(m.content != BROKEN for m in played.requests[-1].prompt.messages)
    assert "could not be read" in played.requests[1].prompt.messages[-1].content


def test_rewind_follows_its_temperature_schedule_and_budgets() -> None:
    layers = [{"name": "rewind", "per_turn": 2, "budget": 3, "temperatures": [0.5, 0.9]}]
    played = play([MISSING], layers, budget=Budget(turns=7), sampling=Sampling(temperature=0.1))
    assert [r.sampling.temperature for r in played.requests] == [0.1, 0.5, 0.9, 0.1, 0.5, 0.1, 0.1]
    assert len(played.of(EventKind.LAYER)) == 3


def test_rewind_keeps_committed_writes_and_skips_what_follows_a_failure() -> None:
    played = play([SHIP + MISSING + SHIP_2, GET, "Done."], ["rewind"])
    assert [e.status for e in played.of(EventKind.CALL)][:3] == [Status.OK, Status.TOOL_ERROR, Status.SKIPPED]
    assert played.desk.state["O-1"] == "shipped"
    assert played.desk.state["O-2"] == "open"
    history = played.requests[1].prompt.messages
    assert [c.name for c in history[2].tool_calls] == ["ship_order"]
    assert history[-1].content.startswith("O-1 shipped")
    assert "O-9" in history[-1].content.splitlines()[-1]


def test_rewind_in_world_all_takes_writes_back_and_says_so() -> None:
    played = play([SHIP + MISSING, "Done."], [{"name": "rewind", "world": "all"}])
    assert played.desk.state["O-1"] == "open"
    assert len(played.requests[1].prompt.messages) == 2
    assert played.of(EventKind.LAYER)[0].payload["world"] == "all"
    assert len(played.desk.log) == 2  # the log keeps what was run


# --- order, names, authorship


def test_order_is_data() -> None:
    """Retry outside rewind explains what rewind could not mend; inside, its words are taken back with the failure."""
    script = [MISSING, "Done."]
    outside, inside = play(script, ["retry", "rewind"]), play(script, ["rewind", "retry"])
    assert [e.layer for e in outside.of(EventKind.LAYER)] == ["rewind"]
    assert [e.layer for e in inside.of(EventKind.LAYER)] == ["retry", "rewind"]


def test_a_mended_call_is_charged_to_the_layer_that_wrote_it() -> None:
    played = play([BROKEN, GET, "Done."], ["harness_again:Mend"])
    assert [(e.layer, e.status) for e in played.of(EventKind.CALL)] == [("mend", Status.OK), ("", Status.OK)]
    assert played.of(EventKind.REPLY)[0].status is Status.UNPARSEABLE  # as emitted
