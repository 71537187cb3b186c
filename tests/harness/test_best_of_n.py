"""n whole attempts, one kept: what is drawn, what is chosen, what is charged, in what state the world is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from toy_desk import BROKEN, GET, Chatty, Played, ToyDesk, call, play

from harnesslab.engine.memo import MemoEngine
from harnesslab.engine.scripted import ScriptedEngine
from harnesslab.harness.layers.best_of_n import Tried, cleanest
from harnesslab.harness.presets import preset
from harnesslab.types import (
    ASIDE,
    Action,
    ActionResult,
    Answer,
    Budget,
    Completion,
    EndReason,
    EventKind,
    Outcome,
    Request,
    Status,
    ToolCall,
    TurnKind,
)

MISSING = call("get_order", order_id="O-9")
SHIP_1, SHIP_2 = (call("ship_order", order_id=f"O-{i}", speed="normal") for i in (1, 2))


def best(n: int, **params: Any) -> list[dict[str, Any]]:
    return [{"name": "best-of-n", "n": n, **params}]


def test_each_attempt_starts_afresh_in_a_branch_and_a_world_of_its_own() -> None:
    desk = ToyDesk()
    states: list[str] = []

    def reply(request: Request) -> str:
        states.append(desk.state["O-1"])
        return SHIP_1 if request.prompt.messages[-1].role == "user" else "Done."

    played = play(reply, best(3), desk=desk)
    assert states == ["open", "shipped"] * 3
    replies = played.of(EventKind.REPLY)
    assert [e.branch for e in replies] == [0, 0, 1, 1, 2, 2]
    assert [e.layer for e in replies] == ["", "", *["best-of-n"] * 4]
    assert {r.prompt.messages for r in played.requests[::2]} == {played.requests[0].prompt.messages}
    assert len({r.rng_key for r in played.requests}) == 6


def test_the_first_attempt_draws_what_loop_draws() -> None:
    script = [GET, MISSING, SHIP_1, "Done."]
    loop, control = play(script), play(script * 2, best(2))
    assert [r.rng_key for r in loop.requests] == [r.rng_key for r in control.requests[:4]]
    assert [r.prompt.digest for r in loop.requests] == [r.prompt.digest for r in control.requests[:4]]


def test_the_memo_shares_the_first_attempt_with_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def policy(request: Request) -> str:
        asked.append(request)
        return GET if request.prompt.messages[-1].role == "user" else "Done."

    engine = MemoEngine(ScriptedEngine(policy), "m")
    monkeypatch.setattr("toy_desk.ScriptedEngine", lambda *_, **__: engine)
    play([], [])
    played = play([], best(3))
    assert [e.completion.memo for e in played.of(EventKind.REPLY)] == [True, True, False, False, False, False]
    assert len(asked) == 6


def test_every_attempt_has_the_whole_budget() -> None:
    played = play([GET], best(3), budget=Budget(turns=4))
    assert [e.branch for e in played.of(EventKind.REPLY)] == [0] * 4 + [1] * 4 + [2] * 4
    assert played.answer.reason is EndReason.TURNS


def test_the_world_is_left_as_the_chosen_attempt_left_it() -> None:
    played = play([MISSING, SHIP_1, "One.", SHIP_2, "Two.", BROKEN, "Three."], best(3))
    assert (played.answer.text, played.answer.chosen) == ("Two.", 1)
    assert (played.desk.state["O-1"], played.desk.state["O-2"]) == ("open", "shipped")
    event = played.of(EventKind.LAYER)[-1]
    assert event.payload["cause"] == "chose attempt 1"
    assert event.payload["world"] == "all"  # the label of what no deployment can do
    assert event.payload["attempts"] == [
        {"answered": True, "failures": 1, "writes": 1},
        {"answered": True, "failures": 0, "writes": 1},
        {"answered": True, "failures": 1, "writes": 0},
    ]


def test_what_the_lab_needs_to_grade_every_attempt_is_kept() -> None:
    played = play([MISSING, SHIP_1, "One.", SHIP_2, "Two."], best(2))
    one, two = played.answer.among
    assert (one.text, two.text) == ("One.", "Two.")
    assert [(one.world["O-1"], one.world["O-2"]), (two.world["O-1"], two.world["O-2"])] == [
        ("shipped", "open"),
        ("open", "shipped"),
    ]
    assert (one.calls, two.calls) == ((0, 2), (2, 3))
    log = played.desk.log[slice(*two.calls)]
    assert [c.arguments["order_id"] for c, _ in played.desk.with_log(log).log] == ["O-2"]


def tried(
    text: str, *writes: str, failed: int = 0, unparsed: int = 0, skipped: int = 0, ended: EndReason = EndReason.ANSWERED
) -> Tried:
    actions = [Action(ToolCall("ship", {"order": w}), ActionResult(Status.OK, "ok", wrote=True)) for w in writes]
    actions += [Action(ToolCall("get", {}), ActionResult(Status.TOOL_ERROR, "Error"))] * failed
    actions += [Action(ToolCall("get", {}), ActionResult(Status.SKIPPED, "Error"))] * skipped
    outcomes = [Outcome(TurnKind.ACTED, None, tuple(actions))]
    outcomes += [Outcome(TurnKind.UNPARSED, Completion("", ""))] * unparsed
    return Tried(Answer(text, ended), None, (0, 0), tuple(outcomes))


@pytest.mark.parametrize(
    ("attempts", "chosen"),
    [
        ([tried("a", ended=EndReason.TURNS), tried("b", failed=3)], 1),  # an answer before none
        ([tried("a", failed=1), tried("b", unparsed=2), tried("c")], 2),  # fewest failures
        ([tried("a", failed=1), tried("b", skipped=2)], 1),  # a skipped call is no failure
        ([tried("a", "x"), tried("b", "y"), tried("c", "y")], 1),  # the writes that most made
        ([tried("a", "x", "y"), tried("b", "z"), tried("c", "y", "x")], 0),  # in any order
        ([tried("It is 5."), tried("It is 4."), tried("it is 4")], 1),  # the answer that most gave
        ([tried("a"), tried("b"), tried("c")], 0),  # the earliest
    ],
)
def test_the_rule_that_chooses(attempts: Sequence[Tried], chosen: int) -> None:
    assert cleanest(attempts) == chosen


def chosen_by_model(reply: str, **more: Any) -> Played:
    return play([SHIP_1, "One.", MISSING, "Two.", reply], best(2, select="model"), **more)


def test_the_model_may_choose_and_is_told_what_each_attempt_did() -> None:
    played = chosen_by_model("Attempt 2 is better.")
    assert played.answer.text == "Two."
    assert played.desk.state["O-1"] == "open"
    aside = played.of(EventKind.REPLY)[-1]
    assert (aside.branch, aside.layer) == (ASIDE, "best-of-n")
    asked = played.requests[-1].prompt
    assert asked.tools == ()
    assert asked.messages[-1].content == (
        "Ship O-1.\n\n2 attempts were made at this:\n\nAttempt 1:\n"
        '- ship_order({"order_id":"O-1","speed":"normal"}) -> O-1 shipped\nAnswer: One.\n\nAttempt 2:\n'
        '- get_order({"order_id":"O-9"}) -> Error: no order O-9\nAnswer: Two.\n\n'
        "Which attempt did it best? Reply with its number only."
    )


@pytest.mark.parametrize("reply", ["Neither.", "3", "", "0"])
def test_where_the_model_names_none_the_rule_chooses(reply: str) -> None:
    played = chosen_by_model(reply)
    assert played.answer.text == "One."
    assert played.of(EventKind.LAYER)[-1].payload["why"] == "clean: the model named none"


def test_one_attempt_is_the_loop() -> None:
    script = [GET, SHIP_1, "Done."]
    one, loop = play(script, best(1, select="model")), play(script)
    assert [r.rng_key for r in one.requests] == [r.rng_key for r in loop.requests]
    assert one.desk.digest() == loop.desk.digest()


def test_with_a_simulated_user_there_is_one_attempt() -> None:
    played = play([GET, "One.", "Bye."], best(3), user=Chatty("And?"))
    assert len(played.of(EventKind.REPLY)) == 3
    assert "simulated user" in played.of(EventKind.LAYER)[0].payload["cause"]


def test_the_preset_is_the_layer_with_its_defaults() -> None:
    (spec,) = preset("best-of-n")
    assert (spec.name, dict(spec.params)) == ("best-of-n", {"n": 3, "select": "clean"})
