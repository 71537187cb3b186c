"""Checks after writes: what is looked at, how often it is said, and what holds an answer back."""

from __future__ import annotations

from typing import Any

import pytest
from toy_advice import ADVICE
from toy_desk import GET, TOOLBOX, Played, ToyDesk, call, play

from harnesslab.harness.layers.improve import syntax_problem
from harnesslab.types import (
    ActionResult,
    Advice,
    Budget,
    EndReason,
    EventKind,
    Sampling,
    Status,
    Toolbox,
    ToolCall,
    ToolSpec,
)

WRITE = ToolSpec("write_file", "Writes a file.", {"type": "object"}, writes=True)
BAD, GOOD = call("write_file", path="a.py", text="x = (1"), call("write_file", path="a.py", text="x = 1")
SHIP = call("ship_order", order_id="O-1", speed="express")


class Shelf(ToyDesk):
    """A desk that also keeps files."""

    @property
    def toolbox(self) -> Toolbox:
        return Toolbox((*TOOLBOX.tools, WRITE))

    def _run(self, call: ToolCall) -> ActionResult:
        if call.name != "write_file":
            return super()._run(call)
        self.state[str(call.arguments.get("path"))] = str(call.arguments.get("text"))
        return ActionResult(Status.OK, "written", wrote=True)


def improved(*replies: str, stack: tuple[Any, ...] = (), advice: Advice | None = None, **params: Any) -> Played:
    options: dict[str, Any] = {"desk": Shelf(), "advice": advice, "sampling": Sampling(temperature=0.4)}
    return play(replies, [{"name": "improve", **params}, *stack], **options)


def answers(played: Played) -> list[str]:
    return [m.content for m in played.requests[-1].prompt.messages if m.role == "tool"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"path": "a.py", "text": "def f(:\n"}, "a.py does not compile: line 1: invalid syntax in 'def f(:'"),
        ({"path": "a.py", "text": "x = 1\nreturn x"}, "a.py does not compile: line 2: 'return' outside function"),
        ({"path": "a.py", "text": "x = '\0'"}, "a.py does not compile: "),
        ({"file": "d/b.json", "body": "{'a': 1}"}, "d/b.json is not valid JSON: Expecting property name"),
        ({"path": "c.toml", "content": "a = "}, "c.toml is not valid TOML: Invalid value"),
        ({"path": "b.json", "text": "[" * 100_000}, "b.json is not valid JSON: "),
        ({"path": "a.py", "text": "x = 1"}, ""),
        ({"path": "b.json", "text": "[1]"}, ""),
        ({"path": "c.toml", "text": "a = 1"}, ""),
        ({"path": "a.py", "text": "", "mode": 1}, ""),
        ({"path": "a.txt", "text": "x = ("}, ""),  # nothing is known of this ending
        ({"path": "a.py", "old": "x", "new": "x = ("}, ""),  # a part of a file
        ({"path": "a.py"}, ""),
        ({"path": "a.py", "text": 5}, ""),
        ({"text": "see a.py"}, ""),
        ({}, ""),
    ],
)
def test_what_the_built_in_checks_find(arguments: dict[str, Any], problem: str) -> None:
    found = syntax_problem(ToolCall("write_file", arguments))
    assert found.startswith(problem)
    assert bool(found) == bool(problem)
    assert "\n" not in found


def test_a_problem_is_added_to_the_writes_own_result() -> None:
    played = improved(BAD, GOOD, "Done.")
    assert answers(played) == [
        "written\n\nChecked, and wrong:\n- a.py does not compile: line 1: '(' was never closed in 'x = (1'\nMend this.",
        "written",
    ]
    assert [e.status for e in played.of(EventKind.CALL)] == [Status.OK, Status.OK]  # the write did succeed
    (event,) = played.of(EventKind.LAYER)
    assert event.payload["cause"] == "checks failed"
    assert event.payload["round"] == 1
    assert {e.layer for e in played.of(EventKind.REPLY)} == {""}
    assert played.answer.reason is EndReason.ANSWERED


def test_a_problem_is_said_once_with_the_writes() -> None:
    played = improved(BAD, BAD, GOOD, BAD, GOOD, "Done.")
    assert ["Checked" in answer for answer in answers(played)] == [True, False, False, False, False]


def test_an_answer_is_held_back_while_a_check_fails() -> None:
    played = improved(BAD, "Done.", GOOD, "Done now.")
    assert played.answer.text == "Done now."
    said = [m for m in played.requests[2].prompt.messages if m.role == "user"][-1]
    assert said.content == (
        "This is not done yet. Still wrong:\n"
        "- a.py does not compile: line 1: '(' was never closed in 'x = (1'\nMend it, then answer again."
    )
    assert [e.layer for e in played.of(EventKind.REPLY)] == ["", "", "improve", ""]
    assert [e.payload["cause"] for e in played.of(EventKind.LAYER)] == ["checks failed", "answered while checks fail"]


def test_rounds_bound_it_all() -> None:
    played = improved(BAD, "Done.", rounds=3)
    assert played.answer.reason is EndReason.ANSWERED
    assert [e.payload["round"] for e in played.of(EventKind.LAYER)] == [1, 2, 3]
    assert len(played.of(EventKind.REPLY)) == 4
    assert not improved(BAD, "Done.", rounds=0).of(EventKind.LAYER)


def test_the_turn_budget_holds() -> None:
    played = play([BAD, "Done."], [{"name": "improve", "rounds": 50}], desk=Shelf(), budget=Budget(turns=5))
    assert len(played.of(EventKind.REPLY)) == 5
    assert played.answer.reason is EndReason.TURNS


def test_the_reply_after_a_round_follows_the_temperature_schedule() -> None:
    played = improved(BAD, "Done.", "Done.", "Done.", "Done.", rounds=3, temperatures=[0.2, 0.7])
    assert [r.sampling.temperature for r in played.requests] == [0.4, 0.2, 0.7, 0.4]


def test_a_failed_call_and_a_look_up_are_not_checked() -> None:
    advice = Advice(checks=(lambda call, result: "never content",))
    played = improved(GET, call("ship_order", order_id="O-9", speed="normal"), "Done.", advice=advice)
    assert not played.of(EventKind.LAYER)


def test_the_suites_own_checks_are_run_and_can_be_switched_off() -> None:
    def slow(call: ToolCall, result: ActionResult) -> str:
        return "orders go by normal post" if call.arguments.get("speed") == "express" else ""

    advice = Advice(checks=(slow,))
    played = improved(SHIP, "Done.", "Done.", advice=advice, rounds=2)
    assert "orders go by normal post" in answers(played)[0]
    assert len(played.of(EventKind.LAYER)) == 2
    off = play([SHIP, "Done."], [{"name": "improve", "advice": False}], advice=advice)
    assert not off.of(EventKind.LAYER)


@pytest.mark.parametrize("stack", [["improve", "compound"], ["compound", "improve"]])
def test_a_macro_tools_write_is_checked(stack: list[str]) -> None:
    advice = Advice(compounds=ADVICE.compounds, checks=(lambda *_: "wrong",))
    played = play([call("look_and_ship", order_id="O-1"), "Done."], stack, advice=advice)
    assert played.of(EventKind.LAYER)[-1].payload["problems"] == ["wrong"]
